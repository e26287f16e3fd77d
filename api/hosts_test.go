package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

func TestEnrolment(t *testing.T) {
	s := newStage(t)
	var made api.Secret
	s.call("POST", "/hosts/enrolment-tokens?dry_run=true", nil, 200)
	s.call("POST", "/hosts/enrolment-tokens", map[string]any{}, 201).into(&made)
	enrol := func(body api.EnrolBody, want int) reply { return s.as("").call("POST", "/hosts/enrol", body, want) }
	enrol(api.EnrolBody{Token: made.Token, Name: "H4", Facts: hostFacts(3)}, 422).problem("is not a usable name")
	enrol(api.EnrolBody{Token: made.Token, Name: "h4"}, 422).problem("at least one CPU")
	noAddress := hostFacts(3)
	noAddress.MigrationAddress = "somewhere"
	enrol(api.EnrolBody{Token: made.Token, Name: "h4", Facts: noAddress}, 422).problem("NOVACRON_MIGRATION_ADDRESS")
	noMemory := hostFacts(3)
	noMemory.MemoryBytes = 0
	enrol(api.EnrolBody{Token: made.Token, Name: "h4", Facts: noMemory}, 422).problem("a host has memory")
	var enrolled api.Enrolled
	enrol(api.EnrolBody{Token: made.Token, Name: "h4", Facts: hostFacts(3)}, 200).into(&enrolled)
	if enrolled.TemporalNamespace != "novacron" || !strings.HasPrefix(enrolled.Token, "nch_") {
		t.Errorf("unexpected answer %+v", enrolled)
	}
	s.as(enrolled.Token).call("PUT", "/hosts/self/facts", hostFacts(3), 204)
	enrol(api.EnrolBody{Token: made.Token, Name: "h5", Facts: hostFacts(4)}, 403)
	for range 5 {
		enrol(api.EnrolBody{Token: "nce_nonsense", Name: "h5", Facts: hostFacts(4)}, s.enrolStatus())
	}
	enrol(api.EnrolBody{Token: made.Token, Name: "h5", Facts: hostFacts(4)}, 429).problem("too many")
	var found host.Host
	if s.call("GET", "/hosts/h4", nil, 200).into(&found); found.State != host.Ready || len(found.Facts.Pools) != 2 {
		t.Errorf("unexpected host %+v", found)
	}
	s.call("DELETE", "/hosts/h4?dry_run=true", nil, 200)
	s.call("DELETE", "/hosts/h4", nil, 204)
	s.call("DELETE", "/hosts/h4", nil, 404)
	s.as(enrolled.Token).call("PUT", "/hosts/self/facts", hostFacts(3), 401).problem("enrol the host again")
}

// enrolStatus is what a wrong enrolment token gives: 403, and 429 once there were too many.
func (s *stage) enrolStatus() int {
	if strings.Count(s.log.String(), "path=/api/v1/hosts/enrol status=403") >= 5 {
		return 429
	}
	return 403
}

func TestCordonDrainAndRemove(t *testing.T) {
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	s.call("POST", "/hosts/h1/cordon?dry_run=true", nil, 200)
	var found host.Host
	if s.call("POST", "/hosts/h1/cordon", map[string]any{}, 200).into(&found); found.State != host.Cordoned {
		t.Errorf("unexpected host %+v", found)
	}
	if s.call("POST", "/hosts/"+string(found.ID)+"/uncordon", nil, 200).into(&found); found.Cordoned {
		t.Errorf("unexpected host %+v", found)
	}
	s.call("POST", "/hosts/h9/cordon", nil, 404)
	s.call("DELETE", "/hosts/h1", nil, 409).problem("still has 1 VMs; drain it first")
	var plan operation.Plan
	if s.call("POST", "/hosts/h1/drain?dry_run=true", nil, 200).into(&plan); plan.Kind != operation.Drain {
		t.Errorf("unexpected plan %+v", plan)
	}
	draining := s.call("POST", "/hosts/h1/drain", nil, 202).operation()
	s.call("POST", "/hosts/h1/drain", nil, 409).problem(string(draining.ID))
}

