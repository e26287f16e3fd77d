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
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
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
