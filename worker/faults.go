package worker

import (
	"context"
	"errors"
	"log/slog"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/novacron/novacron/internal/fault"
)

// faults hands an activity's fault to Temporal as an error of the fault's kind, retried only where the kind may pass by
// itself. Causes go to the log and nowhere else.
type faults struct {
	interceptor.WorkerInterceptorBase
	log *slog.Logger
}

func (f *faults) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &faultsInbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, log: f.log}
}

type faultsInbound struct {
	interceptor.ActivityInboundInterceptorBase
	log *slog.Logger
}

func (f *faultsInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := f.Next.ExecuteActivity(ctx, in)
	if err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return result, err
	}
	info := activity.GetInfo(ctx)
	kind, message := fault.KindInternal, err.Error()
	found, known := errors.AsType[*fault.Error](err)
	if known {
		kind, message = found.Kind, found.Message
		f.log.Warn("an activity failed", "operation", info.WorkflowExecution.ID, "activity", info.ActivityID,
			"type", info.ActivityType.Name, "attempt", info.Attempt, "kind", kind, "error", message, "cause", found.Cause)
	} else {
		f.log.Error("an activity failed without a fault", "operation", info.WorkflowExecution.ID, "activity", info.ActivityID,
			"type", info.ActivityType.Name, "attempt", info.Attempt, "error", message)
	}
	return result, temporal.NewApplicationErrorWithOptions(message, string(kind), temporal.ApplicationErrorOptions{NonRetryable: !kind.Retryable()})
}
