package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore/dir"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/ui"
	"github.com/novacron/novacron/worker"
	"github.com/novacron/novacron/workflows"
)

const (
	shutdownGrace  = 5 * time.Second
	databaseRetry  = time.Second
	storeOpenLimit = 10 * time.Second
)

// serve runs the roles until ctx ends. It waits for PostgreSQL and Temporal; the API serves without Temporal, since
// operations that are accepted meanwhile start when it is back.
func serve(ctx context.Context, settings config, log *slog.Logger) error {
	inventory, err := openStore(ctx, settings, log)
	if err != nil {
		return err
	}
	defer inventory.Close()
	connected, err := client.NewLazyClient(worker.ClientOptions(settings.temporalAddress, settings.temporalNamespace, log))
	if err != nil {
		return err
	}
	defer connected.Close()
	engine := workflows.NewEngine(connected, settings.temporalNamespace)
	group, ctx := errgroup.WithContext(ctx)
	if settings.does(roleAPI) {
		group.Go(func() error { return serveAPI(ctx, settings, inventory, engine, log) })
	}
	if settings.does(roleControl) {
		group.Go(func() error { return control(ctx, settings, inventory, log) })
	}
	return group.Wait()
}

func openStore(ctx context.Context, settings config, log *slog.Logger) (*store.Store, error) {
	for {
		limited, stop := context.WithTimeout(ctx, storeOpenLimit)
		inventory, err := store.Open(limited, settings.databaseURL)
		stop()
		if err == nil {
			return inventory, nil
		}
		if fault.Is(err, fault.KindInvalid) {
			return nil, fmt.Errorf("-database-url: %w", err)
		}
		log.Info("waiting for PostgreSQL", "error", err, "cause", errors.Unwrap(err))
		select {
		case <-time.After(databaseRetry):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func control(ctx context.Context, settings config, inventory *store.Store, log *slog.Logger) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	connected, err := worker.Connect(ctx, settings.temporalAddress, settings.temporalNamespace, "control@"+name, log)
	if err != nil {
		return err
	}
	defer connected.Close()
	plane := &worker.Control{
		Temporal: connected, Engine: workflows.NewEngine(connected, settings.temporalNamespace), Store: inventory,
		State: filepath.Join(settings.data, "control"), Log: log,
	}
	return plane.Run(ctx)
}

func serveAPI(ctx context.Context, settings config, inventory *store.Store, engine *workflows.Engine, log *slog.Logger) error {
	if err := dir.InitOnce(settings.images, filepath.Join(settings.data, "seen", "images")); err != nil {
		return err
	}
	images, err := dir.New(settings.images)
	if err != nil {
		return err
	}
	spool := filepath.Join(settings.data, "spool")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return err
	}
	served, err := api.New(api.Config{
		Store: inventory, Workflows: engine, Images: images, UI: ui.Files(), TemporalUI: settings.temporalUI,
		TemporalNamespace: settings.temporalNamespace, Spool: spool, Version: version, Logger: log,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", settings.listen)
	if err != nil {
		return err
	}
	server := served.HTTPServer(settings.listen)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return served.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		limited, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer stop()
		served.Close()
		return server.Shutdown(limited)
	})
	log.Info("the API is served", "address", listener.Addr().String())
	err = group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
