package workflows

import (
	"context"
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// catchUp is how long after its time a run that was missed is still made up for. Several missed runs are made up for by
// one: RunSchedule sees to that.
const catchUp = 7 * 24 * time.Hour

// CreateSchedule sets the timer of a schedule; one that is set already is fine.
func (e *Engine) CreateSchedule(ctx context.Context, of backup.Schedule) error {
	spec := client.ScheduleSpec{}
	window := catchUp
	if of.Cron != "" {
		spec.CronExpressions = []string{of.Cron}
	} else {
		every := time.Duration(of.Every) * time.Second
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: every}}
		window = max(every, time.Minute)
	}
	_, err := e.client.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: string(of.ID), Spec: spec, Paused: of.Paused, CatchupWindow: window,
		// Runs that overlap are let through and left out by RunSchedule, which can say so.
		Overlap: enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
		Action: &client.ScheduleWorkflowAction{
			ID: "run-" + string(of.ID), Workflow: ScheduledBackupName, TaskQueue: ControlQueue, Args: []any{of.ID},
			TypedSearchAttributes: temporal.NewSearchAttributes(
				searchResource.ValueSet(string(of.VM)), searchKind.ValueSet(ScheduledBackupName), searchProject.ValueSet(string(of.Project)),
			),
		},
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return scheduleFault(of.ID, err)
}

func scheduleFault(of id.Schedule, err error) error {
	if isMissing(err) {
		return fault.NotFound("schedule %s has no timer", of)
	}
	return unavailable(err)
}

// DeleteSchedule takes a schedule's timer away; a missing one is fine.
func (e *Engine) DeleteSchedule(ctx context.Context, of id.Schedule) error {
	err := e.client.ScheduleClient().GetHandle(ctx, string(of)).Delete(ctx)
	if isMissing(err) {
		return nil
	}
	return unavailable(err)
}

// PauseSchedule stops a schedule's timer, or lets it run again.
func (e *Engine) PauseSchedule(ctx context.Context, of id.Schedule, paused bool) error {
	handle := e.client.ScheduleClient().GetHandle(ctx, string(of))
	if paused {
		return scheduleFault(of, handle.Pause(ctx, client.SchedulePauseOptions{}))
	}
	return scheduleFault(of, handle.Unpause(ctx, client.ScheduleUnpauseOptions{}))
}

// TriggerSchedule takes a backup now, as if it were due.
func (e *Engine) TriggerSchedule(ctx context.Context, of id.Schedule) error {
	return scheduleFault(of, e.client.ScheduleClient().GetHandle(ctx, string(of)).Trigger(ctx, client.ScheduleTriggerOptions{}))
}

// DescribeSchedule reads a schedule's timer.
func (e *Engine) DescribeSchedule(ctx context.Context, of id.Schedule) (backup.ScheduleInfo, error) {
	described, err := e.client.ScheduleClient().GetHandle(ctx, string(of)).Describe(ctx)
	if err != nil {
		return backup.ScheduleInfo{}, scheduleFault(of, err)
	}
	info := backup.ScheduleInfo{}
	if next := described.Info.NextActionTimes; !described.Schedule.State.Paused && len(next) > 0 {
		info.NextRunAt = next[0]
	}
	return info, nil
}
