package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// scenario is an operation with what has to be there before it.
type scenario struct {
	name    string
	prepare func(*world) operation.Operation  // accepts it
	done    func(*world, operation.Operation) // checks what it leaves when it succeeded
}

var scenarios = []scenario{
	{
		name:    "provision on local storage",
		prepare: func(w *world) operation.Operation { return w.acceptProvision("web", "local", nil) },
		done:    stateIs(vm.Running),
	},
	{
		name:    "provision on shared storage",
		prepare: func(w *world) operation.Operation { return w.acceptProvision("web", "shared", nil) },
		done:    stateIs(vm.Running),
	},
	{name: "stop", prepare: onRunning(operation.Stop, operation.PowerRequest{}), done: stateIs(vm.Stopped)},
	{name: "stop by force", prepare: onRunning(operation.Stop, operation.PowerRequest{Force: true}), done: stateIs(vm.Stopped)},
	{name: "restart", prepare: onRunning(operation.Restart, operation.PowerRequest{}), done: stateIs(vm.Running)},
	{name: "pause", prepare: onRunning(operation.Pause, operation.PowerRequest{}), done: stateIs(vm.Paused)},
	{name: "start", prepare: onStopped(operation.Start, operation.PowerRequest{}), done: stateIs(vm.Running)},
	{name: "delete", prepare: onRunning(operation.Delete, operation.DeleteRequest{}), done: gone},
	{name: "migrate over shared storage", prepare: migrating("shared", false), done: moved(vm.Running)},
	{name: "migrate with disk copy", prepare: migrating("local", false), done: moved(vm.Running)},
	{name: "move cold with disk copy", prepare: migrating("local", true), done: moved(vm.Stopped)},
	{name: "move cold over shared storage", prepare: migrating("shared", true), done: moved(vm.Stopped)},
	{name: "provision a VM with a seed", prepare: told(func(w *world) operation.Operation { return w.acceptProvision("web", "local", nil) }), done: stateIs(vm.Running)},
	{name: "start a VM with a seed", prepare: told(onStopped(operation.Start, operation.PowerRequest{})), done: stateIs(vm.Running)},
	{name: "delete a VM with a seed", prepare: told(onRunning(operation.Delete, operation.DeleteRequest{})), done: gone},
	{name: "migrate a VM with a seed", prepare: told(migrating("shared", false)), done: moved(vm.Running)},
	{name: "move a VM with a seed cold", prepare: told(migrating("local", true)), done: moved(vm.Stopped)},
	{name: "restore a VM with a seed", prepare: told(afterBackup(func(w *world, _ vm.VM, taken backup.Backup) operation.Operation {
		return w.acceptRestore(taken, "again")
	})), done: restored},
	{name: "set back a VM with a seed", prepare: told(afterBackup(func(w *world, machine vm.VM, taken backup.Backup) operation.Operation {
		return w.acceptRestoreInPlace(machine, taken)
	})), done: restored},
	{name: "clone on its host", prepare: cloningTo("local", 0, true), done: clonedAs(vm.Running)},
	{name: "clone to another host", prepare: told(cloningTo("local", 1, true)), done: clonedAs(vm.Running)},
	{name: "clone into another pool, left off", prepare: told(cloningTo("shared", 1, false)), done: clonedAs(vm.Stopped)},
	{name: "clone a VM that runs to another host", prepare: cloningRunning("local", 1), done: clonedAs(vm.Running)},
	{name: "full backup", prepare: backingUp(backup.Full, vm.Running), done: backupIs(backup.Full)},
	{name: "full backup after another", prepare: afterBackup(func(w *world, machine vm.VM, _ backup.Backup) operation.Operation {
		return w.acceptBackup(machine, backup.Full)
	}), done: backupIs(backup.Full)},
	{name: "incremental backup", prepare: afterBackup(func(w *world, machine vm.VM, _ backup.Backup) operation.Operation {
		w.writeTo(machine, 1<<20, 7)
		return w.acceptBackup(machine, "")
	}), done: backupIs(backup.Incremental)},
	{name: "backup of a VM that is off", prepare: backingUp("", vm.Stopped), done: backupIs(backup.Full)},
	{name: "restore as a new VM", prepare: afterBackup(func(w *world, _ vm.VM, taken backup.Backup) operation.Operation {
		return w.acceptRestore(taken, "again")
	}), done: restored},
	{name: "restore in place", prepare: afterBackup(func(w *world, machine vm.VM, taken backup.Backup) operation.Operation {
		w.writeTo(machine, 0, 99)
		return w.acceptRestoreInPlace(machine, taken)
	}), done: restored},
	{name: "verify a backup", prepare: afterBackup(func(w *world, _ vm.VM, taken backup.Backup) operation.Operation {
		return w.acceptOnBackup(taken, operation.VerifyBackup)
	}), done: func(*world, operation.Operation) {}},
	{name: "delete a backup", prepare: afterBackup(func(w *world, _ vm.VM, taken backup.Backup) operation.Operation {
		return w.acceptOnBackup(taken, operation.DeleteBackup)
	}), done: noBackups},
	{name: "move a disk of a running VM", prepare: movingDisk(vm.Running, "local", "shared"), done: diskIsIn("shared", vm.Running)},
	{name: "move a disk of a VM that is off", prepare: movingDisk(vm.Stopped, "shared", "local"), done: diskIsIn("local", vm.Stopped)},
	{name: "grow a disk of a running VM", prepare: growingDisk(vm.Running), done: diskHas(8 << 20)},
	{name: "grow a disk of a VM that is off", prepare: growingDisk(vm.Stopped), done: diskHas(8 << 20)},
	{name: "limit a disk of a running VM", prepare: limitingDisk(vm.Running), done: diskIsLimited},
	{name: "limit a disk of a VM that is off", prepare: limitingDisk(vm.Stopped), done: diskIsLimited},
	{name: "import an image", prepare: func(w *world) operation.Operation { return w.acceptImport(rawContent(), sha256Hex(rawContent())) }, done: imported("raw", "raw")},
	{name: "import an image that is converted", prepare: func(w *world) operation.Operation { return w.acceptImport(vdiContent(w.t), "") }, done: imported("qcow2", "vdi")},
	{name: "publish the disk of a VM that is off", prepare: publishing(vm.Stopped, "local"), done: published(template.Declared, "")},
	{name: "publish the disk of a running VM", prepare: publishing(vm.Running, "shared"), done: published(template.ByAgent, "machine_id cloud_init")},
	{name: "create a volume of a host", prepare: func(w *world) operation.Operation { return w.acceptCreateVolume("data", "local") }, done: volumeIs("local", "")},
	{name: "create a shared volume", prepare: func(w *world) operation.Operation { return w.acceptCreateVolume("data", "shared") }, done: volumeIs("shared", "")},
	{name: "delete a volume", prepare: func(w *world) operation.Operation {
		return w.acceptOnVolume(w.createVolume("data", "shared"), operation.DeleteVolume)
	}, done: volumeGone},
	{name: "grow a volume", prepare: func(w *world) operation.Operation {
		of := w.createVolume("data", "local")
		return w.acceptWith(of, operation.GrowVolume, operation.GrowVolumeRequest{Volume: of.ID, SizeBytes: 8 << 20})
	}, done: volumeGrew(8 << 20)},
	{name: "move a volume", prepare: movingVolume, done: volumeMoved},
	{name: "attach a volume to a running VM", prepare: attaching(vm.Running), done: volumeIs("local", "vdb")},
	{name: "attach a volume to a VM that is off", prepare: attaching(vm.Stopped), done: volumeIs("local", "vdb")},
	{name: "detach a volume from a running VM", prepare: detaching(vm.Running), done: volumeIs("local", "")},
	{name: "detach a volume from a VM that is off", prepare: detaching(vm.Stopped), done: volumeIs("local", "")},
	{name: "delete a VM with a volume", prepare: func(w *world) operation.Operation {
		return w.acceptOn2(w.withVolume(vm.Running), operation.Delete, operation.DeleteRequest{})
	}, done: volumeIs("local", "")},
	{name: "migrate a VM with a volume", prepare: func(w *world) operation.Operation {
		return w.acceptOn2(w.withVolume(vm.Running), operation.Migrate, operation.MigrateRequest{Limits: precopy.Limits{MaxDowntimeMS: 300}})
	}, done: volumeIs("local", "vdb")},
	{name: "snapshot a running VM", prepare: snapshotting("local", vm.Running), done: snapshotsAre("first")},
	{name: "snapshot a running VM on shared storage", prepare: snapshotting("shared", vm.Running), done: snapshotsAre("first")},
	{name: "snapshot a VM that is off", prepare: snapshotting("local", vm.Stopped), done: snapshotsAre("first")},
	{name: "revert a running VM", prepare: settingBack(vm.Running), done: reverted(vm.Running)},
	{name: "revert a VM that is off", prepare: settingBack(vm.Stopped), done: reverted(vm.Stopped)},
	{name: "delete a snapshot of a running VM", prepare: unsnapshotting(vm.Running), done: snapshotsAre("second")},
	{name: "delete a snapshot of a VM that is off", prepare: unsnapshotting(vm.Stopped), done: snapshotsAre("second")},
	{name: "scan a pool of each host", prepare: scanning("local"), done: straysAre("local")},
	{name: "scan a shared pool", prepare: scanning("shared"), done: straysAre("shared")},
	{name: "adopt a stray volume", prepare: func(w *world) operation.Operation { return w.acceptStray("local", operation.AdoptVolume) }, done: volumeIs("local", "")},
	{name: "discard a stray volume", prepare: func(w *world) operation.Operation { return w.acceptStray("shared", operation.DiscardVolume) }, done: volumeGone},
	{name: "remove a shared pool", prepare: func(w *world) operation.Operation { return w.acceptRemovePool("shared") }, done: poolGone},
	{name: "remove a pool of each host", prepare: func(w *world) operation.Operation { return w.acceptRemovePool("local") }, done: poolGone},
}

