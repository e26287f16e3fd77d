package hypervisortest

import (
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

func testAttachDisk(t *testing.T, stage Stage) {
	definition := boot(t, stage, 0, false)
	machine, root := definition.VM, definition.Disks[0]
	disks := map[string]hypervisor.Disk{
		"vdb": stage.Disk(t, 0, "vdb", "qcow2", false, Blank), "sda": stage.Disk(t, 0, "sda", "raw", false, Blank),
	}
	ctx, driver := t.Context(), stage.Open(t, 0)
	plugged := func(device string) {
		t.Helper()
		twice(t, func() error { return driver.AttachDisk(ctx, machine, disks[device]) })
		wantDisks(t, driver, machine, root, disks[device])
	}
	// The guest has to let go, which takes a moment; one that is still starting does not hear it.
	unplugged := func(device string) {
		t.Helper()
		eventually(t, "the guest lets go of "+device, func() bool {
			err := driver.DetachDisk(ctx, machine, disks[device])
			if err != nil && !fault.Is(err, fault.KindUnavailable) {
				t.Fatalf("a guest that holds a disk must be unavailable: %v", err)
			}
			return err == nil
		})
		must(t, driver.DetachDisk(ctx, machine, disks[device]))
		wantDisks(t, driver, machine, root)
	}
	for device, disk := range disks {
		plugged(device)
		another := disk
		another.Path = root.Path
		refused(t, driver.AttachDisk(ctx, machine, another), fault.KindConflict)
		stage.Write(t, 0, machine, device, 4096, 4096)
		unplugged(device)
	}
	odd := disks["vdb"]
	odd.Device = "hda1"
	refused(t, driver.AttachDisk(ctx, machine, odd), fault.KindInvalid)
	refused(t, driver.AttachDisk(ctx, id.New[id.VM](), disks["vdb"]), fault.KindNotFound)
	refused(t, driver.DetachDisk(ctx, id.New[id.VM](), disks["vdb"]), fault.KindNotFound)

	// What is plugged in while the VM runs is there when it starts again, and what is unplugged is not.
	plugged("vdb")
	must(t, driver.SetPower(ctx, machine, hypervisor.Off))
	wantDisks(t, driver, machine, root, disks["vdb"])
	unplugged("vdb")
	plugged("sda")
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	wantDisks(t, driver, machine, root, disks["sda"])
}

func wantDisks(t *testing.T, driver Driver, machine id.VM, disks ...hypervisor.Disk) {
	t.Helper()
	found, err := driver.Inspect(t.Context(), machine)
	must(t, err)
	for _, wanted := range disks {
		there := false
		for _, disk := range found.Disks {
			there = there || disk == wanted
		}
		if !there {
			t.Fatalf("disk %+v is not among %+v", wanted, found.Disks)
		}
	}
	if len(found.Disks) != len(disks) {
		t.Fatalf("disks: %+v, want %+v", found.Disks, disks)
	}
}
