package worker

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/fault"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// migrating begins to move a VM from h1 to h2.
func (p *plant) migrating(t *testing.T, name string, limits map[string]any) operation.Operation {
	t.Helper()
	return p.begin(t, http.MethodPost, "/vms/"+name+"/migrate", map[string]any{"to": "h2", "limits": limits})
}

// TestTuningReachesARunningMigration steers a migration that would never end, and aborts it.
func TestTuningReachesARunningMigration(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "steered", "h1", "shared")
	p.hosts["h1"].driver.SetLoad(machine.ID, hypervisorfake.Load{DirtyRateBytes: 1 << 30, BandwidthBytes: 1 << 28})
	moving := p.migrating(t, "steered", map[string]any{"timeout_seconds": 600})
	path := "/operations/" + string(moving.ID) + "/tune"
	p.awaitStep(t, moving.ID, "rounds", operation.StepRunning)

	ask[operation.Operation](t, p, http.MethodPost, path, map[string]any{"bandwidth_bytes_per_second": 64 << 20}, http.StatusOK)
	refused := ask[api.Problem](t, p, http.MethodPost, path, map[string]any{"post_copy": true}, http.StatusConflict)
	if !strings.Contains(refused.Detail, "post-copy was not allowed") {
		t.Errorf("post-copy is refused with %q", refused.Detail)
	}
	ask[operation.Operation](t, p, http.MethodPost, path, map[string]any{"abort": true}, http.StatusOK)
	ended := p.ended(t, moving.ID)
	if ended.State != operation.Failed || !strings.Contains(ended.Error.Message, "An operator aborted it") {
		t.Errorf("an aborted migration %s: %+v", ended.State, ended.Error)
	}
	var by []string
	for _, each := range p.timeline(t, moving.ID).Migration.Decisions {
		by = append(by, each.By+": "+each.Reason)
	}
	if !slices.Contains(by, "admin: An operator changed the limits.") {
		t.Errorf("the timeline does not tell of the tuning: %q", by)
	}
	if on := p.cluster.RunningOn(machine.ID); !slices.Equal(on, []string{"h1"}) || p.machine(t, "steered").HostName != "h1" {
		t.Errorf("the VM runs on %v", on)
	}
	if left := p.cluster.DefinedOn(machine.ID); len(left) != 1 {
		t.Errorf("the VM is defined on %v", left)
	}
	ask[api.Problem](t, p, http.MethodPost, path, map[string]any{"abort": true}, http.StatusConflict)
}

// TestGivingUpReachesAWaitingOperation makes an undo fail until somebody gives up on it.
func TestGivingUpReachesAWaitingOperation(t *testing.T) {
	p := usePlant(t)
	driver := p.hosts["h1"].driver
	driver.Inject("SetPower", hypervisorfake.Fault{Error: fault.Invalid("cannot be switched on")})
	t.Cleanup(func() { driver.Heal("SetPower") })
	making := p.begin(t, http.MethodPost, "/vms", creation("given-up", "h1", "local"))
	waiting := p.reaches(t, making.ID, "wait", func(found operation.Operation) bool { return found.State == operation.Waiting })
	if !strings.Contains(waiting.Question, "novacron operation give-up "+string(making.ID)) {
		t.Errorf("it asks %q", waiting.Question)
	}
	p.begin(t, http.MethodPost, "/operations/"+string(making.ID)+"/give-up", nil)
	ended := p.ended(t, making.ID)
	if ended.State != operation.Failed || len(ended.Leaks) != 1 || ended.Leaks[0].Kind != "domain" {
		t.Errorf("the operation %s: %+v, leaks %+v", ended.State, ended.Error, ended.Leaks)
	}
	if _, err := p.store.GetVM(t.Context(), "", "given-up"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("the rest was not taken back: %v", err)
	}
	ask[api.Problem](t, p, http.MethodPost, "/operations/"+string(making.ID)+"/give-up", nil, http.StatusConflict)
}

