package api_test

import (
	"encoding/json"
	"testing"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

func TestCloning(t *testing.T) {
	s := newStage(t)
	s.call("POST", "/vms", map[string]any{"name": "web", "image": "tiny", "cpus": 2, "cloud_init": map[string]any{"user_data": "#!/bin/sh\n"}}, 202)
	var source vm.VM
	s.call("GET", "/vms/web", nil, 200).into(&source)
	on := s.hosts["h1"].id
	s.must(s.store.SetVMState(t.Context(), source.ID, store.SetState{State: vm.Stopped, Host: &on}))
	s.must(s.store.EndOperation(t.Context(), source.Operation, store.Ending{State: operation.Succeeded}))

	var plan operation.Plan
	s.call("POST", "/vms/web/clone?dry_run=true", map[string]any{"name": "web-2"}, 200).into(&plan)
	if plan.Kind != operation.CloneVM || len(plan.Steps) == 0 || plan.Host == "" {
		t.Errorf("planned %+v", plan)
	}
	s.call("GET", "/vms/web-2", nil, 404)
	accepted := s.call("POST", "/vms/web/clone", map[string]any{"name": "web-2", "description": "a copy", "host": "h2", "pool": "local", "start": false}, 202).operation()
	var request operation.CloneRequest
	s.must(json.Unmarshal(accepted.Request, &request))
	if request.Instant != "" || request.Source != source.ID || request.Host != s.hosts["h2"].id || request.Pool != "local" || request.Start || len(request.Volumes) != 1 {
		t.Errorf("asked for %+v", request)
	}
	var made vm.VM
	s.call("GET", "/vms/web-2", nil, 200).into(&made)
	if made.ID == source.ID || made.CloudInit != source.CloudInit || made.Spec != source.Spec || made.Interfaces[0].MAC == source.Interfaces[0].MAC ||
		made.Interfaces[0].Network != source.Interfaces[0].Network || made.Image != "" || made.Description != "a copy" || made.Operation != accepted.ID {
		t.Errorf("the clone is %+v", made)
	}
	s.call("POST", "/vms/web/start", nil, 409).problem(string(accepted.ID))
}

func TestCloningWhileItRuns(t *testing.T) {
	s := newStage(t)
	for _, state := range []vm.State{vm.Running, vm.Paused} {
		name := "web-" + string(state)
		s.addVM(name, "h1", state)
		accepted := s.call("POST", "/vms/"+name+"/clone", map[string]any{"name": name + "-2"}, 202).operation()
		var request operation.CloneRequest
		s.must(json.Unmarshal(accepted.Request, &request))
		if request.Instant == "" {
			t.Errorf("of a VM that is %s it asked for %+v", state, request)
		}
	}
}

func TestBadInputForClones(t *testing.T) {
	s := newStage(t)
	s.addVM("lost", "h1", vm.Unknown)
	s.addVM("off", "h1", vm.Stopped)
	busy := s.addVM("busy", "h1", vm.Stopped)
	s.busy(busy, operation.Start)
	named := func(name string, more ...string) map[string]any {
		body := map[string]any{"name": name}
		for at := 0; at < len(more); at += 2 {
			body[more[at]] = more[at+1]
		}
		return body
	}
	s.refuses(t, []refusal{
		{"a VM whose state is unknown", "POST", "/vms/lost/clone", named("new"), 409, "", "wait until it has been made"},
		{"a busy VM", "POST", "/vms/busy/clone", named("new"), 409, "", "is busy"},
		{"no VM", "POST", "/vms/" + string(id.New[id.VM]()) + "/clone", named("new"), 404, "", "there is no VM"},
		{"no name", "POST", "/vms/off/clone", map[string]any{}, 422, "name", `"name" is missing`},
		{"a name of capitals", "POST", "/vms/off/clone", named("New"), 422, "name", "is not a usable name"},
		{"its own name", "POST", "/vms/off/clone", named("off"), 409, "name", "there is a VM named off already"},
		{"an unknown host", "POST", "/vms/off/clone", named("new", "host", "h9"), 422, "host", `there is no host "h9"`},
		{"an unknown pool", "POST", "/vms/off/clone", named("new", "pool", "tape"), 422, "pool", `there is no pool "tape"`},
		{"an unknown network", "POST", "/vms/off/clone", named("new", "network", "moon"), 422, "network", `there is no network "moon"`},
	})
}
