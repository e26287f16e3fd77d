package workflows

import (
	"context"
	"encoding/json"
	"errors"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// Engine starts, steers and reads operations through a Temporal client.
type Engine struct {
	client    client.Client
	namespace string
	histories histories
}

// NewEngine uses a client that is connected to namespace.
func NewEngine(connected client.Client, namespace string) *Engine {
	return &Engine{client: connected, namespace: namespace}
}

// Search attributes of every operation's workflow; deploy/temporal creates them.
var (
	searchResource = temporal.NewSearchAttributeKeyKeyword("NovacronResource")
	searchKind     = temporal.NewSearchAttributeKeyKeyword("NovacronKind")
	searchProject  = temporal.NewSearchAttributeKeyKeyword("NovacronProject")
)

// Start starts the workflow of an operation that was accepted. One that runs, or has run, is fine. The error is
// fault.Unavailable if Temporal does not answer.
func (e *Engine) Start(ctx context.Context, of operation.Operation) error {
	known, ok := entries[of.Kind]
	if !ok {
		return fault.Invalid("there is no operation %q", of.Kind)
	}
	task, err := known.task(of)
	if err != nil {
		return err
	}
	_, err = e.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: string(of.ID), TaskQueue: ControlQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            string(of.Kind) + " " + of.Subject.Name,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			searchResource.ValueSet(of.Subject.ID), searchKind.ValueSet(string(of.Kind)), searchProject.ValueSet(string(of.Project)),
		),
	}, string(of.Kind), task)
	if _, already := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); already {
		return nil
	}
	return unavailable(err)
}

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Unavailable("Temporal does not answer; see whether it is up, then try again").Because(err)
}

func isMissing(err error) bool {
	_, missing := errors.AsType[*serviceerror.NotFound](err)
	return missing
}

// Cancel asks an operation to stop and to take back what it did. One whose workflow has not begun begins and stops; the
// error is NotFound for one that Temporal does not know.
func (e *Engine) Cancel(ctx context.Context, of id.Operation) error {
	err := e.client.CancelWorkflow(ctx, string(of), "")
	if isMissing(err) {
		return fault.NotFound("the workflow of operation %s has not begun or has ended", of)
	}
	return unavailable(err)
}

// GiveUp tells an operation that waits for a silent host to stop waiting for it.
func (e *Engine) GiveUp(ctx context.Context, of id.Operation) error {
	err := e.client.SignalWorkflow(ctx, string(of), "", GiveUpSignal, nil)
	if isMissing(err) {
		return fault.Conflict("operation %s is not running", of)
	}
	return unavailable(err)
}

// Tune steers a running migration and returns when that has been done or refused.
func (e *Engine) Tune(ctx context.Context, of id.Operation, by string, tuning operation.Tuning) error {
	handle, err := e.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: string(of), UpdateName: TuneUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{Steering{By: by, Tuning: tuning}},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return fault.New(fault.Kind(refused.Type()), refused.Message())
	}
	if isMissing(err) {
		return fault.Conflict("operation %s is not running, so there is nothing to tune", of)
	}
	return unavailable(err)
}

// Plan answers a dry run.
func (e *Engine) Plan(kind operation.Kind, request json.RawMessage) (operation.Plan, error) {
	return Plan(kind, request)
}

// Ready reports whether Temporal answers; the error is fault.Unavailable.
func (e *Engine) Ready(ctx context.Context) error {
	_, err := e.client.CheckHealth(ctx, &client.CheckHealthRequest{})
	return unavailable(err)
}

// Closed reports whether an operation's workflow is known to have ended, in whatever way.
func (e *Engine) Closed(ctx context.Context, of id.Operation) (bool, error) {
	described, err := e.client.DescribeWorkflowExecution(ctx, string(of), "")
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return described.WorkflowExecutionInfo.Status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}
