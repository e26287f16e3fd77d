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
	switch {
	case err == nil:
		return result, nil
	case temporal.IsCanceledError(context.Cause(ctx)):
		// It was asked to stop. How that broke off what it was at (a program killed by a signal) is no failure of its own.
		return result, temporal.NewCanceledError()
	case ctx.Err() != nil:
		err = fault.Unavailable("the worker was stopped while it was at it, or it took too long").Because(err)
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
