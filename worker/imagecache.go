package worker

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/storage"
)

// evictEvery is how often a host looks whether it keeps more copies of images than it should.
const evictEvery = 10 * time.Minute

// evictImages removes copies of images beyond the bound, in each pool. One that a disk comes to stand on meanwhile stays: the
// pool sees to that.
func (h *Host) evictImages(ctx context.Context) error {
	var failures []error
	h.pools.Each(func(name string, pool storage.Pool) {
		keeper, able := pool.(storage.ImageKeeper)
		if !able || !pool.Fact(ctx).Available {
			return
		}
		copies, err := keeper.Images(ctx)
		if err != nil {
			failures = append(failures, err)
			return
		}
		for _, each := range image.Surplus(copies, h.ImageCacheBytes, time.Now()) {
			if err := pool.DeleteImage(ctx, each); err != nil {
				failures = append(failures, err)
				continue
			}
			h.Log.Info("an image that was not used for a while is not kept any more", "image", each, "pool", name)
		}
	})
	return errors.Join(failures...)
}
