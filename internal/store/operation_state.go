package store

import (
	"context"
	"encoding/json"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store/db"
)

// Ending is how an operation ended.
type Ending struct {
	State    operation.State // Succeeded, Failed or Cancelled
	Result   json.RawMessage // what came of it, for Succeeded
	Error    *operation.Problem
	Leaks    []operation.Leak
	Timeline json.RawMessage // an operation.Timeline; empty keeps what was saved
}

// withOperation runs work on an operation whose row is locked, so that its state cannot change meanwhile.
func (s *Store) withOperation(ctx context.Context, operationID id.Operation, work func(*change, operation.Operation) error) error {
	return s.change(ctx, func(c *change) error {
		row, err := c.LockOperation(ctx, string(operationID))
		if err != nil {
			return noOperation(err, operationID)
		}
		locked, err := operationOf(row)
		if err != nil {
			return err
		}
		return work(c, locked)
	})
}

func hasEnded(of operation.Operation) error {
	return fault.Conflict("operation %s has ended (%s); nothing about it changes any more", of.ID, of.State)
}

// BeginOperation records that the workflow runs, with Temporal's run ID. It may be repeated; Conflict once it has ended.
func (s *Store) BeginOperation(ctx context.Context, operationID id.Operation, runID string) error {
	return s.withOperation(ctx, operationID, func(c *change, of operation.Operation) error {
		switch {
		case of.State.Final():
			return hasEnded(of)
		case of.State != operation.Accepted && of.RunID == runID:
			return nil
		}
		began := of.State == operation.Accepted
		if began {
			of.State = operation.Running
			c.emitOperation(of, "operation.started")
		}
		return c.BeginOperation(ctx, string(of.State), runID, string(of.ID))
	})
}

// SetOperationState moves an open operation to Running, Undoing or Waiting; question is for Waiting and says what is
// waited for. The event is operation.<state>. It may be repeated; Conflict once the operation has ended.
func (s *Store) SetOperationState(ctx context.Context, operationID id.Operation, state operation.State, question string) error {
	if state.Final() || state == operation.Accepted {
		return fault.Internal("BUG: an operation comes to be %s by other means", state)
	}
	return s.withOperation(ctx, operationID, func(c *change, of operation.Operation) error {
		switch {
		case of.State.Final():
			return hasEnded(of)
		case of.State == state && of.Question == question:
			return nil
		}
		of.State, of.Question = state, question
		c.emitOperation(of, "operation."+string(state))
		return c.SetOperationState(ctx, string(state), question, string(of.ID))
	})
}

// MarkNoReturn records that the operation can no longer be cancelled, whether or not that was asked of it before: RequestCancel
// refuses from here on. It may be repeated; Conflict once the operation has ended.
func (s *Store) MarkNoReturn(ctx context.Context, operationID id.Operation) error {
	return s.withOperation(ctx, operationID, func(c *change, of operation.Operation) error {
		switch {
		case of.NoReturn:
			return nil
		case of.State.Final():
			return hasEnded(of)
		}
		c.emitOperation(of, "operation.no_return_passed")
		return c.MarkNoReturn(ctx, string(of.ID))
	})
}

// RequestCancel records that the operation should stop and returns it; Conflict where operation.CanCancel says so. It may
// be repeated while the operation is open.
func (s *Store) RequestCancel(ctx context.Context, operationID id.Operation) (operation.Operation, error) {
	var asked operation.Operation
	err := s.withOperation(ctx, operationID, func(c *change, of operation.Operation) error {
		asked = of
		if err := of.CanCancel(); err != nil || of.CancelRequested {
			return err
		}
		asked.CancelRequested = true
		c.emitOperation(asked, "operation.cancel_requested")
		return c.RequestCancel(ctx, string(of.ID))
	})
	return asked, err
}

// EndOperation records the end, releases the operation's claims and archives its timeline in one transaction. It may be
// repeated: the first ending stands, claims are released again, and a timeline replaces the saved one.
func (s *Store) EndOperation(ctx context.Context, operationID id.Operation, ending Ending) error {
	if !ending.State.Final() {
		return fault.Internal("BUG: an operation does not end as %s", ending.State)
	}
	return s.withOperation(ctx, operationID, func(c *change, of operation.Operation) error {
		if !of.State.Final() {
			if err := c.end(ctx, of, ending); err != nil {
				return err
			}
		}
		if len(ending.Timeline) > 0 {
			if _, err := c.SaveTimeline(ctx, ending.Timeline, string(of.ID)); err != nil {
				return err
			}
		}
		return c.ReleaseClaims(ctx, string(of.ID))
	})
}

func (c *change) end(ctx context.Context, of operation.Operation, ending Ending) error {
	of.State, of.Error, of.Leaks, of.Question = ending.State, ending.Error, ending.Leaks, ""
	if of.Leaks == nil {
		of.Leaks = []operation.Leak{}
	}
	var problem json.RawMessage
	if ending.Error != nil {
		problem = marshal(ending.Error)
	}
	c.emitOperation(of, "operation."+string(ending.State))
	return c.EndOperation(ctx, db.EndOperationParams{
		State: string(ending.State), Result: nonEmpty(ending.Result), Error: problem, Leaks: marshal(of.Leaks), ID: string(of.ID),
	})
}

// nonEmpty is null for no JSON at all, which is no JSON value.
func nonEmpty(value json.RawMessage) []byte {
	if len(value) == 0 {
		return nil
	}
	return value
}
