package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagefile"
	"github.com/novacron/novacron/internal/storage"
)

const (
	fetchingPrefix = ".fetching."
	deletingPrefix = ".deleting."
	copyBytes      = 1 << 20
)

type fetcher = func(ctx context.Context, offset int64) (io.ReadCloser, error)

// EnsureImage implements storage.Pool. On a shared pool one caller fetches and the others wait for it.
func (p *Pool) EnsureImage(ctx context.Context, image storage.BaseImage, fetch fetcher) error {
	if err := image.Check(); err != nil {
		return err
	}
	if err := p.ready(); err != nil {
		return err
	}
	name := imageName(image)
	for {
		present, err := p.findImage(image.Image)
		if err != nil {
			return err
		}
		if present == name {
			p.touch(name)
			return nil
		}
		if present != "" {
			return fault.Conflict("pool %s has other bytes under image %s: delete that image from the pool first", p.config.Name, image.Image)
		}
		partial, busy, err := lockFile(p.imagePath(fetchingPrefix+name), true)
		if err != nil {
			return p.config.ioFault("write to", err)
		}
		if !busy {
			if p.linkTwin(image) {
				return p.config.ioFault("write to", errors.Join(remove(partial.Name()), partial.Close()))
			}
			// Whoever held the lock before may just have finished the image.
			if _, err := os.Lstat(p.imagePath(name)); err == nil {
				return p.config.ioFault("write to", errors.Join(remove(partial.Name()), partial.Close()))
			}
			return p.fetchInto(ctx, partial, image, fetch)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// fetchInto completes a partial image and publishes it. It closes the file. What was brought stays for the next call
// unless it turned out wrong or the pool is full.
func (p *Pool) fetchInto(ctx context.Context, partial *os.File, image storage.BaseImage, fetch fetcher) error {
	defer partial.Close()
	resumed, err := p.fill(ctx, partial, image, fetch)
	if errors.Is(err, errWrongBytes) && resumed {
		if err := partial.Truncate(0); err != nil {
			return p.config.ioFault("write to", err)
		}
		_, err = p.fill(ctx, partial, image, fetch)
	}
	if errors.Is(err, errWrongBytes) {
		err = fault.Invalid("the bytes of image %s do not match its hash or size: import the image again", image.Image)
	}
	if err == nil {
		err = checkContent(partial, image)
	}
	if fault.Is(err, fault.KindInvalid) || fault.Is(err, fault.KindExhausted) {
		return errors.Join(err, remove(partial.Name()))
	}
	if err != nil {
		return err
	}
	if err := partial.Sync(); err != nil {
		return p.config.ioFault("write to", err)
	}
	err = publish(partial.Name(), p.imagePath(imageName(image)))
	if errors.Is(err, fs.ErrExist) {
		return remove(partial.Name())
	}
	return p.config.ioFault("write to", err)
}

var errWrongBytes = errors.New("the image's bytes are not those that were announced")

// fill brings what is missing and checks the whole against the hash. resumed says whether a part was there before.
func (p *Pool) fill(ctx context.Context, partial *os.File, image storage.BaseImage, fetch fetcher) (resumed bool, err error) {
	digest := sha256.New()
	offset, err := io.Copy(digest, io.NewSectionReader(partial, 0, image.SizeBytes+1))
	if err != nil {
		return false, p.config.ioFault("read from", err)
	}
	resumed = offset > 0
	if offset < image.SizeBytes {
		if _, free, err := room(p.config.Dir); err == nil && free < image.SizeBytes-offset {
			return resumed, fault.Exhausted("pool %s has %d bytes free and image %s needs %d: make room in it or use another pool",
				p.config.Name, free, image.Image, image.SizeBytes-offset)
		}
		content, err := fetch(ctx, offset)
		if err != nil {
			return resumed, err
		}
		offset, err = p.append(ctx, partial, offset, content, digest, image.SizeBytes)
		if err := errors.Join(err, content.Close()); err != nil {
			return resumed, err
		}
	}
	if offset < image.SizeBytes {
		return resumed, fault.Unavailable("image %s broke off after %d of %d bytes: try again", image.Image, offset, image.SizeBytes)
	}
	if offset > image.SizeBytes || hex.EncodeToString(digest.Sum(nil)) != image.SHA256 {
		return resumed, errWrongBytes
	}
	return resumed, nil
}

// append copies content to the file from offset on and into the digest; it returns where it ended, at most one byte
// beyond limit. Writing at offsets keeps two callers on a file system without locks from hurting each other: both
// write the same bytes at the same places.
func (p *Pool) append(ctx context.Context, partial *os.File, offset int64, content io.Reader, digest hash.Hash, limit int64) (int64, error) {
	buffer := make([]byte, copyBytes)
	for offset <= limit {
		if err := ctx.Err(); err != nil {
			return offset, err
		}
		count, err := content.Read(buffer[:min(copyBytes, limit+1-offset)])
		if count > 0 {
			if _, err := partial.WriteAt(buffer[:count], offset); err != nil {
				return offset, p.config.ioFault("write to", err)
			}
			digest.Write(buffer[:count])
			offset += int64(count)
		}
		if errors.Is(err, io.EOF) {
			return offset, nil
		}
		if err != nil {
			if ctx.Err() != nil {
				return offset, ctx.Err()
			}
			return offset, fault.Unavailable("an image stopped arriving in pool %s: try again", p.config.Name).Because(err)
		}
	}
	return offset, nil
}

// checkContent refuses an image that is not what it is recorded as, before QEMU ever opens it.
func checkContent(file *os.File, image storage.BaseImage) error {
	head := make([]byte, imagefile.HeadBytes)
	count, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.Unavailable("image %s cannot be read back: check the pool's file system", image.Image).Because(err)
	}
	info, err := imagefile.Identify(head[:count], image.SizeBytes)
	if err != nil {
		return err
	}
	if info.Format != image.Format {
		return fault.Invalid("image %s is recorded as %s and is %s: import it again", image.Image, image.Format, info.Format)
	}
	return nil
}

// DeleteImage implements storage.Pool. What an interrupted EnsureImage left of the image goes too.
func (p *Pool) DeleteImage(_ context.Context, image id.Image) error {
	if _, err := id.Parse[id.Image](string(image)); err != nil {
		return err
	}
	if err := p.ready(); err != nil {
		return err
	}
	if err := p.checkUnused(image); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, imagesDir))
	if err != nil {
		return p.config.ioFault("list", err)
	}
	for _, entry := range entries {
		if imageOf(entry.Name()) != image {
			continue
		}
		if err := p.deleteImageFile(entry.Name(), image); err != nil {
			return err
		}
	}
	return p.config.ioFault("delete an image of", syncDir(filepath.Join(p.config.Dir, imagesDir)))
}

