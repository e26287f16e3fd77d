package hypervisortest

import (
	"bytes"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// testSnapshotDisks leaves setting back to the storage's contract: that is done while the VM is off.
func testSnapshotDisks(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	machine := define(t, stage, 0, stage.Disk(t, 0, "vda", "qcow2", false, Blank), stage.Disk(t, 0, "vdb", "qcow2", false, Blank)).VM
	both, first, second := []string{"vda", "vdb"}, id.New[id.Snapshot](), id.New[id.Snapshot]()
	refused(t, driver.SnapshotDisks(ctx, machine, both, first), fault.KindConflict)
	refused(t, driver.DropDiskSnapshot(ctx, machine, "vda", first), fault.KindConflict)
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	before := exportedNow(t, driver, machine)
	refused(t, driver.SnapshotDisks(ctx, machine, []string{"vda", "vdz"}, first), fault.KindInvalid)
	must(t, driver.SnapshotDisks(ctx, machine, []string{"vdb"}, first))
	twice(t, func() error { return driver.SnapshotDisks(ctx, machine, both, first) })
	must(t, driver.SnapshotDisks(ctx, machine, both, second))
	driver = stage.Open(t, 0)
	twice(t, func() error { return driver.DropDiskSnapshot(ctx, machine, "vda", first) })
	must(t, driver.DropDiskSnapshot(ctx, machine, "vda", id.New[id.Snapshot]()))
	if !bytes.Equal(before, exportedNow(t, driver, machine)) {
		t.Error("a disk that was snapshotted differs from what it was")
	}
	must(t, driver.SetPower(ctx, machine, hypervisor.Suspended))
	twice(t, func() error { return driver.DropDiskSnapshot(ctx, machine, "vdb", second) })
}
