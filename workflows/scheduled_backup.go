package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/internal/id"
)

// dueTime is set by Temporal on what its schedules start.
var dueTime = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// ScheduledBackup is what a Temporal Schedule starts: it accepts a backup like any other request and waits for its end. It
// is no operation itself; the backup it accepts is one.
func ScheduledBackup(ctx workflow.Context, schedule id.Schedule) error {
	info := workflow.GetInfo(ctx)
	due, known := workflow.GetTypedSearchAttributes(ctx).GetTime(dueTime)
	if !known {
		due = info.WorkflowStartTime
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: ControlQueue, StartToCloseTimeout: hostLongest, HeartbeatTimeout: heartbeatTimeout,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second},
	})
	return workflow.ExecuteActivity(ctx, toControl.RunSchedule, control.ScheduledRun{
		Schedule: schedule, Key: info.WorkflowExecution.ID, At: due,
	}).Get(ctx, nil)
}
