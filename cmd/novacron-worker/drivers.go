package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fabric/bridge"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/libvirt"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/dir"
	"github.com/novacron/novacron/internal/objectstore/swift"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/local"
	"github.com/novacron/novacron/internal/storage/netfs"
	"github.com/novacron/novacron/internal/storage/rbd"
)

// This file lists the drivers: nothing else in the program knows which there are.

func openHypervisor(settings config, log *slog.Logger) (*libvirt.Driver, error) {
	return libvirt.New(libvirt.Options{
		URI: settings.libvirtURI, Acceleration: libvirt.Acceleration(settings.acceleration),
		MigrationAddress: settings.migrationAddress.String(), MigrationScheme: settings.migrationScheme,
		ExportDirectory: filepath.Join(settings.state, "exports"), Log: log,
	})
}

// openPool opens a pool with its driver. The hypervisor is told the pool's key, so that VMs can open its volumes.
func openPool(settings config, keeper hypervisor.SecretKeeper) storage.Opener {
	sockets := filepath.Join(settings.runtime, "nbd")
	return func(ctx context.Context, of pool.Definition) (storage.Pool, error) {
		switch {
		case of.Settings.Local != nil:
			wanted := local.Config{
				Name: of.Name, Dir: of.Settings.Local.Directory, Shared: of.Settings.Local.Shared, RuntimeDir: sockets,
				Owner: machineID(), Memory: filepath.Join(settings.state, "seen", string(of.ID)),
			}
			if !of.Removing {
				if err := local.InitOnce(wanted); err != nil {
					return nil, err
				}
			}
			return local.New(wanted)
		case of.Settings.NetFS != nil:
			return netfs.New(ctx, netfs.Config{
				Name: of.Name, Settings: *of.Settings.NetFS, Key: of.Key, Removing: of.Removing, RuntimeDir: settings.runtime,
				Memory: filepath.Join(settings.state, "seen", string(of.ID)),
			})
		case of.Settings.RBD != nil:
			secret := hypervisor.Secret{UUID: pool.Secret(of.ID), User: of.Settings.RBD.User, Key: of.Key}
			opened, err := rbd.New(rbd.Config{
				Name: of.Name, Monitors: of.Settings.RBD.Monitors, Pool: of.Settings.RBD.Pool, User: secret.User, Key: secret.Key, Secret: secret.UUID,
				StagingDir: filepath.Join(settings.state, "staging", string(of.ID)), RuntimeDir: sockets,
			})
			if err != nil {
				return nil, err
			}
			return opened, keeper.KeepSecret(ctx, secret)
		}
		return nil, fault.Invalid("pool %s has a driver that this worker does not know: install one of the server's version", of.Name)
	}
}

// machineID tells this host from others (machine-id(5)); empty if it has none.
func machineID() string {
	content, _ := os.ReadFile("/etc/machine-id") // a host without one cannot be told from others, and is trusted
	return strings.TrimSpace(string(content))
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

// openPlace opens a repository that the server says. Its own directory is set up by each host; what hosts share is not.
func openPlace(place objectstore.Place) (*backuprepo.Repository, error) {
	if place.Swift == nil {
		return nil, fault.Invalid("the server keeps backups where this worker has no driver for: install one of the server's version")
	}
	objects, err := swift.New(swift.Config{SwiftPlace: *place.Swift})
	if err != nil {
		return nil, err
	}
	return backuprepo.New(objects), nil
}
