package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/storage"
)

var _ storage.ImageKeeper = (*Pool)(nil)

// Images implements storage.ImageKeeper. A copy's time of modification is when it was last used.
func (p *Pool) Images(context.Context) ([]image.Copy, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, imagesDir))
	if err != nil {
		return nil, p.config.ioFault("list", err)
	}
	held, err := p.heldImages()
	if err != nil {
		return nil, err
	}
	var copies []image.Copy
	for _, entry := range entries {
		of := imageOf(entry.Name())
		if of == "" || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it goes while we look
		}
		if err != nil {
			return nil, p.config.ioFault("list", err)
		}
		copies = append(copies, image.Copy{Image: of, SizeBytes: info.Size(), UsedAt: info.ModTime(), Held: held[of]})
	}
	return copies, nil
}

// heldImages is what the pool's volumes, finished or not, stand on.
func (p *Pool) heldImages() (map[id.Image]bool, error) {
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, volumesDir))
	if err != nil {
		return nil, p.config.ioFault("list", err)
	}
	held := map[id.Image]bool{}
	for _, entry := range entries {
		if volumeOf(entry.Name()) == "" {
			continue
		}
		if found, err := p.describe(entry.Name()); err == nil {
			held[found.Base] = true
		}
	}
	return held, nil
}

// OpenImage implements storage.ImageKeeper.
func (p *Pool) OpenImage(_ context.Context, of storage.BaseImage, offset int64) (io.ReadCloser, error) {
	if err := of.Check(); err != nil {
		return nil, err
	}
	if err := p.ready(); err != nil {
		return nil, err
	}
	file, err := os.Open(p.imagePath(imageName(of)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, imageMissing(of.Image, p.config.Name)
	}
	if err != nil {
		return nil, p.config.ioFault("read an image of", err)
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		_ = file.Close()
		return nil, fault.Invalid("an image cannot be read from byte %d", offset).Because(err)
	}
	return file, nil
}

// touch notes that an image was asked for. That it could not be noted only makes the copy look older.
func (p *Pool) touch(name string) {
	now := time.Now()
	_ = os.Chtimes(p.imagePath(name), now, now)
}

// linkTwin gives the image the bytes of another one with the same hash, if the pool has one and its file system can do that.
// They were checked when the other one came, and stay until the last name of them goes.
func (p *Pool) linkTwin(of storage.BaseImage) bool {
	twins, _ := filepath.Glob(p.imagePath("*." + of.SHA256 + "." + of.Format)) // the pattern is sound
	for _, twin := range twins {
		if strings.HasPrefix(filepath.Base(twin), ".") || imageOf(filepath.Base(twin)) == "" {
			continue
		}
		if info, err := os.Lstat(twin); err != nil || info.Size() != of.SizeBytes {
			continue
		}
		if os.Link(twin, p.imagePath(imageName(of))) == nil && syncDir(filepath.Join(p.config.Dir, imagesDir)) == nil {
			return true
		}
	}
	return false
}