func movingDisk(state vm.State, from, to string) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.provision("web", from, w.hosts[0])
		w.writeTo(machine, 1<<20, 7)
		if state == vm.Stopped {
			w.stop(machine)
		}
		request := operation.MoveDiskRequest{VM: machine.ID, Volume: machine.Volumes[0], New: id.New[id.Volume](), Pool: to}
		old, err := w.store.GetVolume(w.t.Context(), request.Volume)
		must(w.t, err)
		return w.accept(operation.MoveDisk, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, request, store.Acceptance{
			Claims: []string{string(machine.ID)},
			NewVolumes: []volume.Volume{{
				ID: request.New, Project: machine.Project, Device: old.Device, Pool: to, SizeBytes: old.SizeBytes, State: volume.Creating,
			}},
		})
	}
}

func growingDisk(state vm.State) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.provision("web", "local", nil)
		if state == vm.Stopped {
			w.stop(machine)
		}
		return w.acceptOn(machine, operation.GrowDisk, operation.GrowDiskRequest{VM: machine.ID, Volume: machine.Volumes[0], SizeBytes: 8 << 20})
	}
}

func diskHas(bytes int64) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		disks, err := w.store.VolumesOf(w.t.Context(), id.VM(of.Subject.ID))
		must(w.t, err)
		machine, err := w.store.GetVM(w.t.Context(), "", of.Subject.ID)
		must(w.t, err)
		held, err := w.nodeOf(machine.Host).driver.Disk(machine.ID, "vda")
		must(w.t, err)
		if disks[0].SizeBytes != bytes || held.Size() != bytes {
			w.t.Errorf("the disk has %d bytes, and %d in the inventory", held.Size(), disks[0].SizeBytes)
		}
	}
}

