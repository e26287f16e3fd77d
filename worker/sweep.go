package worker

import (
	"context"
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// sweep ends operations whose workflow was ended from outside or is lost, delivers cancellations that did not get through,
// and releases claims that nobody holds.
func (c *Control) sweep(ctx context.Context) error {
	open, err := c.Store.OpenOperations(ctx)
	if err != nil {
		return err
	}
	failed := c.forEach(ctx, open, c.sweepOne)
	_, err = c.Store.SweepClaims(ctx)
	return errors.Join(failed, err)
}

func (c *Control) sweepOne(ctx context.Context, of operation.Operation) error {
	if time.Since(of.CreatedAt) < lostAfter {
		return nil
	}
	described, err := c.Temporal.DescribeWorkflowExecution(ctx, string(of.ID), "")
	_, missing := errors.AsType[*serviceerror.NotFound](err)
	switch {
	case missing && of.State == operation.Accepted:
		return nil // the outbox starts it
	case missing:
		return c.endLost(ctx, of, "Temporal no longer knows its workflow, so nothing was undone; compare the VM with its host before going on")
	case err != nil:
		return err
	case described.WorkflowExecutionInfo.Status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return c.endLost(ctx, of, "its workflow was ended from outside, so nothing was undone; compare the VM with its host before going on")
	case of.CancelRequested && of.State == operation.Running && !of.NoReturn:
		return c.cancel(ctx, of)
	}
	return nil
}

// endLost ends an operation that nobody works on any more, unless it has ended meanwhile.
func (c *Control) endLost(ctx context.Context, of operation.Operation, why string) error {
	current, err := c.Store.GetOperation(ctx, "", of.ID)
	if err != nil || current.State.Final() {
		return err
	}
	err = c.Store.EndOperation(ctx, of.ID, store.Ending{
		State: operation.Failed, Error: &operation.Problem{Kind: fault.KindInternal, Message: why},
	})
	if err != nil || of.Subject.Kind != "vm" {
		return err
	}
	return c.doubt(ctx, of)
}

// doubt takes back what an operation that is lost said of its VM: one that it was making or removing is in neither state
// without it, and could never be deleted. Its host says what it is; without a host it was never more than a record.
func (c *Control) doubt(ctx context.Context, of operation.Operation) error {
	left, err := c.Store.GetVM(ctx, "", of.Subject.ID)
	switch {
	case fault.Is(err, fault.KindNotFound):
		return nil
	case err != nil:
		return err
	case left.State != vm.Provisioning && left.State != vm.Deleting:
		return nil
	case left.Host == "":
		return c.Store.DeleteVM(ctx, left.ID)
	}
	err = c.Store.SetVMState(ctx, left.ID, store.SetState{State: vm.Unknown, Operation: of.ID, IfFree: true})
	if fault.Is(err, fault.KindConflict) {
		return nil // another operation has taken it over
	}
	return err
}
