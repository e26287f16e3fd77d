package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// addBackup takes a backup and ends its operation; the backup is ready and has a checkpoint.
func (w *world) addBackup(of vm.VM, schedule id.Schedule) backup.Backup {
	w.t.Helper()
	ctx := w.t.Context()
	taken := backup.Backup{
		ID: id.New[id.Backup](), Project: w.project, VM: of.ID, VMName: of.Name, Mode: backup.Full, Schedule: schedule, Spec: of.Spec,
	}
	request := w.on(operation.TakeBackup, of)
	request.NewBackup = &taken
	accepted, err := w.Accept(ctx, request)
	must(w.t, err)
	taken.Disks = []backup.Disk{{Device: "vda", SizeBytes: gib, Manifest: "m", SHA256: "ef"}}
	taken.Checkpoint, taken.Frozen, taken.ReadBytes, taken.StoredBytes = true, true, 20, 10
	for range 2 {
		must(w.t, w.FinishBackup(ctx, taken))
	}
	must(w.t, w.EndOperation(ctx, accepted.Operation.ID, store.Ending{State: operation.Succeeded}))
	return taken
}

func TestBackups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	web, db := w.addVM("web"), w.addVM("db")
	first := w.addBackup(web, "")
	time.Sleep(2 * time.Millisecond) // IDs of one millisecond are not in order
	second := w.addBackup(web, "")
	w.addBackup(db, "")

	found, err := w.GetBackup(ctx, w.project, first.ID)
	must(t, err)
	first.State, first.CreatedAt = backup.Ready, found.CreatedAt
	equal(t, "backup", fmt.Sprint(found), fmt.Sprint(first))
	_, err = w.GetBackup(ctx, "prj_other", first.ID)
	wantFault(t, err, fault.KindNotFound, "novacron backup list")

	list := func(filter store.BackupFilter) int {
		t.Helper()
		listed, _, err := w.ListBackups(ctx, filter)
		must(t, err)
		return len(listed)
	}
	must(t, w.DeleteVM(ctx, web.ID))
	equal(t, "all", list(store.BackupFilter{Project: w.project}), 3)
	equal(t, "of a VM that is gone", list(store.BackupFilter{VM: "web"}), 2)
	equal(t, "by its ID", list(store.BackupFilter{VM: string(web.ID)}), 2)
	equal(t, "state", list(store.BackupFilter{State: backup.Damaged}), 0)
	page, next, err := w.ListBackups(ctx, store.BackupFilter{VM: "web", Limit: 1})
	must(t, err)
	equal(t, "newest first", page[0].ID, second.ID)
	page, next, err = w.ListBackups(ctx, store.BackupFilter{VM: "web", Limit: 1, Cursor: next})
	must(t, err)
	equal(t, "then the other", fmt.Sprint(page[0].ID, next), fmt.Sprint(first.ID, ""))
	_, _, err = w.ListBackups(ctx, store.BackupFilter{Limit: -1})
	wantFault(t, err, fault.KindInvalid)
	_, _, err = w.ListBackups(ctx, store.BackupFilter{Cursor: "-"})
	wantFault(t, err, fault.KindInvalid)

	for range 2 {
		must(t, w.DeleteBackup(ctx, first.ID))
	}
	equal(t, "left", list(store.BackupFilter{VM: "web"}), 1)
}

func TestBackupInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken := w.addBackup(w.addVM("web"), "")
	request := store.Acceptance{Operation: w.operation(operation.Restore, "", "copy"), Shared: []string{string(taken.ID)}}
	_, err := w.Accept(t.Context(), request)
	must(t, err)
	found, err := w.GetBackup(t.Context(), "", taken.ID)
	must(t, err)
	equal(t, "referenced by", found.ReferencedBy, 1)
}

func TestBackupStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	taken := w.addBackup(w.addVM("web"), "")
	before, err := w.LastSequence(ctx)
	must(t, err)
	must(t, w.RecordVerification(ctx, taken.ID, ""))
	must(t, w.RecordVerification(ctx, taken.ID, "chunk 7 is missing"))
	found, err := w.GetBackup(ctx, "", taken.ID)
	must(t, err)
	equal(t, "state", found.State, backup.Damaged)
	equal(t, "detail", found.DamagedDetail, "chunk 7 is missing")
	if found.VerifiedAt.IsZero() {
		t.Error("not verified")
	}
	for range 2 {
		must(t, w.SetBackupState(ctx, taken.ID, backup.Deleting, ""))
	}
	events, err := w.EventsAfter(ctx, "", before, 0)
	must(t, err)
	equal(t, "events", typesOf(events), "backup.verified backup.damaged backup.deleting")
	if !strings.Contains(string(events[1].Data), "chunk 7") {
		t.Errorf("data: %s", events[1].Data)
	}
	for _, err := range []error{
		w.SetBackupState(ctx, "bkp_none", backup.Ready, ""), w.RecordVerification(ctx, "bkp_none", ""),
		w.FinishBackup(ctx, backup.Backup{ID: "bkp_none"}),
	} {
		wantFault(t, err, fault.KindNotFound, "bkp_none")
	}
}

func TestBaseFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	web := w.addVM("web")
	_, err := w.BaseFor(ctx, web.ID)
	wantFault(t, err, fault.KindNotFound, "full one")
	older := w.addBackup(web, "")
	time.Sleep(2 * time.Millisecond)
	newer := w.addBackup(web, "")
	base, err := w.BaseFor(ctx, web.ID)
	must(t, err)
	equal(t, "the newest", base.ID, newer.ID)
	must(t, w.ClearCheckpoints(ctx, web.ID, []id.Backup{older.ID}))
	base, err = w.BaseFor(ctx, web.ID)
	must(t, err)
	equal(t, "the one that was kept", base.ID, older.ID)
	must(t, w.ClearCheckpoints(ctx, web.ID, nil))
	_, err = w.BaseFor(ctx, web.ID)
	wantFault(t, err, fault.KindNotFound)
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	web := w.addVM("web")
	nightly := backup.Schedule{
		ID: id.New[id.Schedule](), Project: w.project, VM: web.ID, Name: "nightly", Cron: "0 2 * * *", Keep: backup.Keep{Last: 7, WithinHours: 720},
	}
	must(t, w.InsertSchedule(ctx, nightly))
	taken := w.addBackup(web, nightly.ID)
	for _, ref := range []string{"nightly", string(nightly.ID)} {
		found, err := w.GetSchedule(ctx, w.project, ref)
		must(t, err)
		nightly.VMName, nightly.CreatedAt = "web", found.CreatedAt
		equal(t, "schedule", found, nightly)
	}
	at := time.Now().UTC().Truncate(time.Second)
	must(t, w.SetSchedulePaused(ctx, nightly.ID, true))
	must(t, w.SetSchedulePaused(ctx, nightly.ID, false))
	must(t, w.SetSchedulePaused(ctx, nightly.ID, true))
	must(t, w.RecordScheduleRun(ctx, nightly.ID, store.ScheduleRun{At: at, Result: "succeeded"}))
	must(t, w.RecordScheduleRun(ctx, nightly.ID, store.ScheduleRun{At: at.Add(time.Hour), Result: "left out", Skipped: true}))
	found, err := w.GetSchedule(ctx, "", "nightly")
	must(t, err)
	nightly.Paused, nightly.LastRunAt, nightly.LastResult, nightly.Skipped = true, at, "left out", 1
	equal(t, "schedule", found, nightly)

	again := nightly
	again.ID = id.New[id.Schedule]()
	err = w.InsertSchedule(ctx, again)
	wantFault(t, err, fault.KindConflict, "named nightly")
	again.Name, again.VM = "other", "vm_none"
	wantFault(t, w.InsertSchedule(ctx, again), fault.KindNotFound, "VM")
	again.Name = "-"
	wantFault(t, w.InsertSchedule(ctx, again), fault.KindInvalid)

	for _, list := range []func() ([]backup.Schedule, error){
		func() ([]backup.Schedule, error) { return w.ListSchedules(ctx, w.project) },
		func() ([]backup.Schedule, error) { return w.SchedulesOf(ctx, web.ID) },
	} {
		listed, err := list()
		must(t, err)
		equal(t, "schedules", len(listed), 1)
	}
	for range 2 {
		must(t, w.DeleteSchedule(ctx, nightly.ID))
	}
	kept, err := w.GetBackup(ctx, "", taken.ID)
	must(t, err)
	equal(t, "schedule of its backup", kept.Schedule, "")
	_, err = w.GetSchedule(ctx, w.project, "nightly")
	wantFault(t, err, fault.KindNotFound, "novacron schedule list")
	wantFault(t, w.SetSchedulePaused(ctx, nightly.ID, true), fault.KindNotFound)
	wantFault(t, w.RecordScheduleRun(ctx, nightly.ID, store.ScheduleRun{At: at}), fault.KindNotFound)
	equal(t, "events", typesOf(w.happened()[len(w.happened())-6:]),
		"schedule.paused schedule.unpaused schedule.paused schedule.ran schedule.skipped schedule.deleted")
}

func TestSchedulesOfSeveralProjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("insert into projects (id, name) values ('prj_other', 'other')")
	web := w.addVM("web")
	for _, project := range []id.Project{w.project, "prj_other"} {
		must(t, w.InsertSchedule(t.Context(), backup.Schedule{ID: id.New[id.Schedule](), Project: project, VM: web.ID, Name: "nightly", Every: 60}))
	}
	_, err := w.GetSchedule(t.Context(), "", "nightly")
	wantFault(t, err, fault.KindConflict, "several projects")
}