func TestWhatHostsReport(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	h1 := s.as(s.hosts["h1"].token)
	h1.call("POST", "/hosts/self/samples", store.Samples{
		Host:  host.Use{At: time.Now(), CPUFraction: .5, MemoryUsedBytes: 1 << 30},
		Pools: []host.PoolFact{{Name: "local", CapacityBytes: 100 << 30, UsedBytes: 7 << 30, Available: true}},
		VMs:   []hypervisor.Sample{{VM: machine.ID, At: time.Now(), CPUs: 1, CPUNanoseconds: 5, MemoryBytes: 256 << 20}},
	}, 204)
	h1.call("POST", "/hosts/self/samples", `{"host":{"at":"2026-01-01T00:00:00Z","from_the_future":1},"pools":null,"vms":null,"more":{}}`, 204)
	h1.call("POST", "/hosts/self/samples", `{"host":`, 400)
	var found host.Host
	if s.call("GET", "/hosts/h1", nil, 200).into(&found); found.Use.CPUFraction == 0 && found.Use.MemoryUsedBytes == 0 && found.VMs != 1 {
		t.Errorf("unexpected host %+v", found)
	}
	var networks []fabric.Network
	h1.call("GET", "/hosts/self/networks", nil, 200).into(&networks)
	if len(networks) != 1 || networks[0].VNI != 100 || networks[0].Gateway.String() != "10.90.0.1" || len(networks[0].Peers) != 2 {
		t.Errorf("unexpected networks %+v", networks)
	}
	for _, peer := range networks[0].Peers {
		if peer.String() == "10.77.0.11" {
			t.Error("a host is no peer of itself")
		}
	}
	var believed []api.HostVM
	h1.call("GET", "/hosts/self/vms", nil, 200).into(&believed)
	if len(believed) != 1 || believed[0].VM != machine.ID || len(believed[0].Volumes) != 1 || believed[0].State != vm.Running {
		t.Errorf("unexpected VMs %+v", believed)
	}
	s.as(s.hosts["h2"].token).call("GET", "/hosts/self/vms", nil, 200).into(&believed)
	if len(believed) != 0 {
		t.Errorf("h2 is told of %+v", believed)
	}
	h1.call("PUT", "/hosts/self/facts", map[string]any{"cpus": 0}, 422)
}

func TestObservations(t *testing.T) {
	s := newStage(t)
	running := s.addVM("running", "h1", vm.Running)
	stopped := s.addVM("stopped", "h1", vm.Stopped)
	lost := s.addVM("lost", "h1", vm.Running)
	asleep := s.addVM("asleep", "h1", vm.Stopped)
	busy := s.addVM("busy", "h1", vm.Running)
	s.busy(busy, operation.Stop)
	elsewhere := s.addVM("elsewhere", "h2", vm.Running)
	travelling := s.addVM("travelling", "h2", vm.Running)
	s.busy(travelling, operation.Migrate)
	report := api.ObservationsBody{Machines: []api.ObservedMachine{
		{VM: running.ID, Name: "running", State: vm.Paused},
		{VM: stopped.ID, Name: "stopped", State: vm.Stopped},
		{VM: elsewhere.ID, Name: "elsewhere", State: vm.Running},
		{VM: travelling.ID, Name: "travelling", State: vm.Paused},
		{VM: id.New[id.VM](), Name: "forgotten", State: vm.Stopped},
		{Name: "somebody-elses", State: vm.Running},
	}}
	last, err := s.store.LastSequence(t.Context())
	s.must(err)
	h1 := s.as(s.hosts["h1"].token)
	var observed api.Observed
	for range 3 {
		h1.call("POST", "/hosts/self/observations", report, 200).into(&observed)
	}
	if fmt.Sprint(observed.Missing) != fmt.Sprint([]id.VM{asleep.ID, lost.ID}) || strings.Join(observed.Unknown, " ") != "elsewhere forgotten somebody-elses" {
		t.Errorf("observed %+v", observed)
	}
	for name, want := range map[string]vm.State{
		"running": vm.Paused, "stopped": vm.Stopped, "lost": vm.Crashed, "asleep": vm.Stopped, "busy": vm.Running, "elsewhere": vm.Running,
	} {
		var found vm.VM
		if s.call("GET", "/vms/"+name, nil, 200).into(&found); found.State != want {
			t.Errorf("%s is %s instead of %s", name, found.State, want)
		}
	}
	events, err := s.store.EventsAfter(t.Context(), "", last, 100)
	s.must(err)
	told := map[string]int{}
	for _, each := range events {
		told[each.Type]++
	}
	want := map[string]int{"vm.paused": 1, "vm.crashed": 1, "vm.missing": 2, "host.unknown_machine": 2, "host.misplaced_machine": 1}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told %v instead of %v", told, want)
	}
	report.Machines = append(report.Machines, api.ObservedMachine{VM: lost.ID, Name: "lost", State: vm.Stopped})
	if h1.call("POST", "/hosts/self/observations", report, 200).into(&observed); len(observed.Missing) != 1 {
		t.Errorf("found again: %+v", observed)
	}
	h1.call("POST", "/hosts/self/observations", map[string]any{"machines": []any{map[string]any{"name": "x", "state": "flying"}}}, 422).problem("running, paused, stopped or crashed")
}
