package workflows

import (
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

func (w *world) acceptCreateVolume(name, pool string) operation.Operation {
	w.t.Helper()
	made := volume.Volume{
		ID: id.New[id.Volume](), Project: w.project.ID, Name: name, Pool: pool, SizeBytes: 2 << 20, Format: "qcow2", State: volume.Creating,
	}
	if pool == "local" {
		made.Host = w.hosts[0].id
	}
	return w.accept(operation.CreateVolume, operation.Subject{Kind: "volume", ID: string(made.ID), Name: name}, operation.VolumeRef{Volume: made.ID},
		store.Acceptance{Claims: []string{string(made.ID)}, NewVolumes: []volume.Volume{made}})
}

func (w *world) acceptOnVolume(of volume.Volume, kind operation.Kind) operation.Operation {
	w.t.Helper()
	return w.acceptWith(of, kind, operation.VolumeRef{Volume: of.ID})
}

func (w *world) acceptWith(of volume.Volume, kind operation.Kind, request any, made ...volume.Volume) operation.Operation {
	w.t.Helper()
	return w.accept(kind, operation.Subject{Kind: "volume", ID: string(of.ID), Name: of.Name}, request,
		store.Acceptance{Claims: []string{string(of.ID)}, NewVolumes: made})
}

// createVolume makes a volume, or fails the test.
func (w *world) createVolume(name, pool string) volume.Volume {
	w.t.Helper()
	ended := w.run(w.acceptCreateVolume(name, pool))
	if ended.State != operation.Succeeded {
		w.t.Fatalf("create a volume: %+v", ended.Error)
	}
	return w.volume(name)
}

func (w *world) volume(name string) volume.Volume {
	w.t.Helper()
	found, err := w.store.FindVolume(w.t.Context(), "", name)
	must(w.t, err)
	return found
}

func (w *world) acceptAttach(machine vm.VM, of volume.Volume) operation.Operation {
	w.t.Helper()
	return w.accept(operation.AttachVolume, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name},
		operation.AttachRequest{VM: machine.ID, Volume: of.ID, Device: "vdb"}, store.Acceptance{Claims: []string{string(machine.ID), string(of.ID)}})
}

func (w *world) acceptDetach(machine vm.VM, of volume.Volume) operation.Operation {
	w.t.Helper()
	return w.accept(operation.DetachVolume, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name},
		operation.DetachRequest{VM: machine.ID, Volume: of.ID, Name: of.Name, Grace: 1}, store.Acceptance{Claims: []string{string(machine.ID), string(of.ID)}})
}

func (w *world) readyVM(state vm.State) vm.VM {
	w.t.Helper()
	machine := w.provision("web", "local", w.hosts[0])
	if state == vm.Stopped {
		w.stop(machine)
	}
	return machine
}

// withVolume is a VM on the first host that has volume "data" as vdb.
func (w *world) withVolume(state vm.State) vm.VM {
	w.t.Helper()
	machine := w.readyVM(state)
	if ended := w.run(w.acceptAttach(machine, w.createVolume("data", "local"))); ended.State != operation.Succeeded {
		w.t.Fatalf("attach: %+v", ended.Error)
	}
	return machine
}

func attaching(state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		return w.acceptAttach(w.readyVM(state), w.createVolume("data", "local"))
	}
}

func detaching(state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation { return w.acceptDetach(w.withVolume(state), w.volume("data")) }
}

func volumeIs(pool, device string) func(*world, operation.Operation) {
	return func(w *world, _ operation.Operation) {
		w.t.Helper()
		found := w.volume("data")
		if found.Pool != pool || found.Device != device || found.State != volume.Ready || (found.VM != "") != (device != "") {
			w.t.Errorf("the volume is %+v", found)
		}
	}
}

func volumeGrew(bytes int64) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		volumeIs("local", "")(w, of)
		recorded := w.volume("data")
		if held := w.hosts[0].local.Disk(recorded.ID); recorded.SizeBytes != bytes || held.Size() != bytes {
			w.t.Errorf("the volume has %d bytes, and %d in the inventory", held.Size(), recorded.SizeBytes)
		}
	}
}

// movingVolume is the move of a volume that has limits and holds something.
func movingVolume(w *world) operation.Operation {
	w.t.Helper()
	of := w.createVolume("data", "local")
	must(w.t, w.store.LimitVolume(w.t.Context(), of.ID, someLimits))
	must(w.t, w.hosts[0].local.Disk(of.ID).WriteAt([]byte{7}, 1<<20))
	request := operation.MoveVolumeRequest{Volume: of.ID, New: id.New[id.Volume](), Pool: "shared"}
	return w.acceptWith(of, operation.MoveVolume, request, volume.Volume{
		ID: request.New, Project: of.Project, Pool: "shared", SizeBytes: of.SizeBytes, State: volume.Creating,
	})
}

