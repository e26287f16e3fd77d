package control

import (
	"context"
	"encoding/json"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// ScheduledRun is one run of a schedule.
type ScheduledRun struct {
	Schedule id.Schedule `json:"schedule_id"`
	Key      string      `json:"key"` // the same for every attempt at this run
	At       time.Time   `json:"at"`  // when it was due
}

// busyPatience is how long a run waits for an operation of another kind that holds its VM.
const busyPatience = 10 * time.Minute

// RunSchedule takes the backup that is due and waits for its end. A run that is due while the one before is at work is
// left out, and so is one that was missed and that a later one has made up for; the schedule's record says so.
func (a *Activities) RunSchedule(ctx context.Context, in ScheduledRun) error {
	schedule, err := a.Store.GetSchedule(ctx, "", string(in.Schedule))
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if in.At.Before(schedule.LastRunAt) && activity.GetInfo(ctx).Attempt == 1 {
		return a.skip(ctx, in, "skipped: a later run has made up for it")
	}
	accepted, err := a.acceptScheduled(ctx, schedule, in)
	if fault.Is(err, fault.KindConflict) {
		return a.skip(ctx, in, "skipped: "+err.Error())
	}
	if err != nil {
		return err
	}
	began := time.Now() // not when it was due: whatever was due before now, this run makes up for
	if err := a.Store.RecordScheduleRun(ctx, in.Schedule, store.ScheduleRun{At: began, Result: "running as " + string(accepted.ID)}); err != nil {
		return err
	}
	result := "succeeded as " + string(accepted.ID)
	if err := a.AwaitOperation(ctx, accepted.ID); err != nil {
		if ctx.Err() != nil {
			return err
		}
		result = "failed as " + string(accepted.ID) + ": " + err.Error()
	}
	return a.Store.RecordScheduleRun(ctx, in.Schedule, store.ScheduleRun{At: began, Result: result})
}

func (a *Activities) skip(ctx context.Context, in ScheduledRun, why string) error {
	return a.Store.RecordScheduleRun(ctx, in.Schedule, store.ScheduleRun{At: in.At, Result: why, Skipped: true})
}

// acceptScheduled waits for a VM that another kind of operation holds, and gives up at once on one that a backup holds.
func (a *Activities) acceptScheduled(ctx context.Context, schedule backup.Schedule, in ScheduledRun) (operation.Operation, error) {
	for began := time.Now(); ; {
		accepted, err := a.acceptBackup(ctx, schedule, in)
		if !fault.Is(err, fault.KindConflict) || time.Since(began) > busyPatience {
			return accepted, err
		}
		machine, lookErr := a.Store.GetVM(ctx, "", string(schedule.VM))
		if lookErr != nil || machine.OperationOf == string(operation.TakeBackup) {
			return accepted, err
		}
		activity.RecordHeartbeat(ctx)
		select {
		case <-time.After(awaitEvery):
		case <-ctx.Done():
			return accepted, ctx.Err()
		}
	}
}

func (a *Activities) acceptBackup(ctx context.Context, schedule backup.Schedule, in ScheduledRun) (operation.Operation, error) {
	machine, err := a.Store.GetVM(ctx, "", string(schedule.VM))
	if err != nil {
		return operation.Operation{}, err
	}
	taken := backup.Backup{
		ID: id.New[id.Backup](), Project: schedule.Project, VM: machine.ID, VMName: machine.Name,
		State: backup.Creating, Schedule: schedule.ID, Spec: machine.Spec,
	}
	request, err := json.Marshal(operation.BackupRequest{VM: machine.ID, Backup: taken.ID, Schedule: schedule.ID})
	if err != nil {
		return operation.Operation{}, err
	}
	accepted, err := a.Store.Accept(ctx, store.Acceptance{
		Operation: operation.Operation{
			ID: id.New[id.Operation](), Project: schedule.Project, Kind: operation.TakeBackup, Actor: "schedule:" + schedule.Name,
			Subject: operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, Request: request,
		},
		Principal: "schedule:" + string(schedule.ID), Key: in.Key, Claims: []string{string(machine.ID)}, NewBackup: &taken,
	})
	return accepted.Operation, err
}

// awaitEvery is how often the inventory is asked whether an operation has ended.
const awaitEvery = time.Second

// AwaitOperation starts an operation that was accepted, unless it runs already, and waits for its end. The error is how
// it failed. If this activity is cancelled, the operation is cancelled too and its end still awaited.
func (a *Activities) AwaitOperation(ctx context.Context, other id.Operation) error {
	for started, cancelled := false, false; ; {
		lasting := context.WithoutCancel(ctx)
		found, err := a.Store.GetOperation(lasting, "", other)
		if err != nil {
			return err
		}
		switch {
		case found.State == operation.Succeeded:
			return nil
		case found.State.Final() && found.Error != nil:
			return fault.New(found.Error.Kind, found.Error.Message)
		case found.State.Final():
			return fault.Conflict("operation %s was %s", other, found.State)
		}
		if !started {
			if err := a.Starter.Start(lasting, found); err != nil {
				return err
			}
			started = true
		}
		activity.RecordHeartbeat(ctx)
		select {
		case <-time.After(awaitEvery):
		case <-ctx.Done():
			if !cancelled {
				cancelled = true
				if err := a.Starter.Cancel(lasting, other); err != nil {
					return err
				}
			}
			time.Sleep(awaitEvery)
		}
	}
}
