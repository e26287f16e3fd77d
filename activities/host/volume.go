package host

import (
	"context"
	"io"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
)

// ImageRequest brings an image into a pool.
type ImageRequest struct {
	On
	Pool  string            `json:"pool"`
	Image storage.BaseImage `json:"image"`
}

// FetchImage makes an image's bytes a base for volumes in a pool. They come from another host that has them, or else from the
// store.
func (a *Activities) FetchImage(ctx context.Context, in ImageRequest) error {
	// The turn is of the bytes: of many VMs that are made from new images with the same bytes, one brings them.
	pool, release, err := a.poolTurn(ctx, in.On, "image/"+in.Pool+"/"+in.Image.SHA256, in.Pool)
	if err != nil {
		return err
	}
	defer release()
	report, stop := beating(ctx)
	defer stop()
	counted := func(from ImageSource) func(context.Context, int64) (io.ReadCloser, error) {
		return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			content, err := from(ctx, in.Image, offset)
			if err != nil {
				return nil, err
			}
			return &countingReader{ReadCloser: content, done: offset, report: func(done int64) {
				report(Beat{Done: done, Total: in.Image.SizeBytes, Unit: "bytes"})
			}}, nil
		}
	}
	// Whatever another host cannot give, the store can: what arrived stays, unless it turned out wrong.
	err = pool.EnsureImage(ctx, in.Image, counted(a.PeerImages))
	if err == nil || ctx.Err() != nil || fault.Is(err, fault.KindExhausted) || fault.Is(err, fault.KindConflict) {
		return err
	}
	return pool.EnsureImage(ctx, in.Image, counted(a.Images))
}

// reportEvery is how many bytes pass between two reports of progress.
const reportEvery = 8 << 20

type countingReader struct {
	io.ReadCloser
	done, reported int64
	report         func(done int64)
}

func (c *countingReader) Read(buffer []byte) (int, error) {
	count, err := c.ReadCloser.Read(buffer)
	c.done += int64(count)
	if c.done-c.reported >= reportEvery {
		c.reported = c.done
		c.report(c.done)
	}
	return count, err
}

// VolumeRequest names a volume in a pool, or describes the one to make.
type VolumeRequest struct {
	On
	Pool string             `json:"pool"`
	Spec storage.VolumeSpec `json:"spec"`
}

// CreateVolume makes a volume.
func (a *Activities) CreateVolume(ctx context.Context, in VolumeRequest) (storage.Volume, error) {
	pool, release, err := a.poolTurn(ctx, in.On, string(in.Spec.Volume), in.Pool)
	if err != nil {
		return storage.Volume{}, err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	return pool.CreateVolume(ctx, in.Spec)
}

// DeleteVolume removes a volume and checks that it is gone.
func (a *Activities) DeleteVolume(ctx context.Context, in VolumeRequest) error {
	pool, release, err := a.poolTurn(ctx, in.On, string(in.Spec.Volume), in.Pool)
	if err != nil {
		return err
	}
	defer release()
	if err := pool.DeleteVolume(ctx, in.Spec.Volume); err != nil {
		return err
	}
	if _, err := pool.InspectVolume(ctx, in.Spec.Volume); !fault.Is(err, fault.KindNotFound) {
		return fault.Unavailable("volume %s was removed from pool %s and is still there", in.Spec.Volume, in.Pool).Because(err)
	}
	return nil
}

// ImageRef names an image in a pool.
type ImageRef struct {
	On
	Pool  string   `json:"pool"`
	Image id.Image `json:"image_id"`
}

// DropImage removes an image's copy from a pool; one that volumes stand on stays.
func (a *Activities) DropImage(ctx context.Context, in ImageRef) error {
	pool, release, err := a.poolTurn(ctx, in.On, "image/"+in.Pool+"/"+string(in.Image), in.Pool)
	if err != nil {
		return err
	}
	defer release()
	return pool.DeleteImage(ctx, in.Image)
}

// PoolRef names a pool of a host.
type PoolRef struct {
	On
	Pool string `json:"pool"`
}

// ClearPool gives a pool's place up; Conflict while it holds a volume.
func (a *Activities) ClearPool(ctx context.Context, in PoolRef) error {
	pool, release, err := a.poolTurn(ctx, in.On, "pool/"+in.Pool, in.Pool)
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	if err := pool.Clear(ctx); err != nil {
		return err
	}
	a.Pools.Renew(in.Pool)
	return nil
}
