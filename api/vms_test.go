package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// eventually waits for something that happens behind an answer.
func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if true() {
			return
		}
	}
	t.Fatalf("it never came true that %s", what)
}

func TestProvisioning(t *testing.T) {
	s := newStage(t)
	body := map[string]any{"name": "web", "image": "tiny", "cpus": 2, "memory_bytes": 256 << 20, "description": "the shop"}
	var plan operation.Plan
	s.call("POST", "/vms?dry_run=true", body, 200).into(&plan)
	if plan.Kind != operation.Provision || len(plan.Steps) == 0 || plan.Host == "" || len(plan.Notes) == 0 {
		t.Errorf("unexpected plan %+v", plan)
	}
	if s.call("GET", "/vms/web", nil, 404); len(s.vms()) != 0 {
		t.Fatal("a dry run must change nothing")
	}
	answer := s.call("POST", "/vms", body, 202)
	accepted := answer.operation()
	if answer.header.Get("Location") != "/api/v1/operations/"+string(accepted.ID) || accepted.State != operation.Accepted || accepted.Actor != "admin" {
		t.Errorf("unexpected operation %+v", accepted)
	}
	eventually(t, "the workflow was started", func() bool { return s.workflows.starts(accepted.ID) == 1 })
	var request operation.ProvisionRequest
	s.must(json.Unmarshal(accepted.Request, &request))
	if request.Name != "web" || request.Image != s.image.ID || request.DiskBytes != 1<<30 || request.Spec.CPUs != 2 || request.Network != s.installed.Network.ID {
		t.Errorf("unexpected request %+v", request)
	}
	var made vm.VM
	s.call("GET", "/vms/web", nil, 200).into(&made)
	if made.State != vm.Provisioning || made.Operation != accepted.ID || made.ID != request.VM || len(made.Volumes) != 1 ||
		len(made.Interfaces) != 1 || !made.Interfaces[0].IP.IsValid() || made.Description != "the shop" {
		t.Errorf("unexpected VM %+v", made)
	}
	s.call("GET", "/vms/"+string(made.ID), nil, 200)
	s.call("POST", "/vms", body, 409).problem("there is a VM named web already")
	pinned := s.call("POST", "/vms", map[string]any{"name": "pinned", "image": string(s.image.ID), "host": "h2", "pool": "local", "disk_bytes": 2 << 30}, 202).operation()
	s.must(json.Unmarshal(pinned.Request, &request))
	if request.Host != s.hosts["h2"].id || request.Pool != "local" || request.DiskBytes != 2<<30 {
		t.Errorf("unexpected request %+v", request)
	}
}

func (s *stage) vms() []vm.VM {
	s.t.Helper()
	var found api.List[vm.VM]
	s.call("GET", "/vms?limit=500", nil, 200).into(&found)
	return found.Items
}

func TestOperationsOnVMs(t *testing.T) {
	s := newStage(t)
	for i, test := range []struct {
		state  vm.State
		method string
		path   string
		body   any
		kind   operation.Kind
		says   string
	}{
		{vm.Stopped, "POST", "/start", nil, operation.Start, `"vm_id"`},
		{vm.Running, "POST", "/stop", map[string]any{"force": true}, operation.Stop, `"force": true`},
		{vm.Running, "POST", "/stop", map[string]any{"grace_seconds": 5}, operation.Stop, `"grace_seconds": 5`},
		{vm.Paused, "POST", "/restart", map[string]any{}, operation.Restart, `"vm_id"`},
		{vm.Running, "POST", "/pause", nil, operation.Pause, `"vm_id"`},
		{vm.Paused, "POST", "/resume", nil, operation.Resume, `"vm_id"`},
		{vm.Crashed, "DELETE", "", nil, operation.Delete, `"vm_id"`},
		{vm.Running, "POST", "/migrate", nil, operation.Migrate, `"limits"`},
		{vm.Running, "POST", "/migrate", map[string]any{"to": "h2", "limits": map[string]any{"allow_post_copy": true}}, operation.Migrate, `"allow_post_copy": true`},
		{vm.Stopped, "POST", "/migrate", map[string]any{"to": "h2", "cold": true}, operation.Migrate, `"cold": true`},
		{vm.Running, "POST", "/backups", nil, operation.TakeBackup, `"backup_id"`},
		{vm.Running, "POST", "/backups", map[string]any{"mode": "incremental"}, operation.TakeBackup, `"mode": "incremental"`},
	} {
		name := fmt.Sprintf("vm-%d", i)
		machine := s.addVM(name, "h1", test.state)
		var plan operation.Plan
		s.call(test.method, "/vms/"+name+test.path+"?dry_run=true", test.body, 200).into(&plan)
		if plan.Kind != test.kind {
			t.Errorf("%s: planned %s", test.path, plan.Kind)
		}
		accepted := s.call(test.method, "/vms/"+name+test.path, test.body, 202).operation()
		if accepted.Kind != test.kind || accepted.Subject.ID != string(machine.ID) || !strings.Contains(spaced(accepted.Request), test.says) {
			t.Errorf("%s: unexpected operation %+v with %s", test.path, accepted, accepted.Request)
		}
		s.call("POST", "/vms/"+name+"/stop", nil, 409).problem(string(accepted.ID))
	}
}

