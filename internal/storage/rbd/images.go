//go:build ceph

package rbd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagefile"
	"github.com/novacron/novacron/internal/nbd"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/qemunbd"
)

const (
	fetchingPrefix = "fetching."
	hashKey        = "novacron.sha256" // metadata of a base image: of the file it was made from
	copyBytes      = 4 << 20           // as large as the objects of an image
	lookAgain      = 200 * time.Millisecond
)

type fetcher = func(ctx context.Context, offset int64) (io.ReadCloser, error)

func imageOf(name string) id.Image {
	found, err := id.Parse[id.Image](strings.TrimPrefix(name, fetchingPrefix))
	if err != nil {
		return ""
	}
	return found
}

// EnsureImage implements storage.Pool. Of all hosts one brings the image, and the others wait for it.
func (p *Pool) EnsureImage(ctx context.Context, image storage.BaseImage, fetch fetcher) error {
	if err := image.Check(); err != nil {
		return err
	}
	for {
		busy, err := do(ctx, p, func(ioctx *rados.IOContext) (busy bool, err error) {
			present, err := p.present(ioctx, image)
			if err != nil || present {
				return false, err
			}
			return p.bring(ctx, ioctx, image, fetch)
		})
		if err != nil || !busy {
			return err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// present reports whether the base is there and whole; Conflict if it has other bytes.
func (p *Pool) present(ioctx *rados.IOContext, image storage.BaseImage) (bool, error) {
	hash, err := wholeBase(ioctx, string(image.Image))
	if missing(err) {
		return false, nil
	}
	if err == nil && hash != "" && hash != image.SHA256 {
		err = fault.Conflict("pool %s has other bytes under image %s: delete that image from the pool first", p.config.Name, image.Image)
	}
	return hash == image.SHA256, err
}

// wholeBase is the hash of a base image that can be cloned; empty for one that is being deleted.
func wholeBase(ioctx *rados.IOContext, name string) (string, error) {
	return reading(ioctx, name, func(image *rbd.Image) (string, error) {
		hash, err := image.GetMetadata(hashKey)
		if err != nil {
			return "", ignoreMissing(err)
		}
		protected, err := image.GetSnapshot(baseSnapshot).IsProtected()
		if err != nil || !protected {
			return "", ignoreMissing(err)
		}
		return hash, nil
	})
}

// baseSize is the size of the snapshot that volumes are made from. librbd 16 corrupts the memory of a process that opens an
// image at a snapshot, so it is read off the list.
func baseSize(ioctx *rados.IOContext, name string) (uint64, error) {
	return reading(ioctx, name, func(image *rbd.Image) (uint64, error) {
		snapshots, err := image.GetSnapshotNames()
		for _, each := range snapshots {
			if each.Name == baseSnapshot {
				return each.Size, err
			}
		}
		return 0, errors.Join(err, rbd.ErrNotFound)
	})
}

// bring fetches an image under another name, if nobody else is at it.
func (p *Pool) bring(ctx context.Context, ioctx *rados.IOContext, image storage.BaseImage, fetch fetcher) (busy bool, err error) {
	unfinished := fetchingPrefix + string(image.Image)
	options := rbd.NewRbdImageOptions()
	defer options.Destroy()
	if err := rbd.CreateImage(ioctx, unfinished, 0, options); err != nil && errno(err) != syscall.EEXIST {
		return false, err
	}
	target, err := rbd.OpenImage(ioctx, unfinished, rbd.NoSnapshot)
	if missing(err) {
		return true, nil // somebody has just finished it
	}
	if err != nil {
		return false, err
	}
	// The lock is that of a client that lives: Ceph takes it from one that died.
	if err := target.LockAcquire(rbd.LockModeExclusive); err != nil {
		return true, target.Close()
	}
	// Whoever held the lock before may have given this very image its name.
	if present, err := p.present(ioctx, image); err != nil || present {
		return false, errors.Join(err, target.Close())
	}
	if current, err := isNamed(ioctx, target, unfinished); err != nil || !current {
		return true, errors.Join(err, target.Close())
	}
	if err := p.become(ctx, ioctx, target, image, fetch); err != nil {
		// Others may take the unfinished image up as soon as it is closed; then it is theirs.
		err = errors.Join(err, dropSnapshots(target), target.Close())
		if left := rbd.RemoveImage(ioctx, unfinished); errno(left) != syscall.EBUSY && errno(left) != syscall.ENOTEMPTY {
			err = errors.Join(err, ignoreMissing(left))
		}
		return false, err
	}
	return false, target.Close()
}

// become fills the unfinished image and gives it its name, all under its lock: between closing and naming it another
// host would take it for one to be filled.
func (p *Pool) become(ctx context.Context, ioctx *rados.IOContext, target *rbd.Image, image storage.BaseImage, fetch fetcher) error {
	if err := p.fill(ctx, target, image, fetch); err != nil {
		return err
	}
	if err := finish(target, image); err != nil {
		return err
	}
	if err := discard(ioctx, string(image.Image)); err != nil { // half of a deletion
		return err
	}
	return rbd.GetImage(ioctx, target.GetName()).Rename(string(image.Image))
}

// isNamed reports whether the open image is the one of that name now.
func isNamed(ioctx *rados.IOContext, open *rbd.Image, name string) (bool, error) {
	mine, err := open.GetId()
	if err != nil {
		return false, err
	}
	named, err := reading(ioctx, name, (*rbd.Image).GetId)
	return mine == named, ignoreMissing(err)
}

// finish makes it a base.
func finish(target *rbd.Image, image storage.BaseImage) error {
	if err := target.Flush(); err != nil {
		return err
	}
	if err := target.SetMetadata(hashKey, image.SHA256); err != nil {
		return err
	}
	snapshot, err := target.CreateSnapshot(baseSnapshot)
	if err != nil {
		return err
	}
	return snapshot.Protect()
}

// fill brings the bytes. What an earlier attempt left is thrown away first.
func (p *Pool) fill(ctx context.Context, target *rbd.Image, image storage.BaseImage, fetch fetcher) error {
	if err := dropSnapshots(target); err != nil {
		return err
	}
	if err := target.Resize(0); err != nil {
		return err
	}
	content, err := fetch(ctx, 0)
	if err != nil {
		return err
	}
	defer content.Close()
	source := &checked{content: content, image: image, digest: sha256.New(), pool: p.config.Name}
	if image.Format == imagefile.Raw {
		if err := target.Resize(uint64(image.SizeBytes)); err != nil {
			return err
		}
		return copyTo(ctx, target, source)
	}
	return p.convert(ctx, target, source)
}

// copyTo writes what is not zero.
func copyTo(ctx context.Context, target *rbd.Image, source io.Reader) error {
	buffer, zeroes := make([]byte, copyBytes), make([]byte, copyBytes)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		count, err := io.ReadFull(source, buffer)
		if count > 0 && !bytes.Equal(buffer[:count], zeroes[:count]) {
			if _, err := target.WriteAt(buffer[:count], at); err != nil {
				return err
			}
		}
		at += int64(count)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// convert stages a file in another format on this host, checks it, and copies the disk that it describes.
func (p *Pool) convert(ctx context.Context, target *rbd.Image, source *checked) error {
	if err := os.MkdirAll(p.config.StagingDir, 0o700); err != nil {
		return fault.Unavailable("there is no directory to stage image %s in: see this host's log", source.image.Image).Because(err)
	}
	staged, err := os.CreateTemp(p.config.StagingDir, string(source.image.Image)+".*")
	if err != nil {
		return fault.Unavailable("image %s cannot be staged on this host: see its log", source.image.Image).Because(err)
	}
	defer os.Remove(staged.Name())
	defer staged.Close()
	if _, err := io.CopyBuffer(struct{ io.Writer }{staged}, source, make([]byte, copyBytes)); err != nil {
		if errno := syscall.Errno(0); errors.As(err, &errno) && errno == syscall.ENOSPC {
			return fault.Exhausted("image %s does not fit into %s, where it is converted: make room there", source.image.Image, p.config.StagingDir).Because(err)
		}
		return err
	}
	socket, export, stop, err := qemunbd.Serve(ctx, qemunbd.Disk{
		Directory: p.config.RuntimeDir, Arguments: []string{"--format=" + source.image.Format, staged.Name()},
	})
	if err != nil {
		return fault.Unavailable("image %s cannot be read: see this host's log", source.image.Image).Because(err)
	}
	defer func() { _ = stop() }() // it only reads
	client, err := nbd.Dial(ctx, socket, nbd.Options{Export: export})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := target.Resize(uint64(client.Size())); err != nil {
		return err
	}
	return copyTo(ctx, target, &disk{ctx: ctx, client: client})
}

// disk reads an NBD export from its beginning to its end.
type disk struct {
	ctx    context.Context //nolint:containedctx // of the call that reads it
	client *nbd.Client
	at     int64
}

func (d *disk) Read(into []byte) (int, error) {
	part := into[:min(int64(len(into)), d.client.Size()-d.at)]
	if len(part) == 0 {
		return 0, io.EOF
	}
	if err := d.client.ReadAt(d.ctx, part, d.at); err != nil {
		return 0, err
	}
	d.at += int64(len(part))
	return len(part), nil
}

// checked reads an image's bytes and fails at their end unless they are those that were announced.
type checked struct {
	content io.Reader
	image   storage.BaseImage
	digest  hash.Hash
	pool    string
	read    int64
	head    []byte
}

func (c *checked) Read(into []byte) (int, error) {
	count, err := c.content.Read(into)
	if room := imagefile.HeadBytes - len(c.head); room > 0 {
		c.head = append(c.head, into[:min(count, room)]...)
	}
	c.read += int64(count)
	c.digest.Write(into[:count])
	switch {
	case c.read > c.image.SizeBytes:
		return 0, c.wrong()
	case err == nil:
		return count, nil
	case !errors.Is(err, io.EOF):
		return count, fault.Unavailable("an image stopped arriving in pool %s: try again", c.pool).Because(err)
	case c.read < c.image.SizeBytes:
		return count, fault.Unavailable("image %s broke off after %d of %d bytes: try again", c.image.Image, c.read, c.image.SizeBytes)
	case hex.EncodeToString(c.digest.Sum(nil)) != c.image.SHA256:
		return count, c.wrong()
	}
	if err := c.identify(); err != nil {
		return count, err
	}
	return count, io.EOF
}

func (c *checked) wrong() error {
	return fault.Invalid("the bytes of image %s do not match its hash or size: import the image again", c.image.Image)
}

// identify refuses an image that is not what it is recorded as, before QEMU ever opens it.
func (c *checked) identify() error {
	info, err := imagefile.Identify(c.head, c.image.SizeBytes)
	if err == nil && info.Format != c.image.Format {
		err = fault.Invalid("image %s is recorded as %s and is %s: import it again", c.image.Image, c.image.Format, info.Format)
	}
	return err
}

// DeleteImage implements storage.Pool.
func (p *Pool) DeleteImage(ctx context.Context, image id.Image) error {
	if _, err := id.Parse[id.Image](string(image)); err != nil {
		return err
	}
	_, err := do(ctx, p, func(ioctx *rados.IOContext) (struct{}, error) {
		err := within(ioctx, string(image), func(open *rbd.Image) error {
			snapshot := open.GetSnapshot(baseSnapshot)
			protected, err := snapshot.IsProtected()
			if err != nil || !protected {
				return ignoreMissing(err)
			}
			return snapshot.Unprotect() // which Ceph refuses while there are clones
		})
		if errno(err) == syscall.EBUSY {
			return struct{}{}, fault.Conflict("image %s is in use in pool %s: delete the volumes that stand on it first", image, p.config.Name).Because(err)
		}
		if err := ignoreMissing(err); err != nil {
			return struct{}{}, err
		}
		for _, name := range []string{string(image), fetchingPrefix + string(image)} {
			if err := discard(ioctx, name); err != nil {
				return struct{}{}, err
			}
		}
		// A file may wait for being converted that the process which brought it did not live to remove.
		staged, err := filepath.Glob(filepath.Join(p.config.StagingDir, string(image)+".*"))
		for _, each := range staged {
			err = errors.Join(err, os.Remove(each))
		}
		return struct{}{}, err
	})
	return err
}

// Clear implements storage.Pool.
func (p *Pool) Clear(ctx context.Context) error {
	volumes, err := p.ListVolumes(ctx)
	if err != nil {
		return err
	}
	if len(volumes) > 0 {
		return fault.Conflict("pool %s holds %d volumes, such as %s: move or delete them first", p.config.Name, len(volumes), volumes[0].Volume)
	}
	names, err := do(ctx, p, func(ioctx *rados.IOContext) ([]string, error) { return rbd.GetImageNames(ioctx) })
	if err != nil {
		return err
	}
	for _, name := range names {
		if image := imageOf(name); image != "" {
			if err := p.DeleteImage(ctx, image); err != nil {
				return err
			}
		}
	}
	_, err = do(ctx, p, func(ioctx *rados.IOContext) (struct{}, error) { return struct{}{}, emptyTrash(ioctx) })
	return err
}
