package hypervisortest

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/nbd"
)

// ranges are parts of a disk.
type ranges []nbd.Extent

// covers reports whether all of a part is among the ranges, which are in order and may touch.
func (r ranges) covers(offset, length int64) bool {
	for _, extent := range r {
		if extent.Offset <= offset && offset < extent.Offset+extent.Length {
			taken := min(length, extent.Offset+extent.Length-offset)
			offset, length = offset+taken, length-taken
		}
	}
	return length == 0
}

func (r ranges) bytes() int64 {
	var total int64
	for _, extent := range r {
		total += extent.Length
	}
	return total
}

func exported(t *testing.T, info hypervisor.ExportInfo, device string) hypervisor.ExportDisk {
	t.Helper()
	for _, disk := range info.Disks {
		if disk.Device == device {
			return disk
		}
	}
	t.Fatalf("%s is not exported: %+v", device, info)
	return hypervisor.ExportDisk{}
}

func dial(t *testing.T, info hypervisor.ExportInfo, disk hypervisor.ExportDisk) *nbd.Client {
	t.Helper()
	options := nbd.Options{Export: disk.Export}
	if disk.MetaContext != "" {
		options.Contexts = []string{disk.MetaContext}
	}
	client, err := nbd.Dial(t.Context(), info.Socket, options)
	must(t, err)
	return client
}

// changed reads which parts of a disk changed.
func changed(t *testing.T, info hypervisor.ExportInfo, device string) ranges {
	t.Helper()
	disk := exported(t, info, device)
	client := dial(t, info, disk)
	defer client.Close()
	var found ranges
	must(t, client.Extents(t.Context(), disk.MetaContext, 0, client.Size(), func(extent nbd.Extent) error {
		if extent.Flags&nbd.StateDirty != 0 {
			found = append(found, extent)
		}
		return nil
	}))
	return found
}

// read reads all of a disk.
func read(t *testing.T, info hypervisor.ExportInfo, device string) []byte {
	t.Helper()
	disk := exported(t, info, device)
	client := dial(t, info, disk)
	defer client.Close()
	if client.Size() != disk.SizeBytes {
		t.Fatalf("%s has %d bytes on the socket, %d by name", device, client.Size(), disk.SizeBytes)
	}
	content := make([]byte, disk.SizeBytes)
	must(t, client.ReadAt(t.Context(), content, 0))
	return content
}

func replaceName(checkpoint hypervisor.Checkpoint, name string) string {
	return strings.ReplaceAll(checkpoint.Definition, checkpoint.Name, name)
}

func testExports(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	machine := boot(t, stage, 0, false).VM
	full := hypervisor.Export{VM: machine, Checkpoint: "one"}
	info, err := driver.BeginExport(ctx, full)
	must(t, err)
	if found, err := driver.Inspect(ctx, machine); err != nil || found.Job != hypervisor.BackupJob {
		t.Fatalf("%+v, %v", found, err)
	}
	heir := stage.Open(t, 0)
	again, err := heir.BeginExport(ctx, full)
	if err != nil || !reflect.DeepEqual(info, again) {
		t.Fatalf("the second call found %+v, %v, not %+v", again, err, info)
	}
	_, err = driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "other"})
	refused(t, err, fault.KindConflict)
	refused(t, driver.StartMigration(ctx, hypervisor.Migration{VM: machine, TargetAddress: stage.Address(1)}), fault.KindConflict)
	before := read(t, info, "vda")
	stage.Write(t, 0, machine, "vda", 2<<20, 128<<10)
	if string(before) != string(read(t, info, "vda")) {
		t.Fatal("what the guest writes after the instant must not show")
	}
	twice(t, func() error { return heir.EndExport(ctx, machine) })
	if _, err := os.Stat(filepath.Dir(info.Socket)); !os.IsNotExist(err) {
		t.Fatalf("the export left %s behind: %v", filepath.Dir(info.Socket), err)
	}

	info, err = driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "two", Since: "one"})
	must(t, err)
	if changes := changed(t, info, "vda"); !changes.covers(2<<20, 128<<10) || changes.bytes() > 4<<20 {
		t.Fatalf("changes since one: %v", changes)
	}
	must(t, driver.EndExport(ctx, machine))
	testCheckpoints(t, stage, driver, machine)
}