// spaced writes JSON in one form, whoever wrote it.
func spaced(raw json.RawMessage) string {
	var value any
	_ = json.Unmarshal(raw, &value)
	encoded, _ := json.MarshalIndent(value, "", " ")
	return string(encoded)
}

func TestLists(t *testing.T) {
	s := newStage(t)
	for i := range 7 {
		state := vm.Running
		if i%2 == 1 {
			state = vm.Stopped
		}
		s.addVM(fmt.Sprintf("web-%d", i), fmt.Sprintf("h%d", i%3+1), state)
	}
	var seen []string
	cursor := ""
	for range 4 {
		var found api.List[vm.VM]
		s.call("GET", "/vms?limit=3&cursor="+cursor, nil, 200).into(&found)
		for _, each := range found.Items {
			seen = append(seen, each.Name)
		}
		if cursor = found.NextCursor; cursor == "" {
			break
		}
	}
	if strings.Join(seen, " ") != "web-0 web-1 web-2 web-3 web-4 web-5 web-6" {
		t.Errorf("the pages hold %v", seen)
	}
	for filter, want := range map[string]int{"state=stopped": 3, "host=h1": 3, "q=WEB-6": 1, "q=nothing": 0, "state=running&host=h2": 1} {
		var found api.List[vm.VM]
		s.call("GET", "/vms?"+filter, nil, 200).into(&found)
		if len(found.Items) != want || found.Items == nil {
			t.Errorf("%s: %d instead of %d", filter, len(found.Items), want)
		}
	}
	for _, list := range []string{"/hosts", "/images", "/pools", "/networks", "/projects", "/operations", "/backups", "/schedules", "/tokens", "/vm-transitions", "/events"} {
		if text := string(s.call("GET", list, nil, 200).body); !strings.HasPrefix(text, `{"items":[`) {
			t.Errorf("%s: %.60s", list, text)
		}
	}
	var operations api.List[operation.Operation]
	s.call("GET", "/operations?kind=provision&state=succeeded&subject=web-3", nil, 200).into(&operations)
	if len(operations.Items) != 1 {
		t.Errorf("%d operations on web-3", len(operations.Items))
	}
}

func TestIdempotency(t *testing.T) {
	s := newStage(t)
	keyed := func(key string) caller { return s.as(s.token).with("Idempotency-Key", key) }
	body := `{"name":"web","image":"tiny"}`
	first := keyed("k1").call("POST", "/vms", body, 202).operation()
	again := keyed("k1").call("POST", "/vms", `{ "image": "tiny", "name": "web" }`, 202)
	if again.operation().ID != first.ID || again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the same key and body must be the same operation")
	}
	keyed("k1").call("POST", "/vms", `{"name":"other","image":"tiny"}`, 409).problem("Idempotency-Key")
	keyed("k1").call("POST", "/vms/web/stop", nil, 409)
	s.call("GET", "/vms/other", nil, 404)
	s.addVM("on", "h1", vm.Running)
	stopping := keyed("k2").call("POST", "/vms/on/stop", nil, 202).operation()
	if keyed("k2").call("POST", "/vms/on/stop", nil, 202).operation().ID != stopping.ID {
		t.Error("a repeated stop must find the first, not the busy VM")
	}
	keyed("k2").call("POST", "/vms/on/stop", map[string]any{"force": true}, 409)
	keyed("k3").call("POST", "/vms/on/stop?dry_run=true", nil, 409).problem(string(stopping.ID))
	keyed(strings.Repeat("k", 300)).call("POST", "/vms/on/stop", nil, 422).problem("must have at most 255 characters")
	eventually(t, "both workflows were started once", func() bool {
		return s.workflows.starts(first.ID) == 1 && s.workflows.starts(stopping.ID) == 1
	})
}

