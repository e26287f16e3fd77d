package hypervisortest

import (
	"bytes"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

func testDiskCopy(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	disk := stage.Disk(t, 0, "vda", "qcow2", false, Blank)
	target := stage.Disk(t, 0, "vda", "raw", false, Blank)
	elsewhere := stage.Disk(t, 0, "vda", "qcow2", false, Blank)
	definition := define(t, stage, 0, disk)
	machine := definition.VM
	request := hypervisor.DiskCopy{VM: machine, To: target}
	refused(t, driver.StartDiskCopy(ctx, request), fault.KindConflict)
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	before := exportedNow(t, driver, machine)
	refused(t, driver.SwitchDisk(ctx, machine, target), fault.KindConflict)
	twice(t, func() error { return driver.AbortDiskCopy(ctx, machine, "vda") })
	odd := request
	odd.To.Device = "vdz"
	refused(t, driver.StartDiskCopy(ctx, odd), fault.KindInvalid)

	must(t, driver.StartDiskCopy(ctx, request))
	driver = stage.Open(t, 0)
	must(t, driver.StartDiskCopy(ctx, request))
	refused(t, driver.StartDiskCopy(ctx, hypervisor.DiskCopy{VM: machine, To: elsewhere}), fault.KindConflict)
	twice(t, func() error { return driver.AbortDiskCopy(ctx, machine, "vda") })
	if status, err := driver.DiskCopyStatus(ctx, machine, "vda"); err != nil || status.Active {
		t.Fatalf("after it was aborted: %+v, %v", status, err)
	}
	wantDisk(t, driver, machine, hypervisor.On, disk)

	must(t, driver.StartDiskCopy(ctx, request))
	eventually(t, "the copy is ready", func() bool {
		status, err := driver.DiskCopyStatus(ctx, machine, "vda")
		must(t, err)
		if !status.Active || status.TotalBytes < status.DoneBytes {
			t.Fatalf("while it is copied: %+v", status)
		}
		return status.Ready
	})
	twice(t, func() error { return driver.SwitchDisk(ctx, machine, target) })
	must(t, driver.AbortDiskCopy(ctx, machine, "vda"))
	wantDisk(t, driver, machine, hypervisor.On, target)
	if after := exportedNow(t, driver, machine); !bytes.Equal(before, after) {
		t.Error("the copy differs from the disk")
	}
	// What was switched to must be what is found when the VM is off, or it would start with the old disk.
	must(t, driver.SetPower(ctx, machine, hypervisor.Off))
	wantDisk(t, driver, machine, hypervisor.Off, target)
}

func exportedNow(t *testing.T, driver Driver, machine id.VM) []byte {
	t.Helper()
	info, err := driver.BeginExport(t.Context(), hypervisor.Export{VM: machine, Checkpoint: "now"})
	must(t, err)
	content := read(t, info, "vda")
	must(t, driver.EndExport(t.Context(), machine))
	must(t, driver.DeleteCheckpoint(t.Context(), machine, "now"))
	return content
}

func wantDisk(t *testing.T, driver Driver, machine id.VM, power hypervisor.Power, disk hypervisor.Disk) {
	t.Helper()
	found := wantPower(t, driver, machine, power)
	if len(found.Disks) != 1 || found.Disks[0] != disk {
		t.Fatalf("disks: %+v, want %+v", found.Disks, disk)
	}
}
