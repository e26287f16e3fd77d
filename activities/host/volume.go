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

// FetchImage makes an image's bytes a base for volumes in a pool.
func (a *Activities) FetchImage(ctx context.Context, in ImageRequest) error {
	release, err := a.turn(ctx, in.On, "image/"+in.Pool+"/"+string(in.Image.Image))
	if err != nil {
		return err
	}
	defer release()
	pool, err := a.pool(in.Pool)
	if err != nil {
		return err
	}
	report, stop := beating(ctx)
	defer stop()
	return pool.EnsureImage(ctx, in.Image, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		content, err := a.Images(ctx, in.Image.Image, offset)
		if err != nil {
			return nil, err
		}
		return &countingReader{ReadCloser: content, done: offset, report: func(done int64) {
			report(Beat{Done: done, Total: in.Image.SizeBytes, Unit: "bytes"})
		}}, nil
	})
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
	release, err := a.turn(ctx, in.On, string(in.Spec.Volume))
	if err != nil {
		return storage.Volume{}, err
	}
	defer release()
	pool, err := a.pool(in.Pool)
	if err != nil {
		return storage.Volume{}, err
	}
	_, stop := beating(ctx)
	defer stop()
	return pool.CreateVolume(ctx, in.Spec)
}

// DeleteVolume removes a volume and checks that it is gone.
func (a *Activities) DeleteVolume(ctx context.Context, in VolumeRequest) error {
	release, err := a.turn(ctx, in.On, string(in.Spec.Volume))
	if err != nil {
		return err
	}
	defer release()
	pool, err := a.pool(in.Pool)
	if err != nil {
		return err
	}
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
	release, err := a.turn(ctx, in.On, "image/"+in.Pool+"/"+string(in.Image))
	if err != nil {
		return err
	}
	defer release()
	pool, err := a.pool(in.Pool)
	if err != nil {
		return err
	}
	return pool.DeleteImage(ctx, in.Image)
}
