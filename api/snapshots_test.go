package api_test

import (
	"encoding/json"
	"testing"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/snapshot"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// finish ends an operation as its workflow would, and gives its claims back.
func (s *stage) finish(of operation.Operation) {
	s.t.Helper()
	s.must(s.store.EndOperation(s.t.Context(), of.ID, store.Ending{State: operation.Succeeded}))
}

func TestSnapshots(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	take := func(body map[string]any, want int) reply { return s.call("POST", "/vms/web/snapshots", body, want) }
	take(map[string]any{"name": "No"}, 422).at("name")
	s.call("POST", "/vms/none/snapshots", map[string]any{"name": "first"}, 404)
	s.call("POST", "/vms/web/snapshots?dry_run=true", map[string]any{"name": "first"}, 200)
	taking := take(map[string]any{"name": "first", "description": "before"}, 202).operation()
	var asked operation.SnapshotRequest
	s.must(json.Unmarshal(taking.Request, &asked))
	if taking.Kind != operation.TakeSnapshot || asked.VM != machine.ID || !id.Is[id.Snapshot](string(asked.Snapshot)) {
		t.Errorf("unexpected operation %+v", taking)
	}
	take(map[string]any{"name": "second"}, 409).problem(string(taking.ID))
	var one snapshot.Snapshot
	s.call("GET", "/vms/web/snapshots/first", nil, 200).into(&one)
	if one.State != snapshot.Creating || one.Description != "before" || len(one.Disks) != 1 || one.Disks[0].Device != "vda" {
		t.Errorf("unexpected snapshot %+v", one)
	}
	s.must(s.store.KeepSnapshot(t.Context(), one.ID, true))
	s.finish(taking)
	take(map[string]any{"name": "first"}, 409).at("name")
	var listed struct{ Items []snapshot.Snapshot }
	s.call("GET", "/vms/web/snapshots", nil, 200).into(&listed)
	if len(listed.Items) != 1 || !listed.Items[0].Current || !listed.Items[0].Quiesced || listed.Items[0].State != snapshot.Ready {
		t.Errorf("unexpected snapshots %+v", listed.Items)
	}
	s.call("GET", "/vms/web/snapshots/none", nil, 404)

	// What a snapshot lies in stays where and as it is.
	s.call("POST", "/vms/web/disks/vda/grow", map[string]any{"size_bytes": 2 << 30}, 409).problem("1 snapshots")
	s.call("POST", "/vms/web/disks/vda/move", map[string]any{"pool": "local"}, 409).problem("1 snapshots")
	data := s.addVolume("data", "shared", "")
	s.must(s.store.AttachVolume(t.Context(), machine.ID, data.ID, "vdb"))
	s.call("DELETE", "/vms/web", nil, 409).problem("volume data outlives VM web")

	s.call("POST", "/vms/web/snapshots/none/revert", nil, 404)
	var plan struct{ Notes []string }
	s.call("POST", "/vms/web/snapshots/first/revert?dry_run=true", map[string]any{}, 200).into(&plan)
	if len(plan.Notes) != 3 {
		t.Errorf("unexpected notes %v", plan.Notes)
	}
	reverting := s.call("POST", "/vms/web/snapshots/first/revert", nil, 202).operation()
	var back operation.RevertRequest
	s.must(json.Unmarshal(reverting.Request, &back))
	if back != (operation.RevertRequest{VM: machine.ID, Snapshot: one.ID, Start: true}) {
		t.Errorf("unexpected request %+v", back)
	}
	s.finish(reverting)
	deleting := s.call("DELETE", "/vms/web/snapshots/first", nil, 202).operation()
	if deleting.Kind != operation.DeleteSnapshot {
		t.Errorf("unexpected operation %+v", deleting)
	}
	s.must(s.store.DeleteSnapshot(t.Context(), one.ID))
	s.call("GET", "/vms/web/snapshots", nil, 200).into(&listed)
	if len(listed.Items) != 0 {
		t.Errorf("left: %+v", listed.Items)
	}
}
