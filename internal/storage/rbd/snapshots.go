//go:build ceph

package rbd

import (
	"context"
	"slices"

	"github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// SnapshotsOpen implements storage.Snapshotter: the cluster takes the instant, whoever has the image open.
func (p *Pool) SnapshotsOpen() bool { return true }

// SnapshotVolume implements storage.Snapshotter.
func (p *Pool) SnapshotVolume(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error {
	return p.onSnapshot(ctx, volume, snapshot, func(image *rbd.Image, there bool) error {
		if there {
			return nil
		}
		_, err := image.CreateSnapshot(string(snapshot))
		return err
	})
}

// RevertVolume implements storage.Snapshotter. The cluster copies back what has changed since.
func (p *Pool) RevertVolume(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error {
	return p.onSnapshot(ctx, volume, snapshot, func(image *rbd.Image, there bool) error {
		if !there {
			return fault.NotFound("volume %s has no snapshot %s", volume, snapshot)
		}
		return image.GetSnapshot(string(snapshot)).Rollback()
	})
}

// DropSnapshot implements storage.Snapshotter.
func (p *Pool) DropSnapshot(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error {
	err := p.onSnapshot(ctx, volume, snapshot, func(image *rbd.Image, there bool) error {
		if !there {
			return nil
		}
		return image.GetSnapshot(string(snapshot)).Remove()
	})
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// Snapshots implements storage.Snapshotter.
func (p *Pool) Snapshots(ctx context.Context, volume id.Volume) (snapshots []id.Snapshot, err error) {
	if _, err := p.InspectVolume(ctx, volume); err != nil {
		return nil, err
	}
	return do(ctx, p, func(ioctx *rados.IOContext) ([]id.Snapshot, error) {
		return reading(ioctx, string(volume), snapshotsOf)
	})
}

func snapshotsOf(image *rbd.Image) ([]id.Snapshot, error) {
	names, err := image.GetSnapshotNames()
	var snapshots []id.Snapshot
	for _, each := range names {
		if snapshot, err := id.Parse[id.Snapshot](each.Name); err == nil {
			snapshots = append(snapshots, snapshot)
		}
	}
	return snapshots, err
}

func (p *Pool) onSnapshot(ctx context.Context, volume id.Volume, snapshot id.Snapshot, work func(image *rbd.Image, there bool) error) error {
	if _, err := id.Parse[id.Snapshot](string(snapshot)); err != nil {
		return err
	}
	if _, err := p.InspectVolume(ctx, volume); err != nil {
		return err
	}
	_, err := do(ctx, p, func(ioctx *rados.IOContext) (struct{}, error) {
		return struct{}{}, within(ioctx, string(volume), func(image *rbd.Image) error {
			all, err := snapshotsOf(image)
			if err != nil {
				return err
			}
			return work(image, slices.Contains(all, snapshot))
		})
	})
	return err
}