func volumeMoved(w *world, of operation.Operation) {
	w.t.Helper()
	volumeIs("shared", "")(w, of)
	recorded, content := w.volume("data"), make([]byte, 1)
	must(w.t, w.shared.Disk(recorded.ID).ReadAt(content, 1<<20))
	if content[0] != 7 || recorded.Limits != someLimits || recorded.Host != "" {
		w.t.Errorf("%+v reads %d", recorded, content[0])
	}
}

func volumeGone(w *world, _ operation.Operation) {
	w.t.Helper()
	if _, err := w.store.FindVolume(w.t.Context(), "", "data"); !fault.Is(err, fault.KindNotFound) {
		w.t.Errorf("the volume is still in the inventory: %v", err)
	}
}

func TestGuestThatHoldsItsDisk(t *testing.T) {
	w := newWorld(t)
	machine := w.withVolume(vm.Running)
	must(t, w.hosts[0].driver.HoldDisks(machine.ID, true))
	ended := w.run(w.acceptDetach(machine, w.volume("data")))
	if ended.State != operation.Failed || !strings.Contains(ended.Error.Message, "does not let go of disk vdb") {
		t.Errorf("%s: %+v", ended.State, ended.Error)
	}
	volumeIs("local", "vdb")(w, ended)
	w.check("a guest that holds its disk")
}

func TestAttachOfVolumeOnAnotherHost(t *testing.T) {
	w := newWorld(t)
	machine := w.provision("web", "local", w.hosts[1])
	ended := w.run(w.acceptAttach(machine, w.createVolume("data", "local")))
	if ended.State != operation.Failed || !strings.Contains(ended.Error.Message, "migrate the VM there first") {
		t.Errorf("%s: %+v", ended.State, ended.Error)
	}
	volumeIs("local", "")(w, ended)
	w.check("a volume of another host")
}

func TestVolumeKeepsItsNameWhenItMoves(t *testing.T) {
	w := newWorld(t)
	machine, moving := w.withVolume(vm.Running), operation.MoveDiskRequest{New: id.New[id.Volume](), Pool: "shared"}
	old := w.volume("data")
	moving.VM, moving.Volume = machine.ID, old.ID
	ended := w.run(w.accept(operation.MoveDisk, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, moving, store.Acceptance{
		Claims: []string{string(machine.ID)},
		NewVolumes: []volume.Volume{{
			ID: moving.New, Project: machine.Project, Device: old.Device, Pool: "shared", SizeBytes: old.SizeBytes, State: volume.Creating,
		}},
	}))
	if ended.State != operation.Succeeded {
		t.Fatalf("%+v", ended.Error)
	}
	volumeIs("shared", "vdb")(w, ended)
	w.check("a volume that moved")
}

var someLimits = volume.Limits{IOPS: 100, BytesPerSecond: 1 << 20}

func limitingDisk(state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.readyVM(state)
		return w.acceptOn(machine, operation.LimitDisk, operation.LimitDiskRequest{VM: machine.ID, Volume: machine.Volumes[0], Limits: someLimits})
	}
}

func diskIsLimited(w *world, of operation.Operation) {
	w.t.Helper()
	disks, err := w.store.VolumesOf(w.t.Context(), id.VM(of.Subject.ID))
	must(w.t, err)
	seen, err := w.hosts[0].driver.Inspect(w.t.Context(), id.VM(of.Subject.ID))
	must(w.t, err)
	if disks[0].Limits != someLimits || seen.Disks[0].Limits != someLimits {
		w.t.Errorf("the disk is limited to %+v, and to %+v in the inventory", seen.Disks[0].Limits, disks[0].Limits)
	}
}

func TestVolumeTakenOutOfTheTrashInTime(t *testing.T) {
	w := newWorld(t)
	kept := w.createVolume("data", "local")
	ended := w.run(w.accept(operation.DeleteVolume, operation.Subject{Kind: "volume", ID: string(kept.ID), Name: kept.Name},
		operation.VolumeRef{Volume: kept.ID, Expired: true}, store.Acceptance{Claims: []string{string(kept.ID)}}))
	if ended.State != operation.Failed || !strings.Contains(ended.Error.Message, "taken out of the trash in time") {
		t.Errorf("%s: %+v", ended.State, ended.Error)
	}
	volumeIs("local", "")(w, ended)
	w.check("a volume that was taken back")
}
