package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fabric/bridge"
	"github.com/novacron/novacron/internal/hypervisor/libvirt"
	"github.com/novacron/novacron/internal/objectstore/dir"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/local"
)

// This file lists the drivers: nothing else in the program knows which there are.

func openHypervisor(settings config, log *slog.Logger) (*libvirt.Driver, error) {
	return libvirt.New(libvirt.Options{
		URI: settings.libvirtURI, Acceleration: libvirt.Acceleration(settings.acceleration),
		MigrationAddress: settings.migrationAddress.String(), MigrationScheme: settings.migrationScheme,
		ExportDirectory: filepath.Join(settings.state, "exports"), Log: log,
	})
}

func openPools(settings config) (map[string]storage.Pool, error) {
	pools := map[string]storage.Pool{}
	for _, each := range settings.pools {
		wanted := local.Config{Name: each.name, Dir: each.dir, Shared: each.shared, RuntimeDir: filepath.Join(settings.runtime, "nbd")}
		if err := local.InitOnce(wanted, filepath.Join(settings.state, "seen", "pool-"+each.name)); err != nil {
			return nil, err
		}
		pool, err := local.New(wanted)
		if err != nil {
			return nil, err
		}
		pools[each.name] = pool
	}
	return pools, nil
}

func openFabric(settings config, log *slog.Logger) (fabric.Fabric, error) {
	return bridge.New(bridge.Config{StateDir: filepath.Join(settings.state, "networks"), Local: settings.migrationAddress, Log: log})
}

func openRepository(ctx context.Context, settings config) (*backuprepo.Repository, error) {
	if err := dir.InitOnce(settings.repository, filepath.Join(settings.state, "seen", "repository")); err != nil {
		return nil, err
	}
	objects, err := dir.New(settings.repository)
	if err != nil {
		return nil, err
	}
	return backuprepo.Open(ctx, objects)
}
