package host

import (
	"context"

	"github.com/novacron/novacron/internal/storage"
)

// ListVolumes lists what is in a pool.
func (a *Activities) ListVolumes(ctx context.Context, in PoolRef) ([]storage.Volume, error) {
	pool, release, err := a.poolTurn(ctx, in.On, "pool/"+in.Pool, in.Pool)
	if err != nil {
		return nil, err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	return pool.ListVolumes(ctx)
}

// InspectVolume describes a volume; NotFound if the pool does not have it.
func (a *Activities) InspectVolume(ctx context.Context, in VolumeRequest) (storage.Volume, error) {
	pool, release, err := a.poolTurn(ctx, in.On, string(in.Spec.Volume), in.Pool)
	if err != nil {
		return storage.Volume{}, err
	}
	defer release()
	return pool.InspectVolume(ctx, in.Spec.Volume)
}