func TestIdempotencyInParallel(t *testing.T) {
	s := newStage(t)
	s.addVM("on", "h1", vm.Running)
	var group sync.WaitGroup
	found := make(chan id.Operation, 20)
	for i := range 20 {
		group.Go(func() {
			path, body := "/vms", `{"name":"web","image":"tiny"}`
			if i%2 == 1 {
				path, body = "/vms/on/stop", `{"force":true}`
			}
			found <- s.as(s.token).with("Idempotency-Key", "parallel"+path).call("POST", path, body, 202).operation().ID
		})
	}
	group.Wait()
	close(found)
	distinct := map[id.Operation]bool{}
	for each := range found {
		distinct[each] = true
	}
	if len(distinct) != 2 {
		t.Errorf("%d operations instead of one for each key", len(distinct))
	}
}

func TestOneOfManyGetsTheVM(t *testing.T) {
	s := newStage(t)
	s.addVM("on", "h1", vm.Running)
	var group sync.WaitGroup
	var mutex sync.Mutex
	statuses := map[int]int{}
	for range 10 {
		group.Go(func() {
			status := s.status("POST", "/vms/on/stop", s.token)
			mutex.Lock()
			statuses[status]++
			mutex.Unlock()
		})
	}
	group.Wait()
	if statuses[202] != 1 || statuses[409] != 9 {
		t.Errorf("statuses %v", statuses)
	}
}

func TestAcceptanceOutlivesTemporal(t *testing.T) {
	s := newStage(t)
	s.workflows.fail(fault.Unavailable("Temporal does not answer; try again in a moment"))
	accepted := s.call("POST", "/vms", map[string]any{"name": "web", "image": "tiny"}, 202).operation()
	var timeline operation.Timeline
	s.call("GET", "/operations/"+string(accepted.ID)+"/timeline", nil, 200).into(&timeline)
	if len(timeline.Steps) != 1 || timeline.Steps[0].State != operation.StepPlanned || timeline.State != operation.Accepted {
		t.Errorf("unexpected timeline %+v", timeline)
	}
	if ready := s.as("").call("GET", "!/readyz", nil, 503); !strings.Contains(string(ready.body), "Temporal does not answer") {
		t.Errorf("readyz says %s", ready.body)
	}
	pending, err := s.store.PendingOperations(t.Context(), 10)
	if err != nil || len(pending) != 1 || pending[0].ID != accepted.ID {
		t.Errorf("the outbox holds %v, %v", pending, err)
	}
}

func TestCancelAndTune(t *testing.T) {
	s := newStage(t)
	moving := s.busy(s.addVM("web", "h1", vm.Running), operation.Migrate)
	at := "/operations/" + string(moving.ID)
	s.call("POST", at+"/tune?dry_run=true", map[string]any{"post_copy": true}, 200)
	s.call("POST", at+"/tune", map[string]any{"post_copy": true, "max_downtime_ms": 300}, 200)
	if len(s.workflows.tuned) != 1 || !s.workflows.tuned[0].PostCopy || s.workflows.tuned[0].MaxDowntimeMS != 300 {
		t.Errorf("tuned %+v", s.workflows.tuned)
	}
	s.call("POST", at+"/cancel?dry_run=true", nil, 200)
	if now := s.call("POST", at+"/cancel", map[string]any{}, 202).operation(); !now.CancelRequested {
		t.Error("the cancellation was not recorded")
	}
	eventually(t, "the workflow was told", func() bool {
		s.workflows.mutex.Lock()
		defer s.workflows.mutex.Unlock()
		return s.workflows.cancelled[moving.ID] == 1
	})
	s.call("POST", at+"/cancel", nil, 202)
	s.workflows.fail(fault.Conflict("the migration has just ended"))
	s.call("POST", at+"/tune", map[string]any{"post_copy": true}, 409).problem("the migration has just ended")
}

