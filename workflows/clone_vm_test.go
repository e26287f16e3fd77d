package workflows

import (
	"bytes"
	"encoding/json"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// cloningTo prepares the clone of a VM with a volume, onto the host that a number names, in a pool.
func cloningTo(pool string, on int, start bool) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		w.t.Helper()
		machine := w.withVolume(vm.Running)
		w.writeTo(machine, 0, 5)
		w.stop(machine)
		return w.acceptClone(machine, pool, w.hosts[on], start, "")
	}
}

// cloningRunning is the same of a VM that runs and has been backed up.
func cloningRunning(pool string, on int) func(*world) operation.Operation {
	return afterBackup(func(w *world, machine vm.VM, _ backup.Backup) operation.Operation {
		w.t.Helper()
		w.writeTo(machine, 0, 5)
		return w.acceptClone(machine, pool, w.hosts[on], true, id.New[id.Backup]())
	})
}

func (w *world) acceptClone(source vm.VM, pool string, on *node, start bool, instant id.Backup) operation.Operation {
	w.t.Helper()
	disks, err := w.store.VolumesOf(w.t.Context(), source.ID)
	must(w.t, err)
	made := vm.VM{
		ID: id.New[id.VM](), Project: w.project.ID, Name: "clone", State: vm.Provisioning, Spec: source.Spec, CloudInit: source.CloudInit,
		Interfaces: []vm.Interface{{Network: w.network.ID}},
	}
	request := operation.CloneRequest{VM: made.ID, Source: source.ID, Name: made.Name, Host: on.id, Pool: pool, Start: start, Instant: instant}
	with := store.Acceptance{Claims: []string{string(made.ID), string(source.ID)}, NewVM: &made}
	for _, each := range disks {
		fresh := volume.Volume{
			ID: id.New[id.Volume](), Project: w.project.ID, VM: made.ID, Device: each.Device, Pool: pool, SizeBytes: each.SizeBytes, State: volume.Creating,
		}
		request.Volumes, with.NewVolumes = append(request.Volumes, fresh.ID), append(with.NewVolumes, fresh)
	}
	return w.accept(operation.CloneVM, operation.Subject{Kind: "vm", ID: string(made.ID), Name: made.Name}, request, with)
}

// clonedAs wants a clone in a state, with the bytes of the source's disks and nothing of its identity, and the source as it was.
func clonedAs(wanted vm.State) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		stateIs(wanted)(w, of)
		source, err := w.store.GetVM(w.t.Context(), "", "web")
		must(w.t, err)
		made, err := w.store.GetVM(w.t.Context(), "", of.Subject.ID)
		must(w.t, err)
		was := vm.Stopped
		if asked(w, of).Instant != "" {
			was = vm.Running
			checkpoints, err := w.nodeOf(source.Host).driver.Checkpoints(w.t.Context(), source.ID)
			if err != nil || len(checkpoints) != 1 {
				w.t.Errorf("the source has the checkpoints %v (%v), and had that of its backup", checkpoints, err)
			}
		}
		if source.State != was {
			w.t.Errorf("the source is %s", source.State)
		}
		if made.Interfaces[0].MAC == source.Interfaces[0].MAC || made.Interfaces[0].IP == source.Interfaces[0].IP || made.Image != "" {
			w.t.Errorf("the clone is %+v, and its source %+v", made, source)
		}
		disks, err := w.store.VolumesOf(w.t.Context(), made.ID)
		must(w.t, err)
		if len(disks) != len(source.Volumes) || disks[0].Device != "vda" || disks[len(disks)-1].Name != "" {
			w.t.Fatalf("the clone's disks are %+v", disks)
		}
		disk, err := w.nodeOf(made.Host).driver.Disk(made.ID, "vda")
		must(w.t, err)
		got := make([]byte, len(written(5)))
		must(w.t, disk.ReadAt(got, 0))
		if !bytes.Equal(got, written(5)) {
			w.t.Error("the clone's disk differs from its source's")
		}
	}
}

func asked(w *world, of operation.Operation) (request operation.CloneRequest) {
	w.t.Helper()
	must(w.t, json.Unmarshal(of.Request, &request))
	return request
}
