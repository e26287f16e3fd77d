package worker

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
)

// endSchedule removes a test's schedule with its timer.
func (p *plant) endSchedule(of id.Schedule) {
	_ = p.engine.DeleteSchedule(context.Background(), of)
	_ = p.store.DeleteSchedule(context.Background(), of)
}

// timer is a schedule as Temporal has it.
func (p *plant) timer(t *testing.T, of id.Schedule) *client.ScheduleDescription {
	t.Helper()
	found, err := p.client.ScheduleClient().GetHandle(context.Background(), string(of)).Describe(context.Background())
	must(t, err)
	return found
}

func (p *plant) schedule(t *testing.T, ref string) backup.Schedule {
	t.Helper()
	return ask[backup.Schedule](t, p, http.MethodGet, "/schedules/"+ref, nil, http.StatusOK)
}

// TestScheduleFromItsFirstToItsLastDay creates a schedule, runs it, runs it while it runs, pauses, resumes and deletes it.
func TestScheduleFromItsFirstToItsLastDay(t *testing.T) {
	p := usePlant(t)
	p.provision(t, "nightly", "h1", "local")
	made := ask[backup.Schedule](t, p, http.MethodPost, "/schedules",
		map[string]any{"name": "night", "vm": "nightly", "cron": "0 2 * * *", "keep": map[string]any{"last": 2}}, http.StatusCreated)
	t.Cleanup(func() { p.endSchedule(made.ID) })
	next := p.schedule(t, "night").NextRunAt
	if next.Hour() != 2 || next.Minute() != 0 || time.Until(next) > 24*time.Hour {
		t.Errorf("a backup at two o'clock is due at %s", next)
	}

	before := p.sequence(t)
	p.hosts["h1"].driver.Inject("BeginExport", hypervisorfake.Fault{Nth: 1, Delay: 2500 * time.Millisecond})
	p.trigger(t, "night")
	await(t, soon, "the first run is at work", func() bool { return strings.HasPrefix(p.schedule(t, "night").LastResult, "running as ") })
	time.Sleep(1100 * time.Millisecond) // runs of one schedule within one second are one run to Temporal
	p.trigger(t, "night")
	await(t, soon, "the overlapping run is left out", func() bool { return p.schedule(t, "night").Skipped == 1 })
	await(t, soon, "the first run has succeeded", func() bool { return strings.HasPrefix(p.schedule(t, "night").LastResult, "succeeded as op_") })
	told := strings.Join(p.eventsAfter(t, before, string(made.ID)), "\n")
	if !strings.Contains(told, "schedule.skipped") || !strings.Contains(told, "is busy: operation op_") {
		t.Errorf("the run that was left out is not told of:\n%s", told)
	}
	taken, _, err := p.store.ListBackups(t.Context(), store.BackupFilter{Schedule: made.ID, Limit: store.MaxPage})
	must(t, err)
	if len(taken) != 1 || taken[0].State != backup.Ready {
		t.Errorf("two overlapping runs took %+v", taken)
	}

	ask[any](t, p, http.MethodPost, "/schedules/night/pause", nil, http.StatusOK)
	if found := p.schedule(t, "night"); !found.Paused || !found.NextRunAt.IsZero() || !p.timer(t, made.ID).Schedule.State.Paused {
		t.Errorf("a paused schedule is %+v", found)
	}
	ask[any](t, p, http.MethodPost, "/schedules/night/unpause", nil, http.StatusOK)
	if found := p.schedule(t, "night"); found.Paused || found.NextRunAt.IsZero() || p.timer(t, made.ID).Schedule.State.Paused {
		t.Errorf("a resumed schedule is %+v", found)
	}
	ask[any](t, p, http.MethodDelete, "/schedules/night", nil, http.StatusNoContent)
	p.checkNoSchedule(t, made.ID)
	if _, err := p.store.GetBackup(t.Context(), "", taken[0].ID); err != nil {
		t.Errorf("the backup went with its schedule: %v", err)
	}
}

func (p *plant) trigger(t *testing.T, ref string) {
	t.Helper()
	ask[any](t, p, http.MethodPost, "/schedules/"+ref+"/trigger", nil, http.StatusOK)
}

func (p *plant) checkNoSchedule(t *testing.T, of id.Schedule) {
	t.Helper()
	_, err := p.client.ScheduleClient().GetHandle(t.Context(), string(of)).Describe(t.Context())
	if _, gone := errors.AsType[*serviceerror.NotFound](err); !gone {
		t.Errorf("the timer is still there: %v", err)
	}
	if _, err := p.store.GetSchedule(t.Context(), "", string(of)); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("the schedule is still there: %v", err)
	}
	if err := p.engine.PauseSchedule(t.Context(), of, true); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("pausing what is not there is answered with %v", err)
	}
	if err := p.engine.DeleteSchedule(t.Context(), of); err != nil {
		t.Errorf("deleting what is not there is answered with %v", err)
	}
}

// TestScheduleGoesWithItsVM deletes a VM that has a schedule.
func TestScheduleGoesWithItsVM(t *testing.T) {
	p := usePlant(t)
	p.provision(t, "shortlived", "h1", "local")
	made := ask[backup.Schedule](t, p, http.MethodPost, "/schedules", map[string]any{"name": "gone", "vm": "shortlived", "every_seconds": 3600}, http.StatusCreated)
	if ended := p.ended(t, p.begin(t, http.MethodDelete, "/vms/shortlived", nil).ID); ended.Error != nil {
		t.Fatalf("delete: %+v", ended.Error)
	}
	p.checkNoSchedule(t, made.ID)
}
