package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
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
	return volume.Volume{}, errUnbuilt
}

// VolumesOf returns a VM's volumes by device.
func (s *Store) VolumesOf(ctx context.Context, machine id.VM) ([]volume.Volume, error) {
	return nil, errUnbuilt
}

// VolumesOnHost returns the volumes in the host's own pools, and those in shared pools of the VMs that are placed on it.
func (s *Store) VolumesOnHost(ctx context.Context, hostID id.Host) ([]volume.Volume, error) {
	return nil, errUnbuilt
}

// InsertVolume records a volume; one that is recorded already stays as it is.
func (s *Store) InsertVolume(ctx context.Context, disk volume.Volume) error { return errUnbuilt }

// SetVolume records what became true of a volume.
func (s *Store) SetVolume(ctx context.Context, volumeID id.Volume, change VolumeChange) error {
	return errUnbuilt
}

// DeleteVolume removes a volume from the inventory; one that is gone is fine.
func (s *Store) DeleteVolume(ctx context.Context, volumeID id.Volume) error { return errUnbuilt }

// ReplaceVolumes gives the VM the new volumes in place of the old ones, in one transaction. The old ones stay recorded,
// without a VM and as Deleting, until DeleteVolume. The VM no longer stands on an image. It may be repeated.
func (s *Store) ReplaceVolumes(ctx context.Context, machine id.VM, old, replacements []id.Volume) error {
	return errUnbuilt
}

// Pools returns the storage pools that the hosts report, summed over hosts, by name. A shared pool counts once.
func (s *Store) Pools(ctx context.Context) ([]volume.Pool, error) { return nil, errUnbuilt }
