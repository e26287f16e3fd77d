package api

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// ObservationsBody is every machine that a host's hypervisor knows, ours and others'.
type ObservationsBody struct {
	Machines []ObservedMachine `json:"machines"`
	Seeds    []id.VM           `json:"seeds,omitempty" doc:"VMs that have a seed of cloud-init there"`
}

// ObservedMachine is a machine as its host sees it.
type ObservedMachine struct {
	VM     id.VM    `json:"vm_id,omitempty" doc:"Empty for a machine that is not ours"`
	Name   string   `json:"name"`
	State  vm.State `json:"state" enum:"running,paused,stopped,crashed"`
	Halted vm.Halt  `json:"halted,omitempty" enum:"no_space,disk_error" doc:"Why the hypervisor itself paused it"`
}

// Observed says what came of a host's observations.
type Observed struct {
	Corrected []id.VM  `json:"corrected" doc:"VMs whose recorded state was corrected"`
	Missing   []id.VM  `json:"missing" doc:"VMs that should be on the host and are not"`
	Unknown   []string `json:"unknown" doc:"Machines that the inventory does not place on the host"`
	Deferred  []id.VM  `json:"deferred" doc:"VMs that differ and that an operation is at work on; compare again soon"`
}

type observationsInput struct {
	Body ObservationsBody
}

var observable = map[vm.State]bool{vm.Running: true, vm.Paused: true, vm.Stopped: true, vm.Crashed: true}

// observeHost compares what a host has with what the inventory places on it. Records follow reality where no operation
// is at work; what does not belong is told and left alone.
func (s *Server) observeHost(ctx context.Context, in *observationsInput) (*plain[Observed], error) {
	self := principalOf(ctx).Host
	seen := map[id.VM]ObservedMachine{}
	for _, each := range in.Body.Machines {
		if !observable[each.State] {
			return nil, fault.Invalid("a machine is running, paused, stopped or crashed, not %q", each.State).At("machines")
		}
		if each.VM != "" {
			seen[each.VM] = each
		}
	}
	believed, err := s.store.VMsOnHost(ctx, self)
	if err != nil {
		return nil, err
	}
	result := Observed{Corrected: []id.VM{}, Missing: []id.VM{}, Unknown: []string{}, Deferred: []id.VM{}}
	here := map[id.VM]bool{}
	for _, each := range believed {
		here[each.ID] = true
		found, present := seen[each.ID]
		if err := s.halted(ctx, self, each, found.Halted); err != nil {
			return nil, err
		}
		if each.Operation != "" || each.State == vm.Provisioning || each.State == vm.Deleting {
			if !present || differs(each, found.State) {
				result.Deferred = append(result.Deferred, each.ID)
			}
			continue // the operation knows better, or will soon
		}
		if !present {
			result.Missing = append(result.Missing, each.ID)
			if err := s.missing(ctx, self, each); err != nil {
				return nil, err
			}
			continue
		}
		s.sightings.clear(self, "missing "+string(each.ID))
		corrected, err := s.correct(ctx, each, found.State)
		if err != nil {
			return nil, err
		}
		if corrected {
			result.Corrected = append(result.Corrected, each.ID)
		}
	}
	if result.Unknown, err = s.strangers(ctx, self, in.Body.Machines, here); err != nil {
		return nil, err
	}
	return &plain[Observed]{Body: result}, s.straySeeds(ctx, self, in.Body.Seeds, believed)
}

// correct records the state that a VM is in. An operation that began meanwhile wins.
func (s *Server) correct(ctx context.Context, believed vm.VM, found vm.State) (bool, error) {
	if !differs(believed, found) {
		return false, nil
	}
	err := s.store.SetVMState(ctx, believed.ID, store.SetState{State: found, IfFree: true})
	if fault.Is(err, fault.KindConflict) || fault.Is(err, fault.KindNotFound) {
		return false, nil
	}
	return err == nil, err
}

