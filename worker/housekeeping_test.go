package worker

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// longAgo makes an operation old enough to be looked at by the sweep.
func (p *plant) longAgo(t *testing.T, of id.Operation) {
	t.Helper()
	p.exec(t, "update operations set created_at = created_at - interval '1 hour' where id = $1", string(of))
}

// plantOperation puts an operation with its claim into the inventory as an earlier time may have left it.
func (p *plant) plantOperation(t *testing.T, state operation.State, request string, on vm.VM) id.Operation {
	t.Helper()
	made := id.New[id.Operation]()
	p.exec(t, `insert into operations (id, project_id, kind, state, subject_kind, subject_id, subject_name, actor, request, created_at)
		values ($1, $2, 'pause', $3, 'vm', $4, $5, 'test', $6, now() - interval '1 hour')`,
		string(made), string(on.Project), string(state), string(on.ID), on.Name, request)
	p.exec(t, "insert into claims (resource_id, operation_id) values ($1, $2)", string(on.ID), string(made))
	return made
}

// checkLost checks that an operation was ended by the sweep and holds nothing any more.
func (p *plant) checkLost(t *testing.T, of id.Operation, says string) {
	t.Helper()
	found := p.operation(t, of)
	if found.State != operation.Failed || found.Error == nil || !strings.Contains(found.Error.Message, says) {
		t.Errorf("a lost operation is %s: %+v", found.State, found.Error)
	}
	if holder := p.machine(t, found.Subject.ID).Operation; holder != "" {
		t.Errorf("the VM is still held by %s", holder)
	}
}

func TestArchivedTimelineIsTheLiveOne(t *testing.T) {
	p := usePlant(t)
	made := p.begin(t, http.MethodPost, "/vms", creation("archived", "h1", "local"))
	ended := p.ended(t, made.ID)
	var kept json.RawMessage
	await(t, soon, "the timeline is kept", func() bool {
		var err error
		kept, err = p.store.Timeline(t.Context(), made.ID)
		return err == nil && len(kept) > 0
	})
	var archived operation.Timeline
	must(t, json.Unmarshal(kept, &archived))
	live, err := p.engine.Timeline(t.Context(), ended)
	must(t, err)
	encoded, err := json.Marshal(live)
	must(t, err)
	var again operation.Timeline
	must(t, json.Unmarshal(encoded, &again))
	if !reflect.DeepEqual(archived, again) {
		t.Errorf("kept:\n%+v\nlive:\n%+v", archived, again)
	}
	if last := archived.Steps[len(archived.Steps)-1]; archived.State != operation.Succeeded || last.Name != "commit" || last.State != operation.StepDone {
		t.Errorf("the kept timeline is %s and ends with %+v", archived.State, last)
	}
}

// TestLostHistoryIsArchivedAsEmpty keeps the archive from asking for ever for what Temporal has forgotten.
func TestLostHistoryIsArchivedAsEmpty(t *testing.T) {
	p := usePlant(t)
	lost := p.plantOperation(t, operation.Running, "{}", p.provision(t, "forgotten", "h1", "local"))
	must(t, p.store.EndOperation(t.Context(), lost, store.Ending{State: operation.Failed}))
	p.exec(t, "update operations set ended_at = now() - interval '1 hour' where id = $1", string(lost))
	await(t, soon, "an empty timeline is kept", func() bool {
		kept, err := p.store.Timeline(t.Context(), lost)
		return err == nil && strings.Contains(string(kept), `"steps": []`)
	})
}

