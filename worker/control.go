package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/workflows"
)

// Control is the control plane's worker: it runs every workflow and the activities on the inventory, and keeps house.
type Control struct {
	Temporal client.Client
	Engine   *workflows.Engine
	Store    *store.Store
	State    string // a directory of its own
	Log      *slog.Logger
}

// Periods of the housekeeping.
const (
	outboxEvery  = time.Second
	archiveEvery = 2 * time.Second
	sweepEvery   = 30 * time.Second
	agesEvery    = time.Hour
	samplesKept  = 30 * 24 * time.Hour
	keysKept     = 7 * 24 * time.Hour
	outboxBatch  = 100
	lostAfter    = time.Minute // how long an operation may be open with a closed workflow before it counts as lost
)

// Run works until ctx ends.
func (c *Control) Run(ctx context.Context) error {
	running, err := newWorker(ctx, c.Temporal, workflows.ControlQueue, c.State, sdkworker.Options{}, c.Log)
	if err != nil {
		return err
	}
	workflows.Register(running)
	running.RegisterActivity(&control.Activities{Store: c.Store, Starter: c.Engine, Log: c.Log})
	if err := running.Start(); err != nil {
		return err
	}
	defer running.Stop()
	go every(ctx, c.Log, "starting accepted operations", outboxEvery, c.startAccepted)
	go every(ctx, c.Log, "keeping timelines", archiveEvery, c.archive)
	go every(ctx, c.Log, "sweeping claims", sweepEvery, c.sweep)
	go every(ctx, c.Log, "ageing telemetry", agesEvery, c.age)
	<-ctx.Done()
	return nil
}

// every calls work again and again until ctx ends; a failure is logged and the next turn tries again.
func every(ctx context.Context, log *slog.Logger, what string, period time.Duration, work func(context.Context) error) {
	for {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			log.Warn(what+" failed; it is tried again", "error", err, "cause", errors.Unwrap(err))
		}
		select {
		case <-time.After(period):
		case <-ctx.Done():
			return
		}
	}
}

// startAccepted is the outbox: it starts the operations that were accepted while Temporal or the API were away.
func (c *Control) startAccepted(ctx context.Context) error {
	pending, err := c.Store.PendingOperations(ctx, outboxBatch)
	if err != nil {
		return err
	}
	for _, each := range pending {
		if err := c.Engine.Start(ctx, each); err != nil {
			return err
		}
		if !each.CancelRequested {
			continue
		}
		if err := c.Engine.Cancel(ctx, each.ID); err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
	}
	return nil
}

// archive keeps the timelines of operations that have ended, so that they outlive Temporal's retention.
func (c *Control) archive(ctx context.Context) error {
	ended, err := c.Store.UnarchivedOperations(ctx, outboxBatch)
	if err != nil {
		return err
	}
	for _, each := range ended {
		closed, err := c.Engine.Closed(ctx, each.ID)
		if err != nil {
			return err
		}
		if !closed && time.Since(each.EndedAt) < lostAfter {
			continue // its last event is still to come
		}
		timeline, err := c.Engine.Timeline(ctx, each)
		if fault.Is(err, fault.KindNotFound) {
			timeline, err = operation.Timeline{Operation: each.ID, State: each.State, Steps: []operation.Step{}}, nil
		}
		if err != nil {
			return err
		}
		encoded, err := json.Marshal(timeline)
		if err != nil {
			return err
		}
		if err := c.Store.SaveTimeline(ctx, each.ID, encoded); err != nil {
			return err
		}
	}
	return nil
}

// sweep ends operations whose workflow was ended from outside, delivers cancellations that did not get through, and
// releases claims that nobody holds.
func (c *Control) sweep(ctx context.Context) error {
	open, err := c.Store.OpenOperations(ctx)
	if err != nil {
		return err
	}
	for _, each := range open {
		if each.State == operation.Accepted || time.Since(each.CreatedAt) < lostAfter {
			continue
		}
		closed, err := c.Engine.Closed(ctx, each.ID)
		if err != nil {
			return err
		}
		if !closed {
			if each.CancelRequested && each.State == operation.Running && !each.NoReturn {
				err = c.Engine.Cancel(ctx, each.ID)
			}
			if err != nil && !fault.Is(err, fault.KindNotFound) {
				return err
			}
			continue
		}
		current, err := c.Store.GetOperation(ctx, "", each.ID)
		if err != nil || current.State.Final() {
			continue
		}
		err = c.Store.EndOperation(ctx, each.ID, store.Ending{State: operation.Failed, Error: &operation.Problem{
			Kind: fault.KindInternal, Message: "its workflow was ended from outside, so nothing was undone; compare the VM with its host before going on",
		}})
		if err != nil {
			return err
		}
	}
	_, err = c.Store.SweepClaims(ctx)
	return err
}

func (c *Control) age(ctx context.Context) error {
	now := time.Now()
	_, err := c.Store.SweepKeys(ctx, now.Add(-keysKept))
	return errors.Join(err, c.Store.EnsurePartitions(ctx, now), c.Store.DropPartitions(ctx, now.Add(-samplesKept)))
}