func TestTimelines(t *testing.T) {
	s := newStage(t)
	moving := s.busy(s.addVM("web", "h1", vm.Running), operation.Migrate)
	at := "/operations/" + string(moving.ID) + "/timeline"
	var timeline operation.Timeline
	s.call("GET", at, nil, 200).into(&timeline)
	if timeline.Steps[0].State != operation.StepPlanned {
		t.Errorf("before its workflow begins: %+v", timeline)
	}
	s.workflows.move(operation.Timeline{Operation: moving.ID, State: operation.Running, HistoryAt: 9, Steps: []operation.Step{{Name: "first", State: operation.StepRunning}}})
	s.call("GET", at, nil, 200).into(&timeline)
	if timeline.HistoryAt != 9 || timeline.State != operation.Running {
		t.Errorf("while it runs: %+v", timeline)
	}
	archived, err := json.Marshal(operation.Timeline{Operation: moving.ID, State: operation.Succeeded, HistoryAt: 30})
	s.must(err)
	s.must(s.store.EndOperation(context.Background(), moving.ID, store.Ending{State: operation.Succeeded, Timeline: archived}))
	s.workflows.fail(fault.Unavailable("Temporal does not answer"))
	s.call("GET", at, nil, 200).into(&timeline)
	if timeline.HistoryAt != 30 || timeline.State != operation.Succeeded {
		t.Errorf("a year later: %+v", timeline)
	}
}

func TestMetricsOfAVM(t *testing.T) {
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	var found api.Series[store.VMPoint]
	s.call("GET", "/vms/web/metrics?since=30m&step=30s", nil, 200).into(&found)
	if found.StepSeconds != 30 || found.Points == nil {
		t.Errorf("unexpected series %+v", found)
	}
	s.call("GET", "/vms/web/metrics?step=60&since="+time.Now().Add(-2*time.Hour).UTC().Format(time.RFC3339), nil, 200)
	s.call("GET", "/hosts/h1/metrics", nil, 200)
	for query, says := range map[string]string{
		"since=yesterday": "since must be a time", "since=-1h": "must lie in the past", "since=90000h": "at most a year",
		"step=0": "at least a second", "step=long": "at least a second", "since=8000h&step=1s": "more than 5000 points",
	} {
		s.call("GET", "/vms/web/metrics?"+query, nil, 422).problem(says)
	}
	s.call("GET", "/vms/nope/metrics", nil, 404)
	s.call("GET", "/hosts/nope/metrics", nil, 404)
}

func TestOverviewAndSearch(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	s.addVM("webmail", "h2", vm.Stopped)
	moving := s.busy(machine, operation.Migrate)
	failed := s.busy(s.addVM("other", "h1", vm.Running), operation.Stop)
	s.must(s.store.EndOperation(t.Context(), failed.ID, store.Ending{State: operation.Failed, Error: &operation.Problem{Kind: fault.KindUnavailable, Message: "h1 is silent"}}))
	var overview api.Overview
	s.call("GET", "/overview", nil, 200).into(&overview)
	if overview.VMs[vm.Running] != 2 || overview.VMs[vm.Stopped] != 1 || overview.Hosts["ready"] != 3 || overview.OpenOperations != 1 ||
		len(overview.Running) != 1 || len(overview.Failed) != 1 || overview.Capacity.CPUs != 12 {
		t.Errorf("unexpected overview %+v", overview)
	}
	search := func(q string) (kinds string) {
		var found api.List[store.Hit]
		s.call("GET", "/search?q="+q, nil, 200).into(&found)
		for _, hit := range found.Items {
			kinds += hit.Kind + ":" + hit.Name + " "
		}
		return strings.TrimSpace(kinds)
	}
	for q, want := range map[string]string{
		"webmail": "vm:webmail operation:provision webmail", "h2": "host:h2", "tin": "image:tiny", string(moving.ID): "operation:migrate web", "%25": "",
		strings.ToLower(string(machine.ID)): "vm:web",
	} {
		if got := search(q); got != want {
			t.Errorf("search %s: %q instead of %q", q, got, want)
		}
	}
	s.call("GET", "/search", nil, 422)
}

