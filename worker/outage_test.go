package worker

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// TestWhileTemporalIsAway kills Temporal and asks for things. What was accepted begins when it is back, what was cancelled
// meanwhile is taken back, and of three runs of a schedule that were missed one is made up for.
func TestWhileTemporalIsAway(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "scheduled", "h1", "local")
	due := time.Now().UTC().Truncate(time.Second).Add(4 * time.Second)
	schedule := p.scheduleAt(t, machine.ID, due, due.Add(time.Second), due.Add(2*time.Second))
	before := p.sequence(t)
	p.temporal.stop()
	if !time.Now().Before(due) {
		t.Fatal("this machine is too slow to miss a run on purpose: Temporal was not gone in time")
	}

	wanted := p.begin(t, http.MethodPost, "/vms", creation("wanted", "h1", "local"))
	unwanted := p.begin(t, http.MethodPost, "/vms", creation("unwanted", "h1", "local"))
	p.begin(t, http.MethodPost, "/operations/"+string(unwanted.ID)+"/cancel", nil)
	time.Sleep(time.Until(due.Add(3 * time.Second)))
	for _, each := range []operation.Operation{wanted, unwanted} {
		if found := p.operation(t, each.ID); found.State != operation.Accepted {
			t.Errorf("without Temporal an operation is %s", found.State)
		}
	}
	restarted := time.Now()
	p.temporal.start(t)
	ready := time.Now()
	if ended := p.ended(t, wanted.ID); ended.State != operation.Succeeded {
		t.Errorf("what was accepted meanwhile %s: %+v", ended.State, ended.Error)
	}
	if ended := p.ended(t, unwanted.ID); ended.State != operation.Cancelled {
		t.Errorf("what was cancelled meanwhile %s: %+v", ended.State, ended.Error)
	}
	if _, err := p.store.GetVM(t.Context(), "", "unwanted"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("the VM that was cancelled is still there (%v)", err)
	}
	recovered := time.Now()
	p.checkCaughtUpOnce(t, schedule, before)
	t.Logf("Temporal was ready %s after it was started, what had been accepted was done %s later, and what had been missed another %s later",
		ready.Sub(restarted), recovered.Sub(ready), time.Since(recovered))
}

// scheduleAt makes a schedule that is due at given times of this hour. The API takes no seconds; Temporal does.
func (p *plant) scheduleAt(t *testing.T, machine id.VM, times ...time.Time) backup.Schedule {
	t.Helper()
	var seconds, minutes []string
	for _, each := range times {
		seconds = append(seconds, fmt.Sprint(each.Second()))
		minutes = append(minutes, fmt.Sprint(each.Minute()))
	}
	found := p.machine(t, string(machine))
	made := backup.Schedule{
		ID: id.New[id.Schedule](), Project: found.Project, VM: found.ID, VMName: found.Name, Name: "often",
		Cron: strings.Join(seconds, ",") + " " + strings.Join(minutes, ",") + " * * * * *",
	}
	must(t, p.store.InsertSchedule(t.Context(), made))
	must(t, p.engine.CreateSchedule(t.Context(), made))
	t.Cleanup(func() { p.endSchedule(made.ID) })
	await(t, soon, "the timer has been set", func() bool { return !p.timer(t, made.ID).Info.CreatedAt.IsZero() })
	return made
}

func (p *plant) checkCaughtUpOnce(t *testing.T, of backup.Schedule, before int64) {
	t.Helper()
	var found backup.Schedule
	t.Cleanup(func() {
		if t.Failed() {
			timer := p.timer(t, of.ID)
			t.Logf("the schedule is %+v, its timer has done %+v, and it was told of %q", found, timer.Info, p.eventsAfter(t, before, string(of.ID)))
		}
	})
	await(t, soon, "the missed runs are accounted for", func() bool {
		var err error
		found, err = p.store.GetSchedule(t.Context(), "", string(of.ID))
		return err == nil && found.Skipped == 2
	})
	await(t, soon, "the run that makes up for them has ended", func() bool {
		taken, _, err := p.store.ListBackups(t.Context(), store.BackupFilter{Schedule: of.ID, Limit: store.MaxPage})
		return err == nil && len(taken) == 1 && taken[0].State == backup.Ready
	})
	told := strings.Join(p.eventsAfter(t, before, string(of.ID)), "\n")
	if strings.Count(told, "schedule.skipped") != 2 || !strings.Contains(told, "skipped: ") {
		t.Errorf("the runs that were left out are not told of:\n%s", told)
	}
}
