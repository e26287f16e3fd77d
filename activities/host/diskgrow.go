package host

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/volume"
)

// GrowDiskRequest makes a VM's disk larger.
type GrowDiskRequest struct {
	On
	VM        id.VM         `json:"vm_id"`
	Disk      volume.Volume `json:"disk"`
	SizeBytes int64         `json:"size_bytes"`
}

// GrowDisk makes a disk larger, by the hypervisor if the VM is on, and returns the volume as its pool sees it then.
func (a *Activities) GrowDisk(ctx context.Context, in GrowDiskRequest) (storage.Volume, error) {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return storage.Volume{}, err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	pool, err := a.Pools.Pool(in.Disk.Pool)
	if err != nil {
		return storage.Volume{}, err
	}
	seen, err := a.observe(ctx, in.VM)
	if err != nil {
		return storage.Volume{}, err
	}
	if seen.Runs() {
		err = a.Hypervisor.GrowDisk(ctx, in.VM, in.Disk.Device, in.SizeBytes)
	} else if grower, able := pool.(storage.Grower); able {
		err = grower.GrowVolume(ctx, in.Disk.ID, in.SizeBytes)
	} else {
		err = fault.Invalid("pool %s cannot make a volume larger while its VM is off; start the VM first", in.Disk.Pool)
	}
	if err != nil {
		return storage.Volume{}, err
	}
	return grown(ctx, pool, in.Disk.ID, in.SizeBytes)
}

// GrowVolume makes a volume larger that no VM has, and returns it as its pool sees it then.
func (a *Activities) GrowVolume(ctx context.Context, in VolumeRequest) (storage.Volume, error) {
	pool, release, err := a.poolTurn(ctx, in.On, string(in.Spec.Volume), in.Pool)
	if err != nil {
		return storage.Volume{}, err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	grower, able := pool.(storage.Grower)
	if !able {
		return storage.Volume{}, fault.Invalid("pool %s cannot make a volume larger by itself; attach it to a running VM and grow it there", in.Pool)
	}
	if err := grower.GrowVolume(ctx, in.Spec.Volume, in.Spec.SizeBytes); err != nil {
		return storage.Volume{}, err
	}
	return grown(ctx, pool, in.Spec.Volume, in.Spec.SizeBytes)
}

// grown sees that a volume is as large as it was made.
func grown(ctx context.Context, pool storage.Pool, of id.Volume, bytes int64) (storage.Volume, error) {
	found, err := pool.InspectVolume(ctx, of)
	if err == nil && found.SizeBytes != bytes {
		err = fault.Unavailable("volume %s was made larger and has %d bytes, not %d", of, found.SizeBytes, bytes)
	}
	return found, err
}
