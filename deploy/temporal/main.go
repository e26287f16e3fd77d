// Command novacron-temporal is Temporal as the embedded stack runs it: frontend, history, matching, worker and the web UI
// in one process on NovaCron's own PostgreSQL. Production points NovaCron at a Temporal cluster instead.
//
// It never authorises anybody: it listens on loopback only, and refuses another address.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/novacron/novacron/deploy/temporal/cluster"
	"github.com/novacron/novacron/deploy/temporal/namespace"
	"github.com/novacron/novacron/deploy/temporal/postgres"
)

// startLimit is how long Temporal may take from a reachable PostgreSQL to ready. A start that hangs longer ends the
// process, because its supervisor can do better than wait: it starts it afresh.
const startLimit = 90 * time.Second

// stopLimit is how long an orderly stop may take, most of it waiting for long polls to end. It is only politeness: what
// was acknowledged is in PostgreSQL.
const stopLimit = 4 * time.Second

func main() {
	cfg, err := parseConfig(os.Args[1:], os.Getenv)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "novacron-temporal: %v\n", err)
		os.Exit(2)
	}
	debug.SetGCPercent(cfg.GCPercent)
	debug.SetMemoryLimit(cfg.MemoryLimitBytes)
	logger := newLogger(cfg.LogLevel)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	context.AfterFunc(ctx, func() { time.AfterFunc(stopLimit, func() { os.Exit(0) }) })
	if err := run(ctx, cfg, logger); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "novacron-temporal: %v\n", err)
		os.Exit(1)
	}
}

// newLogger writes JSON lines to standard output: of lines that say the same, the first few of every ten seconds. Without
// PostgreSQL each of Temporal's loops complains many times a second, and would push everything else out of the log.
func newLogger(level string) log.Logger {
	const window, first, thenEach = 10 * time.Second, 3, 1000
	sampled := zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, window, first, thenEach)
	})
	return log.NewZapLogger(log.BuildZapLogger(log.Config{Stdout: true, Level: level}).WithOptions(sampled))
}

// run is the life of the process: wait for PostgreSQL, bring the schema up to date, start Temporal, see that NovaCron's
// namespace is usable, say that it is ready, and stop in the reverse order when ctx ends.
func run(ctx context.Context, cfg Config, logger log.Logger) error {
	began := time.Now()
	health, err := startHealth(cfg.HealthAddress)
	if err != nil {
		return err
	}
	defer health.Stop()

	if err := postgres.Await(ctx, cfg.Database, logger); err != nil {
		return err
	}
	watchdog := time.AfterFunc(startLimit, func() {
		fmt.Fprintf(os.Stderr, "novacron-temporal: not ready %s after PostgreSQL answered; ending, to be started afresh\n", startLimit)
		os.Exit(1)
	})
	defer watchdog.Stop()
	if err := postgres.EnsureSchema(ctx, cfg.Database, logger); err != nil {
		return err
	}
	server, err := cluster.Start(cfg.Cluster, cfg.Database, logger)
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := namespace.Ensure(ctx, server.Address(), cfg.Namespace); err != nil {
		return err
	}
	ui, err := cluster.StartUI(cfg.UIAddress, server.Address(), cfg.Namespace.Name)
	if err != nil {
		return err
	}
	defer ui.Stop()
	watchdog.Stop()
	health.Ready(server.Address())
	logger.Warn("ready", tag.Address(server.Address()), tag.NewDurationTag("took", time.Since(began)))
	<-ctx.Done()
	return nil
}