func diskIsIn(pool string, state vm.State) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		stateIs(state)(w, of)
		disks, err := w.store.VolumesOf(w.t.Context(), id.VM(of.Subject.ID))
		must(w.t, err)
		if len(disks) != 1 || disks[0].Pool != pool || disks[0].Image != "" {
			w.t.Fatalf("the VM's disks are %+v", disks)
		}
		held := map[string]*storagefake.Pool{"shared": w.shared, "local": w.hosts[0].local}[pool].Disk(disks[0].ID)
		content := make([]byte, 1)
		must(w.t, held.ReadAt(content, 1<<20))
		if content[0] == 0 {
			w.t.Error("what was written before the move is not there")
		}
	}
}

// acceptRemovePool accepts the removal of a pool that has held a VM, and holds its image yet.
func (w *world) acceptRemovePool(name string) operation.Operation {
	w.t.Helper()
	machine := w.provision("web", name, w.hosts[0])
	if ended := w.run(w.acceptOn2(machine, operation.Delete, operation.DeleteRequest{})); ended.State != operation.Succeeded {
		w.t.Fatalf("delete: %+v", ended.Error)
	}
	found, err := w.store.GetPool(w.t.Context(), name)
	must(w.t, err)
	return w.accept(operation.RemovePool, operation.Subject{Kind: "pool", ID: string(found.ID), Name: name}, operation.RemovePoolRequest{Pool: found.ID},
		store.Acceptance{Claims: []string{string(found.ID)}})
}

