package hypervisortest

import (
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// testCheckpoints goes on with a VM that has the checkpoints one and two.
func testCheckpoints(t *testing.T, stage Stage, driver Driver, machine id.VM) {
	ctx := t.Context()
	wantCheckpoints(t, driver, machine, "one", "two")
	_, err := driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "three", Since: "never"})
	refused(t, err, fault.KindNotFound)
	stage.Write(t, 0, machine, "vda", 6<<20, 64<<10)
	_, err = driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "three", Since: "two"})
	must(t, err)
	must(t, driver.EndExport(ctx, machine))

	twice(t, func() error { return driver.DeleteCheckpoint(ctx, machine, "two") })
	wantCheckpoints(t, driver, machine, "one", "three")
	stage.Write(t, 0, machine, "vda", 7<<20, 64<<10)
	info, err := driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "four", Since: "one"})
	must(t, err)
	changes := changed(t, info, "vda")
	if !changes.covers(2<<20, 128<<10) || !changes.covers(6<<20, 64<<10) || !changes.covers(7<<20, 64<<10) {
		t.Fatalf("changes since one, over a checkpoint that was deleted: %v", changes)
	}
	must(t, driver.EndExport(ctx, machine))

	must(t, driver.SetPower(ctx, machine, hypervisor.Off))
	must(t, driver.EndExport(ctx, machine))
	twice(t, func() error { return driver.DeleteCheckpoint(ctx, machine, "one") })
	wantCheckpoints(t, driver, machine, "three", "four")
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	info, err = driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "five", Since: "three"})
	must(t, err)
	if !changed(t, info, "vda").covers(7<<20, 64<<10) {
		t.Fatal("bitmaps must outlive a VM that was switched off")
	}
}

func wantCheckpoints(t *testing.T, driver Driver, machine id.VM, want ...string) {
	t.Helper()
	found, err := driver.Checkpoints(t.Context(), machine)
	must(t, err)
	if len(found) != len(want) {
		t.Fatalf("checkpoints: %+v, want %v", found, want)
	}
	for i, checkpoint := range found {
		if checkpoint.Name != want[i] {
			t.Fatalf("checkpoints: %+v, want %v", found, want)
		}
	}
}

func testBrokenBitmap(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	definition := define(t, stage, 0, stage.Disk(t, 0, "vda", "qcow2", false, Blank))
	machine := definition.VM
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	_, err := driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "one"})
	must(t, err)
	must(t, driver.EndExport(ctx, machine))
	must(t, driver.SetPower(ctx, machine, hypervisor.Off)) // writes the bitmap to the image
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	stage.Kill(t, 0, machine)
	eventually(t, "the VM is off", func() bool {
		found, err := driver.Inspect(ctx, machine)
		must(t, err)
		return found.Power == hypervisor.Off
	})
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	_, err = driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "two", Since: "one"})
	refused(t, err, fault.KindNotFound)
	twice(t, func() error { return driver.DeleteCheckpoint(ctx, machine, "one") })
	_, err = driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "two"})
	must(t, err)
	must(t, driver.EndExport(ctx, machine))
	wantCheckpoints(t, driver, machine, "two")
}

func testRawExport(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	definition := define(t, stage, 0, stage.Disk(t, 0, "vda", "raw", false, Blank))
	must(t, driver.SetPower(ctx, definition.VM, hypervisor.On))
	request := hypervisor.Export{VM: definition.VM, Checkpoint: "one"}
	info, err := driver.BeginExport(ctx, request)
	must(t, err)
	_, err = driver.BeginExport(ctx, request)
	must(t, err)
	if disk := exported(t, info, "vda"); disk.MetaContext != "" || len(read(t, info, "vda")) == 0 {
		t.Fatalf("%+v", disk)
	}
	twice(t, func() error { return driver.EndExport(ctx, definition.VM) })
}
