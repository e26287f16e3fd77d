package hypervisortest

import (
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
)

// testSeed proves that a seed is in nobody's way: it is no disk, and disks come and go, are exported and migrate beside it.
func testSeed(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	root, added := stage.Disk(t, 0, "vda", "qcow2", false, System), stage.Disk(t, 0, "sda", "raw", false, Blank)
	definition := define(t, stage, 0, root)
	definition.Seed = "seed.iso"
	refused(t, driver.Define(ctx, definition), fault.KindInvalid)
	definition.Seed = stage.Seed(t)
	twice(t, func() error { return driver.Define(ctx, definition) })
	wantDisks(t, driver, definition.VM, root)
	must(t, driver.SetPower(ctx, definition.VM, hypervisor.On))
	must(t, driver.Define(ctx, definition))
	awaitAgent(t, driver, definition.VM)

	must(t, driver.AttachDisk(ctx, definition.VM, added))
	wantDisks(t, driver, definition.VM, root, added)
	info, err := driver.BeginExport(ctx, hypervisor.Export{VM: definition.VM, Checkpoint: "c1"})
	must(t, err)
	if len(info.Disks) != 2 {
		t.Fatalf("exported %+v", info.Disks)
	}
	must(t, driver.EndExport(ctx, definition.VM))

	for _, disk := range []hypervisor.Disk{root, added} {
		stage.Receptacle(t, 1, disk)
	}
	travel(t, stage, hypervisor.Migration{VM: definition.VM, CopyDisks: []string{"vda", "sda"}}, hypervisor.On)
	target := stage.Open(t, 1)
	wantDisks(t, target, definition.VM, root, added)
	awaitAgent(t, target, definition.VM)
}
