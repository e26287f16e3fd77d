package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/volume"
)

func (w *world) addVolume(disk volume.Volume) volume.Volume {
	w.t.Helper()
	disk.ID, disk.Project, disk.SizeBytes = id.New[id.Volume](), w.project, gib
	for range 2 {
		must(w.t, w.InsertVolume(w.t.Context(), disk))
	}
	return disk
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	disk := w.addVolume(volume.Volume{VM: machine.ID, Device: "vdb", Pool: "shared", Image: w.image})
	found, err := w.GetVolume(ctx, disk.ID)
	must(t, err)
	equal(t, "state", found.State, volume.Creating)
	equal(t, "format", found.Format, "qcow2")
	of, err := w.VolumesOf(ctx, machine.ID)
	must(t, err)
	equal(t, "devices", fmt.Sprintf("%d %s %s", len(of), of[0].Device, of[1].Device), "2 vda vdb")

	none := id.Image("")
	must(t, w.SetVolume(ctx, disk.ID, store.VolumeChange{State: volume.Ready, Host: &w.host, Pool: "local", Format: "raw", Image: &none}))
	found, err = w.GetVolume(ctx, disk.ID)
	must(t, err)
	disk.VMName, disk.HostName = "web", found.HostName
	disk.State, disk.Host, disk.Pool, disk.Image, disk.Format, disk.CreatedAt = volume.Ready, w.host, "local", "", "raw", found.CreatedAt
	equal(t, "changed", found, disk)
	must(t, w.SetVolume(ctx, disk.ID, store.VolumeChange{}))
	found, err = w.GetVolume(ctx, disk.ID)
	must(t, err)
	equal(t, "left as it is", found, disk)

	for range 2 {
		must(t, w.DeleteVolume(ctx, disk.ID))
	}
	_, err = w.GetVolume(ctx, disk.ID)
	wantFault(t, err, fault.KindNotFound)
	wantFault(t, w.SetVolume(ctx, disk.ID, store.VolumeChange{}), fault.KindNotFound)
	disk.VM = id.New[id.VM]()
	wantFault(t, w.InsertVolume(ctx, disk), fault.KindNotFound, "VM")
}

func TestNamedVolumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	data := w.addVolume(volume.Volume{Name: "data", Pool: "shared", State: volume.Ready})
	other := data
	other.ID = id.New[id.Volume]()
	wantFault(t, w.InsertVolume(ctx, other), fault.KindConflict, "data")
	wantFault(t, w.RenameVolume(ctx, id.New[id.Volume](), "x"), fault.KindNotFound)

	for range 2 {
		must(t, w.AttachVolume(ctx, machine.ID, data.ID, "vdb"))
	}
	found, err := w.FindVolume(ctx, w.project, "data")
	must(t, err)
	equal(t, "attached", found.Label()+" "+found.VMName+" "+found.Device, "data web vdb")
	_, err = w.TrashVolume(ctx, data.ID, time.Now())
	wantFault(t, err, fault.KindConflict, "detach it first")

	// Its name goes with the disk that takes its place.
	moved := w.addVolume(volume.Volume{Device: "vdb", Pool: "shared"})
	for range 2 {
		must(t, w.MoveVolume(ctx, machine.ID, data.ID, moved.ID))
	}
	found, err = w.FindVolume(ctx, w.project, "data")
	must(t, err)
	equal(t, "moved", found.ID, moved.ID)

	// It outlives its VM.
	must(t, w.DeleteVM(ctx, machine.ID))
	found, err = w.GetVolume(ctx, moved.ID)
	must(t, err)
	equal(t, "without its VM", found.Label()+" "+found.VMName+found.Device+string(found.State), "data ready")

	expired, err := w.TrashVolume(ctx, moved.ID, time.Now().Add(-time.Second))
	must(t, err)
	equal(t, "state", expired.State, volume.Trashed)
	all, err := w.ExpiredVolumes(ctx, time.Now())
	must(t, err)
	equal(t, "expired", len(all), 1)
	all, err = w.ExpiredVolumes(ctx, time.Now().Add(-time.Hour))
	must(t, err)
	equal(t, "expired an hour ago", len(all), 0)
	found, err = w.RestoreVolume(ctx, moved.ID)
	must(t, err)
	equal(t, "restored", found.State, volume.Ready)
	_, err = w.RestoreVolume(ctx, moved.ID)
	wantFault(t, err, fault.KindConflict)

	for i := range 4 {
		w.addVolume(volume.Volume{Name: fmt.Sprintf("more-%d", i), Pool: "shared", State: volume.Ready})
	}
	var names []string
	for cursor := ""; ; {
		page, next, err := w.ListVolumes(ctx, store.VolumeFilter{Project: w.project, Query: "more", Limit: 3, Cursor: cursor})
		must(t, err)
		for _, each := range page {
			names = append(names, each.Name)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	equal(t, "names", fmt.Sprint(names), "[more-0 more-1 more-2 more-3]")
}

func TestVolumesOnHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	own := machine.Volumes[0]
	must(t, w.SetVolume(t.Context(), own, store.VolumeChange{Host: &w.host}))
	w.addVolume(volume.Volume{VM: machine.ID, Device: "vdb", Pool: "shared"})
	w.addVolume(volume.Volume{Device: "vda", Pool: "shared"})
	w.addVolume(volume.Volume{Device: "vda", Pool: "local", Host: w.addHost("h2")})
	found, err := w.VolumesOnHost(t.Context(), w.host)
	must(t, err)
	equal(t, "its own and those of its VMs", len(found), 2)
}

func TestReplaceVolumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	restored := w.addVolume(volume.Volume{Device: "vda", Pool: "local"})
	for range 2 {
		must(t, w.ReplaceVolumes(ctx, machine.ID, machine.Volumes, []id.Volume{restored.ID}))
	}
	found, err := w.GetVM(ctx, w.project, "web")
	must(t, err)
	equal(t, "volumes", fmt.Sprint(found.Volumes), fmt.Sprint([]id.Volume{restored.ID}))
	equal(t, "image", found.Image, "")
	old, err := w.GetVolume(ctx, machine.Volumes[0])
	must(t, err)
	equal(t, "old one's state", old.State, volume.Deleting)
	equal(t, "old one's VM", old.VM, "")

	wantFault(t, w.ReplaceVolumes(ctx, machine.ID, nil, []id.Volume{"vol_none"}), fault.KindNotFound, "1 of the 1")
	wantFault(t, w.ReplaceVolumes(ctx, "vm_none", nil, nil), fault.KindNotFound)
}