func poolGone(w *world, of operation.Operation) {
	w.t.Helper()
	if _, err := w.store.GetPool(w.t.Context(), of.Subject.ID); err == nil {
		w.t.Error("the pool is still in the inventory")
	}
	for name, each := range map[string]*storagefake.Pool{"shared": w.shared, "local": w.hosts[0].local} {
		if name == of.Subject.Name && each.HasImage(w.image.ID) {
			w.t.Error("an image is left in the pool")
		}
	}
}

func onRunning(kind operation.Kind, request any) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		return w.acceptOn2(w.provision("web", "local", nil), kind, request)
	}
}

func onStopped(kind operation.Kind, request any) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.provision("web", "local", nil)
		w.stop(machine)
		return w.acceptOn2(machine, kind, request)
	}
}

func (w *world) stop(machine vm.VM) {
	w.t.Helper()
	if ended := w.run(w.acceptOn2(machine, operation.Stop, operation.PowerRequest{Force: true})); ended.State != operation.Succeeded {
		w.t.Fatalf("stop: %+v", ended.Error)
	}
}

// acceptOn2 fills the VM into the request.
func (w *world) acceptOn2(machine vm.VM, kind operation.Kind, request any) operation.Operation {
	w.t.Helper()
	switch typed := request.(type) {
	case operation.PowerRequest:
		typed.VM = machine.ID
		request = typed
	case operation.DeleteRequest:
		typed.VM = machine.ID
		request = typed
	case operation.MigrateRequest:
		typed.VM = machine.ID
		request = typed
	}
	return w.acceptOn(machine, kind, request)
}

func migrating(pool string, cold bool) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		machine := w.provision("web", pool, w.hosts[0])
		if cold {
			w.stop(machine)
		}
		return w.acceptOn2(machine, operation.Migrate, operation.MigrateRequest{Cold: cold, Limits: precopy.Limits{MaxDowntimeMS: 300}})
	}
}

func stateIs(wanted vm.State) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		machine, err := w.store.GetVM(w.t.Context(), "", of.Subject.ID)
		must(w.t, err)
		if machine.State != wanted {
			w.t.Errorf("the VM is %s, not %s", machine.State, wanted)
		}
	}
}

func moved(wanted vm.State) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		stateIs(wanted)(w, of)
		machine, err := w.store.GetVM(w.t.Context(), "", of.Subject.ID)
		must(w.t, err)
		if machine.Host != w.hosts[1].id {
			w.t.Errorf("the VM is on %s, not on h2", machine.HostName)
		}
	}
}

