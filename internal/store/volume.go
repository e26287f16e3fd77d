package store

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/volume"
)

// VolumeChange is what became true of a volume.
type VolumeChange struct {
	State volume.State // empty leaves it
	Host  *id.Host     // nil leaves it, empty is for a shared pool
	Pool  string       // empty leaves it
	Image *id.Image    // nil leaves it, empty says that it no longer stands on an image
}

// GetVolume returns one volume.
func (s *Store) GetVolume(ctx context.Context, volumeID id.Volume) (volume.Volume, error) {
	row, err := s.queries.GetVolume(ctx, string(volumeID))
	if err != nil {
		return volume.Volume{}, missing(err, "there is no volume %s; it may have been deleted", volumeID)
	}
	return volumeOf(row)
}

func volumeOf(row db.Volume) (volume.Volume, error) {
	return volume.Volume{
		ID: id.Volume(row.ID), Project: id.Project(row.ProjectID), VM: fromNull[id.VM](row.VMID), Device: row.Device, Pool: row.Pool,
		Host: fromNull[id.Host](row.HostID), SizeBytes: row.SizeBytes, Image: fromNull[id.Image](row.ImageID), Format: row.Format,
		State: volume.State(row.State), CreatedAt: row.CreatedAt,
	}, nil
}

// VolumesOf returns a VM's volumes by device.
func (s *Store) VolumesOf(ctx context.Context, machine id.VM) ([]volume.Volume, error) {
	rows, err := s.queries.VolumesOf(ctx, orNull(machine))
	return mapRows(rows, err, volumeOf)
}

// VolumesOnHost returns the volumes in the host's own pools, and those in shared pools of the VMs that are placed on it.
func (s *Store) VolumesOnHost(ctx context.Context, hostID id.Host) ([]volume.Volume, error) {
	rows, err := s.queries.VolumesOnHost(ctx, string(hostID))
	return mapRows(rows, err, volumeOf)
}

// InsertVolume records a volume; one that is recorded already stays as it is.
func (s *Store) InsertVolume(ctx context.Context, disk volume.Volume) error {
	return s.change(ctx, func(c *change) error { return c.insertVolume(ctx, disk) })
}

func (c *change) insertVolume(ctx context.Context, disk volume.Volume) error {
	if disk.State == "" {
		disk.State = volume.Creating
	}
	if disk.Format == "" {
		disk.Format = "qcow2"
	}
	return c.InsertVolume(ctx, db.InsertVolumeParams{
		ID: string(disk.ID), ProjectID: string(disk.Project), VMID: orNull(disk.VM), Device: disk.Device, Pool: disk.Pool,
		HostID: orNull(disk.Host), SizeBytes: disk.SizeBytes, ImageID: orNull(disk.Image), Format: disk.Format, State: string(disk.State),
	})
}

// SetVolume records what became true of a volume.
func (s *Store) SetVolume(ctx context.Context, volumeID id.Volume, wanted VolumeChange) error {
	params := db.SetVolumeParams{
		State: string(wanted.State), Pool: wanted.Pool, SetHost: wanted.Host != nil, SetImage: wanted.Image != nil, ID: string(volumeID),
	}
	if wanted.Host != nil {
		params.HostID = orNull(*wanted.Host)
	}
	if wanted.Image != nil {
		params.ImageID = orNull(*wanted.Image)
	}
	changed, err := s.queries.SetVolume(ctx, params)
	if err == nil && changed == 0 {
		err = fault.NotFound("there is no volume %s; it may have been deleted", volumeID)
	}
	return translate(err)
}

// DeleteVolume removes a volume from the inventory; one that is gone is fine.
func (s *Store) DeleteVolume(ctx context.Context, volumeID id.Volume) error {
	return translate(s.queries.DeleteVolume(ctx, string(volumeID)))
}

// ReplaceVolumes gives the VM the new volumes in place of the old ones, in one transaction. The old ones stay recorded,
// without a VM and as Deleting, until DeleteVolume. The VM no longer stands on an image. It may be repeated.
func (s *Store) ReplaceVolumes(ctx context.Context, machine id.VM, old, replacements []id.Volume) error {
	return s.change(ctx, func(c *change) error {
		if _, err := c.LockVM(ctx, string(machine)); err != nil {
			return missing(err, "there is no VM %s; it may have been deleted", machine)
		}
		if err := c.DetachVolumes(ctx, string(machine), texts(old)); err != nil {
			return err
		}
		attached, err := c.AttachVolumes(ctx, string(machine), texts(replacements))
		if err != nil {
			return err
		}
		if int(attached) != len(replacements) {
			return fault.NotFound("%d of the %d volumes that were restored are not recorded", len(replacements)-int(attached), len(replacements))
		}
		return c.ForgetImage(ctx, string(machine))
	})
}
