package api_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/novacron/novacron/analytics"
	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

func TestBackups(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	ready := s.addBackup(machine, backup.Ready)
	s.addBackup(machine, backup.Damaged)
	var list api.List[backup.Backup]
	for query, want := range map[string]int{"": 2, "?vm=web": 2, "?state=damaged": 1, "?vm=nope": 0} {
		if s.call("GET", "/backups"+query, nil, 200).into(&list); len(list.Items) != want {
			t.Errorf("%q: %d instead of %d", query, len(list.Items), want)
		}
	}
	at := "/backups/" + string(ready.ID)
	s.call("GET", at, nil, 200)
	verifying := s.call("POST", at+"/verify", map[string]any{}, 202).operation()
	if verifying.Kind != operation.VerifyBackup || verifying.Subject.Kind != "backup" {
		t.Errorf("unexpected operation %+v", verifying)
	}
	s.call("POST", at+"/verify", nil, 202)
	s.call("DELETE", at, nil, 409).problem("is in use by 2 operations")
	spare := s.addBackup(machine, backup.Ready)
	deleting := s.call("DELETE", "/backups/"+string(spare.ID), nil, 202).operation()
	if deleting.Kind != operation.DeleteBackup {
		t.Errorf("unexpected operation %+v", deleting)
	}
	s.call("POST", "/backups/"+string(spare.ID)+"/verify", nil, 409).problem(string(deleting.ID))
	taking := s.call("POST", "/vms/web/backups", nil, 202).operation()
	var request operation.BackupRequest
	s.must(json.Unmarshal(taking.Request, &request))
	var made backup.Backup
	if s.call("GET", "/backups/"+string(request.Backup), nil, 200).into(&made); made.State != backup.Creating || made.VM != machine.ID || made.Disks == nil {
		t.Errorf("unexpected backup %+v", made)
	}
}

func TestRestore(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Stopped)
	ready := s.addBackup(machine, backup.Ready)
	at := "/backups/" + string(ready.ID) + "/restore"
	var plan operation.Plan
	if s.call("POST", at+"?dry_run=true", map[string]any{"name": "copy"}, 200).into(&plan); plan.Kind != operation.Restore || plan.Host == "" {
		t.Errorf("unexpected plan %+v", plan)
	}
	copying := s.call("POST", at, map[string]any{"name": "copy", "host": "h2", "start": false}, 202).operation()
	var request operation.RestoreRequest
	s.must(json.Unmarshal(copying.Request, &request))
	if request.Backup != ready.ID || request.Name != "copy" || request.Host != s.hosts["h2"].id || request.Start || len(request.Volumes) != 1 {
		t.Errorf("unexpected request %+v", request)
	}
	var made vm.VM
	if s.call("GET", "/vms/copy", nil, 200).into(&made); made.ID != request.VM || made.Operation != copying.ID || made.Volumes[0] != request.Volumes[0] {
		t.Errorf("unexpected VM %+v", made)
	}
	setting := s.call("POST", at, map[string]any{"in_place": true}, 202).operation()
	request = operation.RestoreRequest{}
	s.must(json.Unmarshal(setting.Request, &request))
	if !request.InPlace || request.VM != machine.ID || !request.Start || len(request.Volumes) != 1 {
		t.Errorf("unexpected request %+v", request)
	}
	if fresh, err := s.store.GetVolume(t.Context(), request.Volumes[0]); err != nil || fresh.VM != "" || fresh.Pool != "shared" {
		t.Errorf("the new disk is %+v, %v", fresh, err)
	}
	s.call("POST", "/vms/web/start", nil, 409).problem(string(setting.ID))
}

