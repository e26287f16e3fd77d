package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/workflows"
)

// Control is the control plane's worker: it runs every workflow and the activities on the inventory, and keeps house.
type Control struct {
	Temporal client.Client
	Engine   *workflows.Engine
	Store    *store.Store
	Images   *imagestore.Store
	State    string // a directory of its own
	Log      *slog.Logger
}

// Periods of the housekeeping.
const (
	outboxEvery  = time.Second
	archiveEvery = 2 * time.Second
	sweepEvery   = 30 * time.Second
	trashEvery   = time.Minute
	agesEvery    = time.Hour
	samplesKept  = 30 * 24 * time.Hour
	keysKept     = 7 * 24 * time.Hour
	outboxBatch  = 100
	outboxAge    = 2 * time.Second  // before it, the API that accepted an operation is starting it
	archiveBatch = 20               // there is time: Temporal keeps histories for days
	failedPause  = 10 * time.Second // the longest time until something that failed is tried again
	// activitiesInAll must leave room for what drains and scheduled backups wait for, each in an activity of its own.
	activitiesInAll = 10_000
	lostAfter       = time.Minute // how long an operation may be open with a closed workflow before it counts as lost
)

// Run works until ctx ends.
func (c *Control) Run(ctx context.Context) error {
	working, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	// More workflows at work at once would not be faster, and would keep the API waiting for the processor when much is asked
	// for at a time. They never wait for each other; activities do.
	cores := max(2, runtime.NumCPU())
	running, err := newWorker(working, c.Temporal, workflows.ControlQueue, c.State, sdkworker.Options{
		MaxConcurrentWorkflowTaskExecutionSize: cores, MaxConcurrentLocalActivityExecutionSize: cores,
		MaxConcurrentActivityExecutionSize: activitiesInAll, OnFatalError: fail,
	}, c.Log)
	if err != nil {
		return err
	}
	workflows.Register(running)
	running.RegisterActivity(&control.Activities{Store: c.Store, Images: c.Images, Starter: c.Engine, Log: c.Log})
	if err := running.Start(); err != nil {
		return err
	}
	defer running.Stop()
	go every(working, c.Log, "starting accepted operations", outboxEvery, c.startAccepted)
	go every(working, c.Log, "keeping timelines", archiveEvery, c.archive)
	go every(working, c.Log, "sweeping claims", sweepEvery, c.sweep)
	go every(working, c.Log, "emptying the trash", trashEvery, c.emptyTrash)
	go every(working, c.Log, "ageing telemetry", agesEvery, c.age)
	<-working.Done()
	return ending(ctx, working)
}

// ending is why a worker ended by itself, and nil if it was told to. Temporal's SDK stops a worker for good that it finds to
// be refused; a process that lived on without it would look well and do nothing.
func ending(told, working context.Context) error {
	if told.Err() != nil {
		return nil
	}
	return fmt.Errorf("Temporal refuses this worker, which ends so that it can be started afresh: %w", context.Cause(working))
}

// every calls work again and again until ctx ends; a failure is logged, and the next turn comes soon.
func every(ctx context.Context, log *slog.Logger, what string, period time.Duration, work func(context.Context) error) {
	for {
		pause := period
		if err := work(ctx); err != nil && ctx.Err() == nil {
			log.Warn(what+" failed; it is tried again", "error", err, "cause", errors.Unwrap(err))
			pause = min(period, failedPause)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

func (c *Control) age(ctx context.Context) error {
	now := time.Now()
	_, err := c.Store.SweepKeys(ctx, now.Add(-keysKept))
	return errors.Join(err, c.Store.EnsurePartitions(ctx, now), c.Store.DropPartitions(ctx, now.Add(-samplesKept)))
}
