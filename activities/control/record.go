package control

import (
	"context"
	"encoding/json"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

func ignoreMissing(err error) error {
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// Beginning is the start of an operation's workflow.
type Beginning struct {
	Operation id.Operation `json:"operation_id"`
	RunID     string       `json:"run_id"`
}

// Begin records that an operation's workflow runs.
func (a *Activities) Begin(ctx context.Context, in Beginning) error {
	return a.Store.BeginOperation(ctx, in.Operation, in.RunID)
}

// Standing is how far an operation is.
type Standing struct {
	Operation id.Operation    `json:"operation_id"`
	State     operation.State `json:"state"`
	Question  string          `json:"question,omitempty"`
}

// SetState records how far an operation is, and what it waits for.
func (a *Activities) SetState(ctx context.Context, in Standing) error {
	return a.Store.SetOperationState(ctx, in.Operation, in.State, in.Question)
}

// MarkNoReturn records that an operation can no longer be cancelled.
func (a *Activities) MarkNoReturn(ctx context.Context, of id.Operation) error {
	return a.Store.MarkNoReturn(ctx, of)
}

// Finishing is the end of an operation.
type Finishing struct {
	Operation id.Operation       `json:"operation_id"`
	State     operation.State    `json:"state"`
	Result    json.RawMessage    `json:"result,omitempty"`
	Problem   *operation.Problem `json:"problem,omitempty"`
	Leaks     []operation.Leak   `json:"leaks,omitempty"`
}

// Finish records how an operation ended and releases what it held.
func (a *Activities) Finish(ctx context.Context, in Finishing) error {
	return a.Store.EndOperation(ctx, in.Operation, store.Ending{
		State: in.State, Result: in.Result, Error: in.Problem, Leaks: in.Leaks,
	})
}
