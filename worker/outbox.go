package worker

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// startAccepted is the outbox: it starts the operations that were accepted while Temporal or the API were away.
func (c *Control) startAccepted(ctx context.Context) error {
	pending, err := c.Store.PendingOperations(ctx, outboxBatch)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(pending, func(of operation.Operation) bool { return time.Since(of.CreatedAt) < outboxAge })
	return c.forEach(ctx, left, c.startOne)
}

// forEach works on each operation, so that one that cannot be worked on does not hold up those behind it; but where Temporal
// is away that is so for all alike.
func (c *Control) forEach(ctx context.Context, all []operation.Operation, work func(context.Context, operation.Operation) error) error {
	var failed []error
	for _, each := range all {
		err := work(ctx, each)
		if err == nil {
			continue
		}
		if away := c.Engine.Ready(ctx); away != nil {
			return away
		}
		c.Log.Warn("an operation could not be looked after", "operation", each.ID, "kind", each.Kind, "error", err, "cause", errors.Unwrap(err))
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// startOne starts an operation and delivers its cancellation. One that cannot be started (a newer server may have accepted
// what this one does not know) waits for a server that can, unless it is cancelled: then nothing was begun and it just ends.
func (c *Control) startOne(ctx context.Context, of operation.Operation) error {
	err := c.Engine.Start(ctx, of)
	if err != nil && of.CancelRequested && !fault.Is(err, fault.KindUnavailable) {
		return c.Store.EndOperation(ctx, of.ID, store.Ending{State: operation.Cancelled, Error: &operation.Problem{
			Kind: fault.KindOf(err), Message: "it was cancelled before it could begin: " + err.Error(),
		}})
	}
	if err != nil || !of.CancelRequested {
		return err
	}
	return c.cancel(ctx, of)
}

// cancel delivers a cancellation; a workflow that has ended meanwhile needs none.
func (c *Control) cancel(ctx context.Context, of operation.Operation) error {
	err := c.Engine.Cancel(ctx, of.ID)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// archive keeps the timelines of operations that have ended, so that they outlive Temporal's retention.
func (c *Control) archive(ctx context.Context) error {
	ended, err := c.Store.UnarchivedOperations(ctx, archiveBatch)
	if err != nil {
		return err
	}
	return c.forEach(ctx, ended, c.archiveOne)
}

func (c *Control) archiveOne(ctx context.Context, of operation.Operation) error {
	closed, err := c.Engine.Closed(ctx, of.ID)
	if err != nil {
		return err
	}
	if !closed && time.Since(of.EndedAt) < lostAfter {
		return nil // its last event is still to come
	}
	timeline, err := c.Engine.Timeline(ctx, of)
	if fault.Is(err, fault.KindNotFound) {
		timeline, err = operation.Timeline{Operation: of.ID, State: of.State, Steps: []operation.Step{}}, nil
	}
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(timeline)
	if err != nil {
		return err
	}
	return c.Store.SaveTimeline(ctx, of.ID, encoded)
}
