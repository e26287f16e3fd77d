package fake

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// SnapshotsOpen implements storage.Snapshotter: a shared pool does it like a cluster, another like a directory.
func (p *Pool) SnapshotsOpen() bool { return p.config.Shared }

// SnapshotVolume implements storage.Snapshotter.
func (p *Pool) SnapshotVolume(ctx context.Context, name id.Volume, snapshot id.Snapshot) error {
	return p.onSnapshot(ctx, "SnapshotVolume", name, snapshot, func(of *volume) error {
		if of.Format != "qcow2" {
			return fault.Invalid("volume %s is %s and keeps no snapshots", name, of.Format)
		}
		of.disk.Keep(string(snapshot))
		return nil
	})
}

// RevertVolume implements storage.Snapshotter.
func (p *Pool) RevertVolume(ctx context.Context, name id.Volume, snapshot id.Snapshot) error {
	return p.onSnapshot(ctx, "RevertVolume", name, snapshot, func(of *volume) error {
		if !of.disk.Revert(string(snapshot)) {
			return fault.NotFound("volume %s has no snapshot %s", name, snapshot)
		}
		return nil
	})
}

// DropSnapshot implements storage.Snapshotter.
func (p *Pool) DropSnapshot(ctx context.Context, name id.Volume, snapshot id.Snapshot) error {
	err := p.onSnapshot(ctx, "DropSnapshot", name, snapshot, func(of *volume) error {
		of.disk.Drop(string(snapshot))
		return nil
	})
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// Snapshots implements storage.Snapshotter.
func (p *Pool) Snapshots(ctx context.Context, name id.Volume) (snapshots []id.Snapshot, err error) {
	err = p.onSnapshot(ctx, "Snapshots", name, id.New[id.Snapshot](), func(of *volume) error {
		for _, name := range of.disk.Kept() {
			snapshots = append(snapshots, id.Snapshot(name))
		}
		return nil
	})
	return snapshots, err
}

func (p *Pool) onSnapshot(ctx context.Context, call string, name id.Volume, snapshot id.Snapshot, do func(*volume) error) error {
	if _, err := id.Parse[id.Snapshot](string(snapshot)); err != nil {
		return err
	}
	return p.around(ctx, call, string(name), func() error {
		found := p.volumes[name]
		if found == nil {
			return fault.NotFound("volume %s is not in pool %s", name, p.config.Name)
		}
		return do(found)
	})
}
