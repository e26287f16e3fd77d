//go:build cgo

package libvirt

import (
	"errors"
	"testing"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
)

const someVM id.VM = "vm_01JD3M8Q7X2C4W9V6T5R1N0KZP"

func newTrackers(t *testing.T) *Driver {
	t.Helper()
	return &Driver{migrations: map[id.VM]*tracker{}, farewells: map[id.VM]farewell{}, frozen: map[id.VM]int{}}
}

func TestRounds(t *testing.T) {
	job := newTrackers(t).track(someVM)
	job.note(&virt.DomainJobInfo{}, false) // setting up: nothing to see, and not begun
	select {
	case <-job.begun:
		t.Fatal("nothing moves yet")
	default:
	}
	for _, reading := range []virt.DomainJobInfo{
		{MemIteration: 1, MemTotal: 100, MemRemaining: 100},
		{MemIteration: 1, MemTotal: 100, MemRemaining: 40, MemProcessed: 60},
		{MemIteration: 2, MemTotal: 100, MemRemaining: 30, MemProcessed: 100, MemDirtyRate: 2, MemPageSize: 4096, Downtime: 70},
		{MemIteration: 2, MemTotal: 100, MemRemaining: 5, MemProcessed: 125, AutoConvergeThrottle: 20},
		{MemIteration: 1, MemTotal: 100, MemRemaining: 4, MemProcessed: 126},
	} {
		job.note(&reading, false)
	}
	<-job.begun
	rounds := job.status().Rounds
	if len(rounds) != 2 || rounds[0].Iteration != 1 || rounds[1].Iteration != 2 {
		t.Fatalf("%+v", rounds)
	}
	if rounds[0].RemainingBytes != 30 || rounds[0].DirtyRateBytes != 8192 || rounds[0].ExpectedDowntimeMS != 70 {
		t.Errorf("a finished round says what it left: %+v", rounds[0])
	}
	if rounds[1].RemainingBytes != 4 {
		t.Errorf("the last round is as it was read last: %+v", rounds[1])
	}
	job.note(&virt.DomainJobInfo{MemIteration: 3, MemTotal: 100, MemRemaining: 3}, true)
	if status := job.status(); status.Phase != hypervisor.MigrationPostCopy || !status.Rounds[2].PostCopy || status.Rounds[1].PostCopy {
		t.Errorf("%+v", status)
	}
	job.end(hypervisor.MigrationDone, outcomeOf(&virt.DomainJobInfo{TimeElapsed: 9, Downtime: 1, MemIteration: 3, MemProcessed: 1, DiskProcessed: 2}), nil)
	want := precopy.Outcome{TotalMS: 9, DowntimeMS: 1, Iterations: 3, TransferredBytes: 3, PostCopy: true}
	if status := job.status(); status.Phase != hypervisor.MigrationDone || *status.Outcome != want {
		t.Errorf("%+v", status)
	}
}

func TestTrackers(t *testing.T) {
	d := newTrackers(t)
	first := d.track(someVM)
	if first == nil || d.track(someVM) != nil || d.trackerOf(someVM) != first || !first.own() {
		t.Fatal("a VM has one tracker at a time")
	}
	first.wake()
	first.wake() // does not block
	if _, on := first.pause(nil); !on {
		t.Fatal("a kick is no end")
	}
	returned := make(chan error, 1)
	returned <- errUnwitnessed
	if err, on := first.pause(returned); on || !errors.Is(err, errUnwitnessed) {
		t.Fatal(err, on)
	}
	d.forget(someVM)
	if d.trackerOf(someVM) != first {
		t.Fatal("a tracker at work was forgotten")
	}
	first.end(hypervisor.MigrationFailed, nil, virt.Error{Code: virt.ERR_OPERATION_FAILED, Message: "log:\nthe target refuses"})
	if status := first.status(); status.Error != "the target refuses" || !first.over() {
		t.Fatalf("%+v", status)
	}
	if !fault.Is(first.refusal(), fault.KindInternal) {
		t.Fatal(first.refusal())
	}
	second := d.track(someVM)
	if second == nil || second == first {
		t.Fatal("a failed migration may be tried again")
	}
	second.end(hypervisor.MigrationGone, nil, nil)
	if second.refusal() != nil {
		t.Fatal(second.refusal())
	}
	d.noteFarewell(someVM, func(f *farewell) { f.migrated = true })
	if !d.farewellOf(someVM).migrated {
		t.Fatal("the farewell was not kept")
	}
	d.forget(someVM)
	if d.trackerOf(someVM) != nil || d.farewellOf(someVM).migrated {
		t.Fatal("a VM that was removed is still known")
	}
	var none *tracker
	none.wake()
}

func TestMigrationParameters(t *testing.T) {
	parameters, flags := migrationParameters(hypervisor.Migration{TargetAddress: "fd00::1"}, "qemu+tcp")
	if parameters.URI != "tcp://[fd00::1]" || flags != migrationFlags || parameters.BandwidthSet || parameters.MigrateDisksSet {
		t.Errorf("%+v, %x", parameters, flags)
	}
	parameters, flags = migrationParameters(hypervisor.Migration{
		TargetAddress: "10.0.0.1", CopyDisks: []string{"vda"}, BandwidthBytes: 1, AllowPostCopy: true, AllowThrottle: true,
	}, SecureScheme)
	want := virt.MIGRATE_TLS | migrationFlags | virt.MIGRATE_NON_SHARED_INC | virt.MIGRATE_POSTCOPY | virt.MIGRATE_AUTO_CONVERGE
	if parameters.URI != "tcp://10.0.0.1" || flags != want || parameters.Bandwidth != 1 || parameters.MigrateDisks[0] != "vda" {
		t.Errorf("%+v, %x", parameters, flags)
	}
}