func TestMovingDisks(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	var disks struct{ Items []volume.Volume }
	if s.call("GET", "/vms/web/disks", nil, 200).into(&disks); len(disks.Items) != 1 || disks.Items[0].Device != "vda" || disks.Items[0].Pool != "shared" {
		t.Fatalf("unexpected disks %+v", disks)
	}
	s.call("GET", "/vms/none/disks", nil, 404)
	move := func(body map[string]any, want int) reply {
		return s.call("POST", "/vms/web/disks/vda/move", body, want)
	}
	move(map[string]any{}, 422)
	move(map[string]any{"pool": ""}, 422).at("pool")
	move(map[string]any{"pool": "shared"}, 422).problem("is in pool shared already")
	move(map[string]any{"pool": "none"}, 422).at("pool")
	move(map[string]any{"pool": "local", "bandwidth_bytes_per_second": 1}, 422).at("bandwidth_bytes_per_second")
	s.call("POST", "/vms/web/disks/vdz/move", map[string]any{"pool": "local"}, 404).problem("has no disk vdz; it has vda")
	s.call("POST", "/pools", map[string]any{"name": "new", "settings": map[string]any{"local": map[string]any{"directory": "/new"}}}, 201)
	move(map[string]any{"pool": "new"}, 422).problem("has no pool new")
	s.call("POST", "/vms/web/disks/vda/move?dry_run=true", map[string]any{"pool": "local"}, 200)
	moving := move(map[string]any{"pool": "local", "bandwidth_bytes_per_second": 1 << 20}, 202).operation()
	var asked operation.MoveDiskRequest
	s.must(json.Unmarshal(moving.Request, &asked))
	if moving.Kind != operation.MoveDisk || asked.VM != machine.ID || asked.Volume != machine.Volumes[0] || asked.New == "" || asked.BandwidthBytes != 1<<20 {
		t.Errorf("unexpected operation %+v", moving)
	}
	move(map[string]any{"pool": "local"}, 409).problem(string(moving.ID))
	s.addVM("gone", "h1", vm.Unknown)
	s.call("POST", "/vms/gone/disks/vda/move", map[string]any{"pool": "local"}, 409)
}

func TestLimitingDisks(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	limit := func(body map[string]any, want int) reply {
		return s.call("PUT", "/vms/web/disks/vda/limits", body, want)
	}
	limit(map[string]any{"iops": 1}, 422).at("iops")
	limit(map[string]any{"iops": -1}, 422)
	limit(map[string]any{"bytes_per_second": 10}, 422).at("bytes_per_second")
	s.call("PUT", "/vms/web/disks/vdz/limits", map[string]any{}, 404)
	s.call("PUT", "/vms/web/disks/vda/limits?dry_run=true", map[string]any{}, 200)
	limiting := limit(map[string]any{"iops": 100, "bytes_per_second": 1 << 20}, 202).operation()
	var asked operation.LimitDiskRequest
	s.must(json.Unmarshal(limiting.Request, &asked))
	if limiting.Kind != operation.LimitDisk || asked != (operation.LimitDiskRequest{VM: machine.ID, Volume: machine.Volumes[0], Limits: volume.Limits{IOPS: 100, BytesPerSecond: 1 << 20}}) {
		t.Errorf("unexpected operation %+v", limiting)
	}
}

func TestGrowingDisks(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	grow := func(bytes int64, want int) reply {
		return s.call("POST", "/vms/web/disks/vda/grow", map[string]any{"size_bytes": bytes}, want)
	}
	grow(1<<30, 422).at("size_bytes")
	grow(2<<30+1, 422).at("size_bytes")
	s.call("POST", "/vms/web/disks/vdz/grow", map[string]any{"size_bytes": 2 << 30}, 404)
	s.call("POST", "/vms/web/disks/vda/grow?dry_run=true", map[string]any{"size_bytes": 2 << 30}, 200)
	if growing := grow(2<<30, 202).operation(); growing.Kind != operation.GrowDisk || growing.Subject.ID != string(machine.ID) {
		t.Errorf("unexpected operation %+v", growing)
	}
	s.addVM("full", "h1", vm.Running)
	s.call("POST", "/vms/full/disks/vda/grow", map[string]any{"size_bytes": int64(8) << 40}, 409).at("size_bytes")
}
