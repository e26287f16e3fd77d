//go:build cgo

package libvirt

import (
	"testing"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/hypervisor"
)

func TestSampleOf(t *testing.T) {
	stats := &virt.DomainStats{
		Cpu:     &virt.DomainStatsCPU{Time: 7},
		Vcpu:    make([]virt.DomainStatsVcpu, 2),
		Balloon: &virt.DomainStatsBalloon{Current: 1032, Maximum: 1024, AvailableSet: true, Available: 1000, UsableSet: true, Usable: 600, UnusedSet: true, Unused: 500, Rss: 2048},
		Block:   []virt.DomainStatsBlock{{RdBytes: 1, WrBytes: 2, RdReqs: 3, WrReqs: 4, Physical: 5}, {RdBytes: 10, Physical: 50}},
		Net:     []virt.DomainStatsNet{{RxBytes: 6, TxBytes: 7}, {RxBytes: 60, TxBytes: 70}},
	}
	want := hypervisor.Sample{
		CPUNanoseconds: 7, CPUs: 2, MemoryBytes: 1 << 20, MemoryUsedBytes: 400 << 10, DiskReadBytes: 11, DiskWriteBytes: 2, DiskReads: 3,
		DiskWrites: 4, DiskUsedBytes: 55, NetReceiveBytes: 66, NetSendBytes: 77,
	}
	if got := sampleOf(stats); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	stats.Balloon.UsableSet = false
	if got := sampleOf(stats).MemoryUsedBytes; got != 500<<10 {
		t.Errorf("an old balloon driver reports only what is unused: %d", got)
	}
	stats.Balloon.AvailableSet = false
	if got := sampleOf(stats).MemoryUsedBytes; got != 2<<20 {
		t.Errorf("a guest without a balloon driver uses what the host holds for it: %d", got)
	}
}

func TestInTransit(t *testing.T) {
	for reason, want := range map[virt.DomainPausedReason]bool{
		virt.DOMAIN_PAUSED_USER: false, virt.DOMAIN_PAUSED_IOERROR: false, virt.DOMAIN_PAUSED_MIGRATION: true, virt.DOMAIN_PAUSED_POSTCOPY: true,
	} {
		if got := inTransit(&virt.DomainStatsState{State: virt.DOMAIN_PAUSED, Reason: int(reason)}); got != want {
			t.Errorf("%d: %v", reason, got)
		}
	}
	if inTransit(nil) || inTransit(&virt.DomainStatsState{State: virt.DOMAIN_RUNNING, Reason: 2}) {
		t.Error("a VM that runs is not in transit")
	}
}
