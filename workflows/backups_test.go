package workflows

import (
	"bytes"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// written is what tests write to a guest's disk.
func written(seed byte) []byte { return bytes.Repeat([]byte{seed, seed + 1, 3}, 10_000) }

// writeTo writes to a VM's disk as its guest would.
func (w *world) writeTo(machine vm.VM, offset int64, seed byte) {
	w.t.Helper()
	disk, err := w.nodeOf(machine.Host).driver.Disk(machine.ID, "vda")
	must(w.t, err)
	must(w.t, disk.WriteAt(written(seed), offset))
}

func (w *world) acceptBackup(machine vm.VM, mode backup.Mode) operation.Operation {
	w.t.Helper()
	taken := backup.Backup{
		ID: id.New[id.Backup](), Project: w.project.ID, VM: machine.ID, VMName: machine.Name, Mode: backup.Full, State: backup.Creating, Spec: machine.Spec,
	}
	return w.accept(operation.TakeBackup, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name},
		operation.BackupRequest{VM: machine.ID, Backup: taken.ID, Mode: mode},
		store.Acceptance{Claims: []string{string(machine.ID)}, NewBackup: &taken})
}

func backingUp(mode backup.Mode, state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.provision("web", "local", nil)
		w.writeTo(machine, 0, 5)
		if state == vm.Stopped {
			w.stop(machine)
		}
		return w.acceptBackup(machine, mode)
	}
}

// afterBackup prepares a VM whose disk was written to and backed up.
func afterBackup(next func(*world, vm.VM, backup.Backup) operation.Operation) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		w.t.Helper()
		machine := w.provision("web", "local", nil)
		w.writeTo(machine, 0, 5)
		if ended := w.run(w.acceptBackup(machine, backup.Full)); ended.State != operation.Succeeded {
			w.t.Fatalf("backup: %+v", ended.Error)
		}
		return next(w, machine, w.backups()[0])
	}
}

func (w *world) backups() []backup.Backup {
	w.t.Helper()
	taken, _, err := w.store.ListBackups(w.t.Context(), store.BackupFilter{Limit: store.MaxPage})
	must(w.t, err)
	return taken
}

func (w *world) acceptRestore(taken backup.Backup, name string) operation.Operation {
	w.t.Helper()
	machine := vm.VM{
		ID: id.New[id.VM](), Project: w.project.ID, Name: name, State: vm.Provisioning, Spec: taken.Spec, CloudInit: taken.CloudInit,
		Interfaces: []vm.Interface{{Network: w.network.ID}},
	}
	disk := volume.Volume{
		ID: id.New[id.Volume](), Project: w.project.ID, VM: machine.ID, Device: "vda", Pool: "local",
		SizeBytes: taken.Disks[0].SizeBytes, Format: "qcow2", State: volume.Creating,
	}
	return w.accept(operation.Restore, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: name}, operation.RestoreRequest{
		Backup: taken.ID, VM: machine.ID, Volumes: []id.Volume{disk.ID}, Name: name, Pool: "local", Network: w.network.ID, Start: true,
	}, store.Acceptance{
		Claims: []string{string(machine.ID)}, Shared: []string{string(taken.ID)}, NewVM: &machine, NewVolumes: []volume.Volume{disk},
	})
}

func (w *world) acceptRestoreInPlace(machine vm.VM, taken backup.Backup) operation.Operation {
	w.t.Helper()
	return w.accept(operation.Restore, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, operation.RestoreRequest{
		Backup: taken.ID, VM: machine.ID, Volumes: []id.Volume{id.New[id.Volume]()}, InPlace: true, Start: true,
	}, store.Acceptance{Claims: []string{string(machine.ID)}, Shared: []string{string(taken.ID)}})
}

func (w *world) acceptOnBackup(taken backup.Backup, kind operation.Kind) operation.Operation {
	w.t.Helper()
	return w.accept(kind, operation.Subject{Kind: "backup", ID: string(taken.ID), Name: string(taken.ID)},
		operation.BackupRef{Backup: taken.ID}, store.Acceptance{Claims: []string{string(taken.ID)}})
}

func backupIs(mode backup.Mode) func(*world, operation.Operation) {
	return func(w *world, _ operation.Operation) {
		w.t.Helper()
		if newest := w.backups()[0]; newest.Mode != mode || newest.State != backup.Ready {
			w.t.Errorf("the newest backup is %s and %s (%s), not %s", newest.Mode, newest.State, newest.ModeReason, mode)
		}
	}
}

// restored checks that the VM's disk reads as it did when it was backed up.
func restored(w *world, of operation.Operation) {
	w.t.Helper()
	machine, err := w.store.GetVM(w.t.Context(), "", of.Subject.ID)
	must(w.t, err)
	disk, err := w.nodeOf(machine.Host).driver.Disk(machine.ID, "vda")
	must(w.t, err)
	got := make([]byte, len(written(5)))
	must(w.t, disk.ReadAt(got, 0))
	if !bytes.Equal(got, written(5)) {
		w.t.Error("the restored disk differs from what was backed up")
	}
}

func noBackups(w *world, _ operation.Operation) {
	w.t.Helper()
	if left := w.backups(); len(left) > 0 {
		w.t.Errorf("%d backups are left", len(left))
	}
}

// TestARestoreInPlaceStartsAgain cuts the VM's power while its guest starts: there is no way back, so it is started again.
func TestARestoreInPlaceStartsAgain(t *testing.T) {
	w := newWorld(t)
	var machine vm.VM
	of := afterBackup(func(w *world, made vm.VM, taken backup.Backup) operation.Operation {
		machine = made
		return w.acceptRestoreInPlace(made, taken)
	})(w)
	cut := 0
	w.meddle = func(activityID string) meddling {
		if strings.HasPrefix(activityID, "await_guest") && cut == 0 {
			cut++
			must(t, w.nodeOf(machine.Host).driver.SetPower(t.Context(), machine.ID, hypervisor.Off))
		}
		return leaveAlone
	}
	if ended := w.run(of); ended.State != operation.Succeeded || cut != 1 {
		t.Fatalf("%s: %+v", ended.State, ended.Error)
	}
	stateIs(vm.Running)(w, of)
	w.check("a restore whose VM went off")
}
