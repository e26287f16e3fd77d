//go:build cgo

package libvirt

import (
	"context"
	"time"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/hypervisor"
)

const (
	sampledStats = virt.DOMAIN_STATS_STATE | virt.DOMAIN_STATS_CPU_TOTAL | virt.DOMAIN_STATS_BALLOON | virt.DOMAIN_STATS_VCPU |
		virt.DOMAIN_STATS_INTERFACE | virt.DOMAIN_STATS_BLOCK
	// A domain that is busy with a job answers with what libvirt has at hand; nobody waits for it.
	sampledDomains = virt.CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | virt.CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
)

// Sample reads every running VM of ours in one call.
func (d *Driver) Sample(ctx context.Context) ([]hypervisor.Sample, error) {
	return call(ctx, d.main, func(connection *virt.Connect) ([]hypervisor.Sample, error) {
		all, err := connection.GetAllDomainStats(nil, sampledStats, sampledDomains)
		if err != nil {
			return nil, err
		}
		now := time.Now().UTC()
		var samples []hypervisor.Sample
		for i := range all {
			name, err := all[i].Domain.GetName()
			_ = all[i].Domain.Free()
			if err != nil {
				return nil, err
			}
			if vm, ours := vmNamed(name); ours && all[i].Cpu != nil && !inTransit(all[i].State) {
				sample := sampleOf(&all[i])
				sample.VM, sample.At = vm, now
				samples = append(samples, sample)
			}
		}
		return samples, nil
	})
}

// inTransit tells the end of a migration that does not run the VM, whose counters would be taken for the VM's.
func inTransit(state *virt.DomainStatsState) bool {
	if state == nil || state.State != virt.DOMAIN_PAUSED {
		return false
	}
	switch virt.DomainPausedReason(state.Reason) {
	case virt.DOMAIN_PAUSED_MIGRATION, virt.DOMAIN_PAUSED_STARTING_UP, virt.DOMAIN_PAUSED_POSTCOPY, virt.DOMAIN_PAUSED_POSTCOPY_FAILED:
		return true
	}
	return false
}

// sampleOf adds up a domain's counters. The balloon counts in KiB.
func sampleOf(stats *virt.DomainStats) hypervisor.Sample {
	sample := hypervisor.Sample{CPUNanoseconds: int64(stats.Cpu.Time), CPUs: len(stats.Vcpu)}
	if balloon := stats.Balloon; balloon != nil {
		// QEMU counts what it rounded up; the VM has what was asked for.
		sample.MemoryBytes = int64(min(balloon.Current, balloon.Maximum)) << 10
		switch {
		case balloon.AvailableSet && balloon.UsableSet:
			sample.MemoryUsedBytes = int64(balloon.Available-balloon.Usable) << 10
		case balloon.AvailableSet && balloon.UnusedSet:
			sample.MemoryUsedBytes = int64(balloon.Available-balloon.Unused) << 10
		default:
			sample.MemoryUsedBytes = int64(balloon.Rss) << 10
		}
	}
	for _, disk := range stats.Block {
		sample.DiskReadBytes += int64(disk.RdBytes)
		sample.DiskWriteBytes += int64(disk.WrBytes)
		sample.DiskReads += int64(disk.RdReqs)
		sample.DiskWrites += int64(disk.WrReqs)
		sample.DiskUsedBytes += int64(disk.Physical)
	}
	// libvirt counts what the tap device receives and sends, which is what the guest sends and receives; for a card of type
	// bridge it has swapped them already (virNetDevTapInterfaceStats).
	for _, card := range stats.Net {
		sample.NetReceiveBytes += int64(card.RxBytes)
		sample.NetSendBytes += int64(card.TxBytes)
	}
	return sample
}