// TestSweepEndsWhatWasEndedFromOutside terminates a workflow as somebody with Temporal's own tools might.
func TestSweepEndsWhatWasEndedFromOutside(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "terminated", "h1", "local")
	p.ended(t, p.begin(t, http.MethodPost, "/vms/terminated/stop", map[string]any{"force": true}).ID)
	silent := p.hosts["h1"].silenceGuests(t)
	starting := p.begin(t, http.MethodPost, "/vms/terminated/start", nil)
	p.awaitStep(t, starting.ID, "await_guest", operation.StepRunning)
	must(t, p.client.TerminateWorkflow(t.Context(), string(starting.ID), "", "a test"))

	must(t, p.control.sweep(t.Context()))
	if found := p.operation(t, starting.ID); found.State != operation.Running {
		t.Errorf("a workflow that has just ended is given no time to say so: %s", found.State)
	}
	p.longAgo(t, starting.ID)
	must(t, p.control.sweep(t.Context()))
	p.checkLost(t, starting.ID, "ended from outside")
	silent()
	must(t, p.control.sweep(t.Context()))
	if ended := p.ended(t, p.begin(t, http.MethodDelete, "/vms/"+string(machine.ID), nil).ID); ended.State != operation.Succeeded {
		t.Errorf("the VM cannot be deleted afterwards: %+v", ended.Error)
	}
}

// TestWhatWasBeingMadeCanBeDeleted loses the operation that was making a VM. Its record must not stay "provisioning", which
// nothing but that operation could end.
func TestWhatWasBeingMadeCanBeDeleted(t *testing.T) {
	p := usePlant(t)
	silent := p.hosts["h1"].silenceGuests(t)
	making := p.begin(t, http.MethodPost, "/vms", creation("half-made", "h1", "local"))
	p.awaitStep(t, making.ID, "await_guest", operation.StepRunning)
	must(t, p.client.TerminateWorkflow(t.Context(), string(making.ID), "", "a test"))
	p.longAgo(t, making.ID)
	must(t, p.control.sweep(t.Context()))
	silent()
	p.checkLost(t, making.ID, "ended from outside")
	if found := p.machine(t, "half-made"); found.State != vm.Unknown {
		t.Errorf("the VM is %s", found.State)
	}
	plane := &Plane{URL: p.http.URL, Token: p.hostToken(t, "h1"), HTTP: http.DefaultClient}
	_, err := (&Host{Driver: p.hosts["h1"].driver}).reconcile(t.Context(), plane)
	must(t, err)
	if found := p.machine(t, "half-made"); found.State != vm.Running {
		t.Errorf("its host says that it runs, and the VM is %s", found.State)
	}
	if ended := p.ended(t, p.begin(t, http.MethodDelete, "/vms/half-made", nil).ID); ended.State != operation.Succeeded {
		t.Errorf("it cannot be deleted: %+v", ended.Error)
	}
}

// TestWhatWasNeverPlacedIsForgotten loses an operation before its VM had a host.
func TestWhatWasNeverPlacedIsForgotten(t *testing.T) {
	p := usePlant(t)
	template := p.provision(t, "template", "h1", "local")
	machine := vm.VM{ID: id.New[id.VM](), Project: template.Project, Name: "unplaced", State: vm.Provisioning, Spec: template.Spec}
	accepted, err := p.store.Accept(t.Context(), store.Acceptance{
		Operation: operation.Operation{
			ID: id.New[id.Operation](), Project: template.Project, Kind: operation.Provision, Actor: "test", Request: json.RawMessage("{}"),
			Subject: operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name},
		},
		NewVM: &machine,
	})
	must(t, err)
	must(t, p.store.EndOperation(t.Context(), accepted.Operation.ID, store.Ending{State: operation.Failed}))
	p.plantOperation(t, operation.Running, "{}", machine)
	must(t, p.control.sweep(t.Context()))
	if _, err := p.store.GetVM(t.Context(), "", "unplaced"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("it is still there (%v)", err)
	}
}

// silenceGuests makes no guest of the host answer until the function it returns is called.
func (f *fakeHost) silenceGuests(t *testing.T) func() {
	t.Helper()
	f.driver.Inject("GuestInfo", silentGuest)
	heal := func() { f.driver.Heal("GuestInfo") }
	t.Cleanup(heal)
	return heal
}

func TestSweepEndsWhatTemporalDoesNotKnow(t *testing.T) {
	p := usePlant(t)
	lost := p.plantOperation(t, operation.Running, "{}", p.provision(t, "unknown", "h1", "local"))
	must(t, p.control.sweep(t.Context()))
	p.checkLost(t, lost, "Temporal")
}

