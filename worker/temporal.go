package worker

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"go.temporal.io/sdk/interceptor"
)

// Connect connects to Temporal, waiting for it as long as ctx lasts.
func Connect(ctx context.Context, address, namespace, identity string, log *slog.Logger) (client.Client, error) {
	for {
		connected, err := client.DialContext(ctx, client.Options{
			HostPort: address, Namespace: namespace, Identity: identity, Logger: temporallog.NewStructuredLogger(log),
		})
		if err == nil {
			return connected, nil
		}
		log.Info("waiting for Temporal", "address", address, "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// newWorker makes a worker whose activities speak in faults and are journalled under state.
func newWorker(ctx context.Context, connected client.Client, queue, state string, options sdkworker.Options, log *slog.Logger) (sdkworker.Worker, error) {
	kept, err := newJournal(filepath.Join(state, "activities"), log)
	if err != nil {
		return nil, err
	}
	if err := kept.failLeftovers(ctx, connected); err != nil {
		log.Warn("activities that an earlier process left at work will be taken up when their heartbeats are missed", "error", err)
	}
	options.Interceptors = []interceptor.WorkerInterceptor{kept, &faults{log: log}}
	options.DefaultHeartbeatThrottleInterval = time.Second
	options.MaxHeartbeatThrottleInterval = time.Second
	return sdkworker.New(connected, queue, options), nil
}
