package fake

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/storage"
)

var _ storage.ImageKeeper = (*Pool)(nil)

// Images implements storage.ImageKeeper.
func (p *Pool) Images(ctx context.Context) (copies []image.Copy, err error) {
	err = p.around(ctx, "Images", p.config.Name, func() error {
		for of, kept := range p.images {
			one := image.Copy{Image: of, SizeBytes: kept.SizeBytes, UsedAt: kept.usedAt}
			for _, volume := range p.volumes {
				one.Held = one.Held || volume.Base == of
			}
			copies = append(copies, one)
		}
		slices.SortFunc(copies, func(a, b image.Copy) int { return cmp.Compare(a.Image, b.Image) })
		return nil
	})
	return copies, err
}

// OpenImage implements storage.ImageKeeper.
func (p *Pool) OpenImage(ctx context.Context, of storage.BaseImage, offset int64) (content io.ReadCloser, err error) {
	err = p.around(ctx, "OpenImage", string(of.Image), func() error {
		kept := p.images[of.Image]
		if kept == nil || kept.BaseImage != of {
			return fault.NotFound("image %s is not in pool %s: bring it there first", of.Image, p.config.Name)
		}
		if offset < 0 || offset > of.SizeBytes {
			return fault.Invalid("an image cannot be read from byte %d", offset)
		}
		content = io.NopCloser(bytes.NewReader(kept.content[offset:]))
		return nil
	})
	return content, err
}