func TestSchedules(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	body := map[string]any{"name": "nightly", "vm": "web", "cron": "0 2 * * mon-fri", "keep": map[string]any{"last": 7}}
	s.call("POST", "/schedules?dry_run=true", body, 200)
	var made backup.Schedule
	s.call("POST", "/schedules", body, 201).into(&made)
	if made.VM != machine.ID || made.Keep.Last != 7 || made.NextRunAt.IsZero() || len(s.workflows.schedules) != 1 {
		t.Errorf("unexpected schedule %+v", made)
	}
	s.call("POST", "/schedules", body, 409)
	var list api.List[backup.Schedule]
	if s.call("GET", "/schedules", nil, 200).into(&list); len(list.Items) != 1 || list.Items[0].NextRunAt.IsZero() || list.Items[0].Skipped != 2 {
		t.Errorf("unexpected list %+v", list)
	}
	made = backup.Schedule{ID: made.ID}
	if s.call("POST", "/schedules/nightly/pause", nil, 200).into(&made); !made.Paused || !made.NextRunAt.IsZero() {
		t.Errorf("paused: %+v", made)
	}
	made = backup.Schedule{}
	if s.call("POST", "/schedules/nightly/unpause", map[string]any{}, 200).into(&made); made.Paused {
		t.Errorf("unpaused: %+v", made)
	}
	s.call("POST", "/schedules/nightly/trigger?dry_run=true", nil, 200)
	s.call("POST", "/schedules/"+string(made.ID)+"/trigger", nil, 200)
	if s.workflows.triggered[made.ID] != 1 {
		t.Error("it was not triggered")
	}
	s.call("GET", "/schedules/nightly", nil, 200)
	s.workflows.fail(fault.Unavailable("Temporal does not answer"))
	s.call("POST", "/schedules", map[string]any{"name": "hourly", "vm": "web", "every_seconds": 3600}, 503)
	s.call("GET", "/schedules/hourly", nil, 404)
	s.call("DELETE", "/schedules/nightly", nil, 503)
	s.call("GET", "/schedules/nightly", nil, 200)
	s.workflows.fail(nil)
	s.call("DELETE", "/schedules/nightly?dry_run=true", nil, 200)
	s.call("DELETE", "/schedules/nightly", nil, 204)
	s.call("DELETE", "/schedules/nightly", nil, 404)
	if len(s.workflows.schedules) != 0 {
		t.Error("the timer stays behind")
	}
}

func TestBadSchedules(t *testing.T) {
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	with := func(field string, value any) map[string]any {
		return map[string]any{"name": "nightly", "vm": "web", field: value}
	}
	tests := []refusal{
		{"when?", "POST", "/schedules", map[string]any{"name": "nightly", "vm": "web"}, 422, "cron", "say when"},
		{"both", "POST", "/schedules", map[string]any{"name": "nightly", "vm": "web", "cron": "* * * * *", "every_seconds": 60}, 422, "cron", "say when"},
		{"too often", "POST", "/schedules", with("every_seconds", 1), 422, "every_seconds", "between 10 and"},
		{"no VM", "POST", "/schedules", map[string]any{"name": "nightly", "vm": "nope", "cron": "* * * * *"}, 422, "vm", `there is no VM "nope"`},
		{"a bad name", "POST", "/schedules", map[string]any{"name": "Nightly!", "vm": "web", "cron": "* * * * *"}, 422, "name", "is not a usable name"},
		{"keeping too many", "POST", "/schedules", map[string]any{"name": "nightly", "vm": "web", "cron": "* * * * *", "keep": map[string]any{"last": 1000000}}, 422, "keep", "between 0"},
	}
	for i, cron := range []string{"* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *", "@daily", "1,,2 * * * *", "1-x * * * *"} {
		tests = append(tests, refusal{fmt.Sprintf("cron %d", i), "POST", "/schedules", with("cron", cron), 422, "cron", "cron"})
	}
	s.refuses(t, tests)
	for i, cron := range []string{"*/15 * * * *", "0 2 1,15 jan-jun mon", "0-30/10 0 * * 7"} {
		s.call("POST", "/schedules", map[string]any{"name": fmt.Sprintf("good-%d", i), "vm": "web", "cron": cron}, 201)
	}
}

func TestCapacityPlans(t *testing.T) {
	s := newStage(t)
	s.call("GET", "/capacity/plans/latest", nil, 404).problem("novacron capacity plan")
	s.call("POST", "/capacity/plans", map[string]any{"horizon_days": 0}, 422).problem("between 1 and 730")
	planning := s.call("POST", "/capacity/plans", nil, 202).operation()
	if planning.Kind != operation.Capacity || spaced(planning.Request) != "{\n \"horizon_days\": 90\n}" {
		t.Errorf("unexpected operation %+v with %s", planning, planning.Request)
	}
	result, err := json.Marshal(analytics.Report{Summary: "all is well", HorizonDays: 90})
	s.must(err)
	s.must(s.store.EndOperation(t.Context(), planning.ID, store.Ending{State: operation.Succeeded, Result: result}))
	var latest api.CapacityPlan
	if s.call("GET", "/capacity/plans/latest", nil, 200).into(&latest); latest.Operation != planning.ID || latest.Plan.Summary != "all is well" {
		t.Errorf("unexpected plan %+v", latest)
	}
}