// differs says whether a VM's record should say something else. One that crashed is off: its record says more.
func differs(believed vm.VM, found vm.State) bool {
	return believed.State != found && (believed.State != vm.Crashed || found != vm.Stopped)
}

// halted tells once that a hypervisor stopped a VM, and once that it goes on.
func (s *Server) halted(ctx context.Context, self id.Host, of vm.VM, why vm.Halt) error {
	kind := "vm.halted"
	switch told := s.sightings.has(self, "halted "+string(of.ID)); {
	case told == (why != vm.NotHalted):
		return nil
	case told:
		kind = "vm.went_on"
		s.sightings.clear(self, "halted "+string(of.ID))
	default:
		s.sightings.first(self, "halted "+string(of.ID))
	}
	return s.store.AppendEvent(ctx, event.Event{
		Type: kind, Project: string(of.Project), SubjectKind: "vm", SubjectID: string(of.ID),
		Data: facts(map[string]string{"host_id": string(self), "name": of.Name, "reason": string(why)}),
	})
}

// missing tells once that a VM is not where it should be. One that was thought to run does not: its host says so.
func (s *Server) missing(ctx context.Context, self id.Host, believed vm.VM) error {
	if believed.State == vm.Running || believed.State == vm.Paused || believed.State == vm.Unknown {
		if _, err := s.correct(ctx, believed, vm.Crashed); err != nil {
			return err
		}
	}
	if !s.sightings.first(self, "missing "+string(believed.ID)) {
		return nil
	}
	return s.store.AppendEvent(ctx, event.Event{
		Type: "vm.missing", Project: string(believed.Project), SubjectKind: "vm", SubjectID: string(believed.ID),
		Data: facts(map[string]string{"host_id": string(self), "name": believed.Name}),
	})
}

// strangers tells, once each, of machines that the inventory does not place on this host.
func (s *Server) strangers(ctx context.Context, self id.Host, machines []ObservedMachine, here map[id.VM]bool) ([]string, error) {
	unknown := []string{}
	for _, each := range machines {
		if each.VM != "" && here[each.VM] {
			continue
		}
		kind, elsewhere := "host.unknown_machine", map[string]string{"name": each.Name, "state": string(each.State)}
		if each.VM != "" {
			elsewhere["vm_id"] = string(each.VM)
			found, err := s.store.GetVM(ctx, "", string(each.VM))
			switch {
			case err == nil && found.Operation != "":
				continue // on its way from or to another host
			case err == nil:
				kind = "host.misplaced_machine"
				elsewhere["belongs_to_host_id"] = string(found.Host)
			case !fault.Is(err, fault.KindNotFound):
				return nil, err
			}
		}
		unknown = append(unknown, each.Name)
		if !s.sightings.first(self, "stranger "+string(each.VM)+each.Name) {
			continue
		}
		err := s.store.AppendEvent(ctx, event.Event{Type: kind, SubjectKind: "host", SubjectID: string(self), Data: facts(elsewhere)})
		if err != nil {
			return nil, err
		}
	}
	return unknown, nil
}

func facts(of map[string]string) json.RawMessage {
	encoded, err := json.Marshal(of)
	if err != nil {
		panic("BUG: strings cannot be written: " + err.Error())
	}
	return encoded
}

// sightings remembers what was told already, so that a report every few seconds is not an event every few seconds. A
// restart forgets, and tells once more.
type sightings struct {
	mutex sync.Mutex
	told  map[id.Host]map[string]bool
}

const maxSightings = 10_000 // of one host

func newSightings() *sightings { return &sightings{told: map[id.Host]map[string]bool{}} }

func (t *sightings) first(of id.Host, what string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.told[of] == nil || len(t.told[of]) >= maxSightings {
		t.told[of] = map[string]bool{}
	}
	if t.told[of][what] {
		return false
	}
	t.told[of][what] = true
	return true
}

func (t *sightings) has(of id.Host, what string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.told[of][what]
}

func (t *sightings) clear(of id.Host, what string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.told[of], what)
}