func gone(w *world, of operation.Operation) {
	w.t.Helper()
	if _, err := w.store.GetVM(w.t.Context(), "", of.Subject.ID); err == nil {
		w.t.Error("the VM is still in the inventory")
	}
}

func TestOperationsSucceed(t *testing.T) {
	for _, each := range scenarios {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			of := each.prepare(w)
			w.ran = nil
			ended := w.run(of)
			if ended.State != operation.Succeeded {
				t.Fatalf("%s: %+v; ran %v", ended.State, ended.Error, w.ran)
			}
			each.done(w, ended)
			w.check(each.name)
		})
	}
}

// inShort are the scenarios of a -short run: together they make, move, save and remove everything there is.
var inShort = []string{"provision on local storage", "migrate with disk copy", "incremental backup", "delete"}

// chosen are the scenarios that are to be disturbed at every activity.
func chosen() []scenario {
	if !testing.Short() {
		return scenarios
	}
	return slices.DeleteFunc(slices.Clone(scenarios), func(each scenario) bool { return !slices.Contains(inShort, each.name) })
}

// failures are the ways in which the activity at an index is made to fail: both, but one after the other in a -short run.
func failures(index int) map[string]meddling {
	both := map[string]meddling{"before it worked": failBefore, "after it worked": failAfter}
	if testing.Short() {
		delete(both, []string{"before it worked", "after it worked"}[index%2])
	}
	return both
}

// activitiesOf runs a scenario once and lists its activities.
func activitiesOf(t *testing.T, of scenario) []string {
	w := newWorld(t)
	accepted := of.prepare(w)
	w.ran = nil
	w.run(accepted)
	return slices.Clone(w.ran)
}

func TestEveryActivityFailsInTurn(t *testing.T) {
	for _, each := range chosen() {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			for index, failing := range activitiesOf(t, each) {
				for how, what := range failures(index) {
					t.Run(failing+" "+how, func(t *testing.T) {
						w := newWorld(t)
						of := each.prepare(w)
						once := false
						w.meddle = func(activityID string) meddling {
							if activityID != failing || once {
								return leaveAlone
							}
							once = true
							return what
						}
						ended := w.run(of)
						w.check(each.name + ", " + failing + " failed " + how + ", " + string(ended.State))
						if ended.State == operation.Succeeded {
							each.done(w, ended)
						}
					})
				}
			}
		})
	}
}

func TestEveryActivityRunsTwice(t *testing.T) {
	for _, each := range scenarios {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			of := each.prepare(w)
			w.meddle = func(string) meddling { return repeat }
			ended := w.run(of)
			if ended.State != operation.Succeeded {
				t.Fatalf("%s: %+v", ended.State, ended.Error)
			}
			each.done(w, ended)
			w.check(each.name)
		})
	}
}

func TestCancelAtEveryActivity(t *testing.T) {
	for _, each := range chosen() {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			for _, at := range activitiesOf(t, each) {
				t.Run(at, func(t *testing.T) {
					w := newWorld(t)
					of := each.prepare(w)
					ended := w.run(of, func(environment *testsuite.TestWorkflowEnvironment) {
						w.cancel = environment.CancelWorkflow
						w.meddle = func(activityID string) meddling {
							if activityID == at {
								return cancelAfter
							}
							return leaveAlone
						}
					})
					w.check(each.name + " cancelled at " + at + ", " + string(ended.State))
					if ended.State == operation.Succeeded {
						each.done(w, ended)
					}
				})
			}
		})
	}
}

func sha256Hex(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func startOptions(of operation.Operation) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: string(of.ID), TaskQueue: ControlQueue, WorkflowExecutionTimeout: time.Hour}
}

type discardLogger struct{}

func (discardLogger) Debug(string, ...any) {}
func (discardLogger) Info(string, ...any)  {}
func (discardLogger) Warn(string, ...any)  {}
func (discardLogger) Error(string, ...any) {}
