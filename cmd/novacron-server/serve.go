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
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/seal"
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
	imageStore, backupStore, err := objectStores(settings)
	if err != nil {
		return err
	}
	spool := filepath.Join(settings.data, "spool")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return err
	}
	images := imagestore.New(imagestore.Config{Inventory: inventory, Objects: imageStore.Store, Spool: spool, Log: log})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { images.Run(ctx); return nil })
	if settings.does(roleAPI) {
		group.Go(func() error {
			return serveAPI(ctx, settings, inventory, images, engine, []api.ObjectStore{imageStore, backupStore}, log)
		})
	}
	if settings.does(roleControl) {
		for _, each := range []api.ObjectStore{imageStore, backupStore} {
			group.Go(func() error { keepContainer(ctx, each.Store, each.Holds, log); return nil })
		}
		group.Go(func() error { return control(ctx, settings, inventory, images, log) })
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

func control(ctx context.Context, settings config, inventory *store.Store, images *imagestore.Store, log *slog.Logger) error {
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
		Temporal: connected, Engine: workflows.NewEngine(connected, settings.temporalNamespace), Store: inventory, Images: images,
		State: filepath.Join(settings.data, "control"), Log: log,
	}
	return plane.Run(ctx)
}

func serveAPI(
	ctx context.Context, settings config, inventory *store.Store, images *imagestore.Store, engine *workflows.Engine,
	stores []api.ObjectStore, log *slog.Logger,
) error {
	box, err := seal.Open(settings.sealKey)
	if err != nil {
		return fmt.Errorf("-seal-key: %w", err)
	}
	served, err := api.New(api.Config{
		Store: inventory, Workflows: engine, Images: images, ObjectStores: stores, Seal: box, UI: ui.Files(), TemporalUI: settings.temporalUI,
		TemporalNamespace: settings.temporalNamespace, TrashKept: settings.trashKept, Version: version, Logger: log,
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