func TestSweepEndsWhatWasEndedBeforeItBegan(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "never-begun", "h1", "local")
	planned := id.New[id.Operation]()
	_, err := p.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: string(planned), TaskQueue: "nobody"}, "pause")
	must(t, err)
	must(t, p.client.TerminateWorkflow(t.Context(), string(planned), "", "a test"))
	p.exec(t, `insert into operations (id, project_id, kind, state, subject_kind, subject_id, subject_name, actor, request, created_at)
		values ($1, $2, 'pause', 'accepted', 'vm', $3, $4, 'test', '{}', now() - interval '1 hour')`,
		string(planned), string(machine.Project), string(machine.ID), machine.Name)
	p.exec(t, "insert into claims (resource_id, operation_id) values ($1, $2)", string(machine.ID), string(planned))
	must(t, p.control.startAccepted(t.Context()))
	must(t, p.control.sweep(t.Context()))
	p.checkLost(t, planned, "ended from outside")
}

func TestSweepFreesWhatNobodyHolds(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "orphaned", "h1", "local")
	paused := p.ended(t, p.begin(t, http.MethodPost, "/vms/orphaned/pause", nil).ID)
	p.exec(t, "insert into claims (resource_id, operation_id) values ($1, $2)", string(machine.ID), string(paused.ID))
	if p.machine(t, "orphaned").Operation == "" {
		t.Fatal("a claim of an ended operation holds nothing, so there is nothing to test")
	}
	must(t, p.control.sweep(t.Context()))
	if holder := p.machine(t, "orphaned").Operation; holder != "" {
		t.Errorf("the VM is still held by %s", holder)
	}
}

// TestSweepDeliversACancellation cancels in the inventory only, as an API does that dies before it has told Temporal.
func TestSweepDeliversACancellation(t *testing.T) {
	p := usePlant(t)
	p.hosts["h1"].silenceGuests(t)
	making := p.begin(t, http.MethodPost, "/vms", creation("undelivered", "h1", "local"))
	p.awaitStep(t, making.ID, "await_guest", operation.StepRunning)
	_, err := p.store.RequestCancel(t.Context(), making.ID)
	must(t, err)
	p.longAgo(t, making.ID)
	must(t, p.control.sweep(t.Context()))
	if ended := p.ended(t, making.ID); ended.State != operation.Cancelled {
		t.Errorf("the operation %s: %+v", ended.State, ended.Error)
	}
}

// TestOutboxIsNotHeldUp puts an operation that can never begin in front of one that can.
func TestOutboxIsNotHeldUp(t *testing.T) {
	p := usePlant(t)
	broken, fine := p.provision(t, "broken", "h1", "local"), p.provision(t, "fine", "h1", "local")
	never := p.plantOperation(t, operation.Accepted, "[]", broken)
	request, err := json.Marshal(operation.PowerRequest{VM: fine.ID})
	must(t, err)
	after := p.plantOperation(t, operation.Accepted, string(request), fine)
	if ended := p.ended(t, after); ended.State != operation.Succeeded {
		t.Errorf("the operation behind it %s: %+v", ended.State, ended.Error)
	}
	if found := p.operation(t, never); found.State != operation.Accepted {
		t.Errorf("what only another server may know how to begin is %s: %+v", found.State, found.Error)
	}
	p.begin(t, http.MethodPost, "/operations/"+string(never)+"/cancel", nil)
	if ended := p.ended(t, never); ended.State != operation.Cancelled || ended.Error.Kind != fault.KindInternal {
		t.Errorf("an operation that cannot begin and is cancelled %s: %+v", ended.State, ended.Error)
	}
	if holder := p.machine(t, "broken").Operation; holder != "" {
		t.Errorf("the VM is still held by %s", holder)
	}
	if seen, err := p.hosts["h1"].driver.Inspect(t.Context(), fine.ID); err != nil || seen.Power != hypervisor.Suspended {
		t.Errorf("the VM is %s (%v)", seen.Power, err)
	}
}

func TestAgeingMakesRoomForReadings(t *testing.T) {
	p := usePlant(t)
	must(t, p.control.age(t.Context()))
	must(t, p.store.RecordSamples(t.Context(), p.hostID(t, "h1"), store.Samples{Host: hostUse(time.Now())}))
}