// deleteImageFile hides the file, looks again whether a volume came to stand on it meanwhile, and removes it.
func (p *Pool) deleteImageFile(name string, image id.Image) error {
	hidden := name
	if !strings.HasPrefix(name, ".") {
		hidden = deletingPrefix + name
		if err := os.Rename(p.imagePath(name), p.imagePath(hidden)); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return p.config.ioFault("delete an image of", err)
		}
		if err := p.checkUnused(image); err != nil {
			return errors.Join(err, os.Rename(p.imagePath(hidden), p.imagePath(name)))
		}
	}
	return p.config.ioFault("delete an image of", remove(p.imagePath(hidden)))
}

// checkUnused is a Conflict if a volume, finished or not, stands on the image.
func (p *Pool) checkUnused(image id.Image) error {
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, volumesDir))
	if err != nil {
		return p.config.ioFault("list", err)
	}
	for _, entry := range entries {
		if volumeOf(entry.Name()) == "" {
			continue
		}
		found, err := p.describe(entry.Name())
		if err == nil && found.Base == image {
			return fault.Conflict("image %s is in use in pool %s: delete volume %s first", image, p.config.Name, found.Volume)
		}
	}
	return nil
}

// findImage returns the name of the image's file, "" if the pool does not have it.
func (p *Pool) findImage(image id.Image) (string, error) {
	matches, err := filepath.Glob(p.imagePath(string(image) + ".*"))
	if err != nil {
		return "", p.config.ioFault("list", err)
	}
	if len(matches) == 0 {
		return "", nil
	}
	return filepath.Base(matches[0]), nil
}

func imageName(image storage.BaseImage) string {
	return string(image.Image) + "." + image.SHA256 + "." + image.Format
}

// imageOf returns the image that a file in images/ belongs to, "" if to none.
func imageOf(name string) id.Image {
	name = strings.TrimPrefix(strings.TrimPrefix(name, fetchingPrefix), deletingPrefix)
	text, _, _ := strings.Cut(name, ".")
	image, err := id.Parse[id.Image](text)
	if err != nil {
		return ""
	}
	return image
}
