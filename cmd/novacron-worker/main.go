// novacron-worker is a host's worker: it runs the host's part of every operation and reports what the host has and does.
// It is the only binary with cgo.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/novacron/novacron/worker"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	stopped := ctx.Err() != nil && errors.Is(err, context.Canceled) // it was told to stop while it waited for something
	if err != nil && !errors.Is(err, flag.ErrHelp) && !stopped {
		fmt.Fprintln(os.Stderr, "novacron-worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var settings config
	if err := settings.parse(args); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	slog.SetDefault(log)
	driver, err := openHypervisor(settings, log)
	if err != nil {
		return err
	}
	defer driver.Close()
	networks, err := openFabric(settings, log)
	if err != nil {
		return err
	}
	repository, err := openRepository(ctx, settings)
	if err != nil {
		return fmt.Errorf("-repository: %w", err)
	}
	host := &worker.Host{
		Name: settings.name, ServerURL: settings.server, EnrolToken: settings.enrolToken, TemporalAddress: settings.temporalAddress,
		State: settings.state, MigrationAddress: settings.migrationAddress, ExtraPeers: settings.extraPeers, Version: version,
		Driver: driver, OpenPool: openPool(settings, driver), Fabric: networks, Repository: repository, OpenRepository: openPlace, ImageCacheBytes: settings.imageCache << 30, Log: log,
	}
	return host.Run(ctx)
}