// TestCancelBeforeThePointOfNoReturn takes back a VM that is nearly made.
func TestCancelBeforeThePointOfNoReturn(t *testing.T) {
	p := usePlant(t)
	host := p.hosts["h1"]
	heal := host.silenceGuests(t)
	making := p.begin(t, http.MethodPost, "/vms", creation("cancelled", "h1", "local"))
	p.awaitStep(t, making.ID, "await_guest", operation.StepRunning)
	machine := p.machine(t, "cancelled")
	p.begin(t, http.MethodPost, "/operations/"+string(making.ID)+"/cancel", nil)
	ended := p.ended(t, making.ID)
	heal()
	if ended.State != operation.Cancelled || len(ended.Leaks) > 0 {
		t.Errorf("the operation %s: %+v, leaks %+v", ended.State, ended.Error, ended.Leaks)
	}
	if left := p.cluster.DefinedOn(machine.ID); len(left) > 0 {
		t.Errorf("the VM is still defined on %v", left)
	}
	for _, each := range machine.Volumes {
		if _, err := host.local.InspectVolume(t.Context(), each); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("volume %s is still there (%v)", each, err)
		}
	}
	if lane := stepOf(t, p.timeline(t, making.ID), "undo.create_disk"); lane.State != operation.StepDone {
		t.Errorf("the timeline tells of the undo: %+v", lane)
	}
	p.provision(t, "cancelled", "h1", "local") // the name is free again
}

// TestWatchingRestsUntilSomethingHappens holds a watcher to a second's rest while an activity has nothing new to tell, and
// wakes it at once when there is an event. Watchers that do not rest cost more processor time than what they watch.
func TestWatchingRestsUntilSomethingHappens(t *testing.T) {
	p := usePlant(t)
	heal := p.hosts["h1"].silenceGuests(t)
	making := p.begin(t, http.MethodPost, "/vms", creation("watched", "h1", "local"))
	p.awaitStep(t, making.ID, "await_guest", operation.StepRunning)
	watch := func(after int64) (operation.Timeline, time.Duration) {
		began := time.Now()
		timeline, err := p.engine.WatchTimeline(t.Context(), p.operation(t, making.ID), after)
		must(t, err)
		return timeline, time.Since(began)
	}
	last := p.timeline(t, making.ID).HistoryAt
	for range 3 {
		if seen, took := watch(last); seen.HistoryAt == last && took < 900*time.Millisecond {
			t.Errorf("a watcher came back after %v without anything new", took)
		} else {
			last = seen.HistoryAt
		}
	}
	heal()
	p.ended(t, making.ID)
	for {
		seen, took := watch(last)
		if seen.HistoryAt == last {
			break
		}
		if took > 500*time.Millisecond {
			t.Errorf("what had happened was told after %v", took)
		}
		last = seen.HistoryAt
	}
	if lane := stepOf(t, p.timeline(t, making.ID), "await_guest"); lane.State != operation.StepDone {
		t.Errorf("the watcher missed the end: %+v", lane)
	}
}

// TestCancelAfterThePointOfNoReturn refuses it, and takes no notice of one that comes past the API.
func TestCancelAfterThePointOfNoReturn(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "too-late", "h1", "shared")
	p.hosts["h2"].driver.Inject("AdoptCheckpoints", hypervisorfake.Fault{Nth: 1, Delay: 2 * time.Second})
	moving := p.migrating(t, "too-late", nil)
	p.reaches(t, moving.ID, "pass the point of no return", func(found operation.Operation) bool { return found.NoReturn })
	refused := ask[api.Problem](t, p, http.MethodPost, "/operations/"+string(moving.ID)+"/cancel", nil, http.StatusConflict)
	if !strings.Contains(refused.Detail, "point of no return") {
		t.Errorf("it is refused with %q", refused.Detail)
	}
	must(t, p.engine.Cancel(t.Context(), moving.ID))
	if ended := p.ended(t, moving.ID); ended.State != operation.Succeeded {
		t.Errorf("the migration %s: %+v", ended.State, ended.Error)
	}
	if found := p.machine(t, "too-late"); found.HostName != "h2" || found.State != vm.Running {
		t.Errorf("the VM is %s on %s", found.State, found.HostName)
	}
	if on := p.cluster.DefinedOn(machine.ID); !slices.Equal(on, []string{"h2"}) {
		t.Errorf("the VM is defined on %v", on)
	}
}
