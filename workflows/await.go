package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/id"
)

// awaitOperation starts another operation that was accepted, and waits until it has ended; its failure is the error. A
// cancellation of this operation is passed on to the other.
func awaitOperation(ctx workflow.Context, other id.Operation) error {
	r := runOf(ctx)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: ControlQueue, ActivityID: r.nextID(), Summary: r.title, WaitForCancellation: true,
		StartToCloseTimeout: hostLongest, HeartbeatTimeout: heartbeatTimeout, ScheduleToStartTimeout: controlPickUp,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second},
	})
	return workflow.ExecuteActivity(ctx, toControl.AwaitOperation, other).Get(ctx, nil)
}
