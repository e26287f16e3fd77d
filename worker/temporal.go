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

// ClientOptions are those of every connection to Temporal. Nothing is compressed, which is the SDK's default: messages are
// small and the way is short, so it would cost each side more processor time than the network could win back.
func ClientOptions(address, namespace string, log *slog.Logger) client.Options {
	return client.Options{
		HostPort: address, Namespace: namespace, Logger: temporallog.NewStructuredLogger(log),
		ConnectionOptions: client.ConnectionOptions{GrpcCompression: &client.GrpcCompressionNone{}},
	}
}

// Connect connects to Temporal, waiting for it as long as ctx lasts.
func Connect(ctx context.Context, address, namespace, identity string, log *slog.Logger) (client.Client, error) {
	options := ClientOptions(address, namespace, log)
	options.Identity = identity
	for {
		connected, err := client.DialContext(ctx, options)
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
