package workflows

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/snapshot"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

func (w *world) acceptSnapshot(machine vm.VM, name string) operation.Operation {
	w.t.Helper()
	volumes, err := w.store.VolumesOf(w.t.Context(), machine.ID)
	must(w.t, err)
	made := snapshot.Snapshot{ID: id.New[id.Snapshot](), VM: machine.ID, Name: name}
	for _, each := range volumes {
		made.Disks = append(made.Disks, snapshot.Disk{Volume: each.ID, Device: each.Device, SizeBytes: each.SizeBytes})
	}
	return w.accept(operation.TakeSnapshot, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name},
		operation.SnapshotRequest{VM: machine.ID, Snapshot: made.ID}, store.Acceptance{Claims: []string{string(machine.ID)}, NewSnapshot: &made})
}

func (w *world) snapshot(machine vm.VM, name string) snapshot.Snapshot {
	w.t.Helper()
	if ended := w.run(w.acceptSnapshot(machine, name)); ended.State != operation.Succeeded {
		w.t.Fatalf("snapshot: %+v", ended.Error)
	}
	found, err := w.store.FindSnapshot(w.t.Context(), machine.ID, name)
	must(w.t, err)
	return found
}

func snapshotting(pool string, state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.provision("web", pool, w.hosts[0])
		if state == vm.Stopped {
			w.stop(machine)
		}
		return w.acceptSnapshot(machine, "first")
	}
}

// settingBack takes two snapshots, writes after each, and goes back to the first.
func settingBack(state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.readyVM(vm.Running)
		w.writeTo(machine, 1<<20, 1)
		first := w.snapshot(machine, "first")
		w.writeTo(machine, 1<<20, 2)
		w.snapshot(machine, "second")
		w.writeTo(machine, 1<<20, 3)
		if state == vm.Stopped {
			w.stop(machine)
		}
		return w.acceptOn(machine, operation.RevertSnapshot, operation.RevertRequest{VM: machine.ID, Snapshot: first.ID, Start: state == vm.Running})
	}
}

func reverted(state vm.State) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		stateIs(state)(w, of)
		snapshotsAre("first", "second")(w, of)
		machine, err := w.store.GetVM(w.t.Context(), "", of.Subject.ID)
		must(w.t, err)
		current, err := w.store.FindSnapshot(w.t.Context(), machine.ID, string(machine.Snapshot))
		must(w.t, err)
		if current.Name != "first" || !current.Current {
			w.t.Errorf("the disks have changed since %+v", current)
		}
		content := make([]byte, 1)
		must(w.t, w.hosts[0].local.Disk(machine.Volumes[0]).ReadAt(content, 1<<20))
		if want := written(1)[0]; content[0] != want {
			w.t.Errorf("the disk holds %d, not %d", content[0], want)
		}
	}
}

func unsnapshotting(state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.readyVM(vm.Running)
		first := w.snapshot(machine, "first")
		w.snapshot(machine, "second")
		if state == vm.Stopped {
			w.stop(machine)
		}
		return w.acceptOn(machine, operation.DeleteSnapshot, operation.SnapshotRequest{VM: machine.ID, Snapshot: first.ID})
	}
}

func snapshotsAre(names ...string) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		all, err := w.store.SnapshotsOf(w.t.Context(), id.VM(of.Subject.ID))
		must(w.t, err)
		var found []string
		for _, each := range all {
			found = append(found, each.Name)
			if each.State != snapshot.Ready {
				w.t.Errorf("snapshot %s is %s", each.Name, each.State)
			}
		}
		if !slices.Equal(found, names) {
			w.t.Errorf("the snapshots are %v, not %v", found, names)
		}
	}
}

// checkSnapshots wants the volumes of a VM to hold the snapshots that the inventory says, and no others.
func (w *world) checkSnapshots(after string, machine vm.VM) {
	w.t.Helper()
	ctx := w.t.Context()
	recorded, err := w.store.SnapshotsOf(ctx, machine.ID)
	must(w.t, err)
	volumes, err := w.store.VolumesOf(ctx, machine.ID)
	must(w.t, err)
	for _, each := range volumes {
		var pool storage.Snapshotter = w.shared
		if each.Pool == "local" {
			pool = w.nodeOf(machine.Host).local
		}
		kept, err := pool.Snapshots(ctx, each.ID)
		if fault.Is(err, fault.KindNotFound) {
			continue // which is told elsewhere
		}
		must(w.t, err)
		wanted := map[id.Snapshot]bool{}
		for _, one := range recorded {
			for _, disk := range one.Disks {
				wanted[one.ID] = wanted[one.ID] || disk.Volume == each.ID
			}
		}
		for _, one := range kept {
			if !wanted[one] {
				w.t.Errorf("%s: volume %s has snapshot %s, which the inventory does not", after, each.ID, one)
			}
			delete(wanted, one)
		}
		for one, in := range wanted {
			if in {
				w.t.Errorf("%s: volume %s lacks snapshot %s", after, each.ID, one)
			}
		}
	}
}

func TestSnapshotTree(t *testing.T) {
	w := newWorld(t)
	machine := w.readyVM(vm.Running)
	first := w.snapshot(machine, "first")
	second := w.snapshot(machine, "second")
	third := w.snapshot(machine, "third")
	if first.Parent != "" || second.Parent != first.ID || third.Parent != second.ID || !third.Quiesced {
		t.Errorf("the snapshots are %+v, %+v, %+v", first, second, third)
	}
	ended := w.run(w.acceptOn(machine, operation.DeleteSnapshot, operation.SnapshotRequest{VM: machine.ID, Snapshot: second.ID}))
	if ended.State != operation.Succeeded {
		t.Fatalf("%+v", ended.Error)
	}
	third, err := w.store.FindSnapshot(t.Context(), machine.ID, "third")
	must(t, err)
	if third.Parent != first.ID {
		t.Errorf("what was taken after a snapshot that is gone: %+v", third)
	}
	ended = w.run(w.acceptOn2(machine, operation.Migrate, operation.MigrateRequest{}))
	if ended.State != operation.Failed || !strings.Contains(ended.Error.Message, "does not see disk vda") {
		t.Errorf("a migration that would leave snapshots behind: %s, %+v", ended.State, ended.Error)
	}
	w.check("a tree of snapshots")
}
