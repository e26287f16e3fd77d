package fake

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagefile"
	nbdfake "github.com/novacron/novacron/internal/nbd/fake"
	"github.com/novacron/novacron/internal/storage"
)

// Config describes a pool.
type Config struct {
	Name          string
	Shared        bool
	CapacityBytes int64 // of allocated blocks; 0 for 1 TiB
}

// Pool is a pool in memory. It is safe for concurrent use; hosts that share it are given the same one.
type Pool struct {
	// Before and After, if set, are asked around each call with its name ("CreateVolume") and its subject's ID. Set them
	// before the pool is used.
	Before, After func(call, subject string) error

	config Config

	lock     sync.Mutex
	absent   bool
	volumes  map[id.Volume]*volume
	images   map[id.Image]*baseImage
	partial  map[id.Image][]byte
	fetching sync.Mutex
}

type volume struct {
	storage.Volume
	disk   *nbdfake.Disk
	served int  // exports that read it
	writer bool // an export writes it
}

type baseImage struct {
	storage.BaseImage
	virtualBytes int64
	disk         *nbdfake.Disk
	content      []byte
	usedAt       time.Time
}

var (
	_ storage.Pool     = (*Pool)(nil)
	_ storage.Exporter = (*Pool)(nil)
)

// New makes an empty pool.
func New(config Config) *Pool {
	if config.CapacityBytes == 0 {
		config.CapacityBytes = 1 << 40
	}
	return &Pool{
		config: config, volumes: make(map[id.Volume]*volume), images: make(map[id.Image]*baseImage), partial: make(map[id.Image][]byte),
	}
}

// GrowVolume implements storage.Grower.
func (p *Pool) GrowVolume(ctx context.Context, of id.Volume, bytes int64) error {
	return p.around(ctx, "GrowVolume", string(of), func() error {
		found := p.volumes[of]
		if found == nil {
			return fault.NotFound("volume %s is not in pool %s", of, p.config.Name)
		}
		grows, err := p.describe(found).Grows(bytes)
		if err == nil && grows {
			found.disk.Grow(bytes)
		}
		return err
	})
}

// Clear implements storage.Pool.
func (p *Pool) Clear(ctx context.Context) error {
	return p.around(ctx, "Clear", p.config.Name, func() error {
		if len(p.volumes) > 0 {
			return fault.Conflict("pool %s holds %d volumes: move or delete them first", p.config.Name, len(p.volumes))
		}
		clear(p.images)
		clear(p.partial)
		return nil
	})
}

// SetAvailable takes the pool away or brings it back, as a mount that is lost.
func (p *Pool) SetAvailable(available bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.absent = !available
}

// Disk returns a volume's content, nil if there is no such volume.
func (p *Pool) Disk(of id.Volume) *nbdfake.Disk {
	p.lock.Lock()
	defer p.lock.Unlock()
	if found := p.volumes[of]; found != nil {
		return found.disk
	}
	return nil
}

// HasImage reports whether the image can be a base here.
func (p *Pool) HasImage(image id.Image) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.images[image] != nil
}

// Resize makes the pool larger or smaller, whatever is in it.
func (p *Pool) Resize(bytes int64) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.config.CapacityBytes = bytes
}

// around runs a call between Before and After, with the pool locked.
func (p *Pool) around(ctx context.Context, call, subject string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.Before != nil {
		if err := p.Before(call, subject); err != nil {
			return err
		}
	}
	p.lock.Lock()
	err := p.available()
	if err == nil {
		err = do()
	}
	p.lock.Unlock()
	if err == nil && p.After != nil {
		err = p.After(call, subject)
	}
	return err
}

func (p *Pool) available() error {
	if p.absent {
		return fault.Unavailable("pool %s is not there: mount its file system", p.config.Name)
	}
	return nil
}

// Fact implements storage.Pool.
func (p *Pool) Fact(context.Context) host.PoolFact {
	p.lock.Lock()
	defer p.lock.Unlock()
	fact := host.PoolFact{Name: p.config.Name, Driver: "fake", Shared: p.config.Shared}
	if err := p.available(); err != nil {
		fact.Detail = err.Error()
		return fact
	}
	fact.Available, fact.CapacityBytes, fact.UsedBytes = true, p.config.CapacityBytes, p.used()
	return fact
}

func (p *Pool) used() int64 {
	used := int64(0)
	for _, volume := range p.volumes {
		used += allocated(volume.disk)
	}
	for _, image := range p.images {
		used += image.SizeBytes
	}
	return used
}

func allocated(disk *nbdfake.Disk) int64 {
	bytes := int64(0)
	for _, extent := range disk.Allocation() {
		if extent.Flags == 0 {
			bytes += extent.Length
		}
	}
	return bytes
}

// CreateVolume implements storage.Pool.
func (p *Pool) CreateVolume(ctx context.Context, spec storage.VolumeSpec) (created storage.Volume, err error) {
	if err := spec.Check("qcow2", "raw"); err != nil {
		return storage.Volume{}, err
	}
	err = p.around(ctx, "CreateVolume", string(spec.Volume), func() error {
		if _, exists := p.volumes[spec.Volume]; !exists {
			if err := p.add(spec); err != nil {
				return err
			}
		}
		created, err = spec.Match(p.describe(p.volumes[spec.Volume]), nil)
		return err
	})
	return created, err
}

func (p *Pool) add(spec storage.VolumeSpec) error {
	if p.used() >= p.config.CapacityBytes {
		return fault.Exhausted("pool %s is full: make room in it or use another pool", p.config.Name)
	}
	disk := nbdfake.NewDisk(spec.SizeBytes)
	if spec.Base != "" {
		base := p.images[spec.Base]
		if base == nil {
			return fault.NotFound("image %s is not in pool %s: bring it there first", spec.Base, p.config.Name)
		}
		if spec.SizeBytes < base.virtualBytes {
			return fault.Invalid("a disk made from image %s needs at least %d bytes, not %d", spec.Base, base.virtualBytes, spec.SizeBytes).At("size_bytes")
		}
		content := make([]byte, base.disk.Size())
		if err := errors.Join(base.disk.ReadAt(content, 0), disk.WriteAt(content, 0)); err != nil {
			return fault.Internal("a base image could not be copied").Because(err)
		}
	}
	p.volumes[spec.Volume] = &volume{disk: disk, Volume: storage.Volume{
		Volume: spec.Volume, Path: filepath.Join("/fake", p.config.Name, string(spec.Volume)+"."+spec.Format),
		Format: spec.Format, SizeBytes: spec.SizeBytes, Base: spec.Base,
	}}
	return nil
}

func (p *Pool) describe(found *volume) storage.Volume {
	described := found.Volume
	described.SizeBytes = found.disk.Size() // which a hypervisor may have made larger
	described.AllocatedBytes = allocated(found.disk)
	return described
}

// DeleteVolume implements storage.Pool.
func (p *Pool) DeleteVolume(ctx context.Context, volume id.Volume) error {
	if _, err := id.Parse[id.Volume](string(volume)); err != nil {
		return err
	}
	return p.around(ctx, "DeleteVolume", string(volume), func() error {
		delete(p.volumes, volume)
		return nil
	})
}

// InspectVolume implements storage.Pool.
func (p *Pool) InspectVolume(ctx context.Context, volume id.Volume) (inspected storage.Volume, err error) {
	if _, err := id.Parse[id.Volume](string(volume)); err != nil {
		return storage.Volume{}, err
	}
	err = p.around(ctx, "InspectVolume", string(volume), func() error {
		found := p.volumes[volume]
		if found == nil {
			return fault.NotFound("volume %s is not in pool %s", volume, p.config.Name)
		}
		inspected = p.describe(found)
		return nil
	})
	return inspected, err
}

// ListVolumes implements storage.Pool.
func (p *Pool) ListVolumes(ctx context.Context) (list []storage.Volume, err error) {
	err = p.around(ctx, "ListVolumes", p.config.Name, func() error {
		for _, volume := range p.volumes {
			list = append(list, p.describe(volume))
		}
		slices.SortFunc(list, func(a, b storage.Volume) int { return strings.Compare(string(a.Volume), string(b.Volume)) })
		return nil
	})
	return list, err
}

// EnsureImage implements storage.Pool. An image that broke off is gone on with.
func (p *Pool) EnsureImage(ctx context.Context, image storage.BaseImage, fetch func(ctx context.Context, offset int64) (io.ReadCloser, error)) error {
	if err := image.Check(); err != nil {
		return err
	}
	p.fetching.Lock()
	defer p.fetching.Unlock()
	var partial []byte
	known := false
	err := p.around(ctx, "EnsureImage", string(image.Image), func() error {
		found := p.images[image.Image]
		if known = found != nil; known && found.BaseImage != image {
			return fault.Conflict("pool %s has other bytes under image %s: delete that image from the pool first", p.config.Name, image.Image)
		}
		if known {
			found.usedAt = time.Now()
		}
		partial = p.partial[image.Image]
		return nil
	})
	if err != nil || known {
		return err
	}
	content, err := fetch(ctx, int64(len(partial)))
	if err != nil {
		return err
	}
	rest, readErr := io.ReadAll(io.LimitReader(content, image.SizeBytes+1-int64(len(partial))))
	partial = slices.Concat(partial, rest)
	_ = content.Close()
	p.lock.Lock()
	defer p.lock.Unlock()
	if readErr != nil || int64(len(partial)) < image.SizeBytes {
		p.partial[image.Image] = partial
		return fault.Unavailable("image %s broke off after %d of %d bytes: try again", image.Image, len(partial), image.SizeBytes).Because(readErr)
	}
	delete(p.partial, image.Image)
	return p.keep(image, partial)
}

func (p *Pool) keep(image storage.BaseImage, content []byte) error {
	digest := sha256.Sum256(content)
	if int64(len(content)) != image.SizeBytes || hex.EncodeToString(digest[:]) != image.SHA256 {
		return fault.Invalid("the bytes of image %s do not match its hash or size: import the image again", image.Image)
	}
	info, err := imagefile.Identify(content[:min(len(content), imagefile.HeadBytes)], image.SizeBytes)
	if err != nil {
		return err
	}
	if info.Format != image.Format {
		return fault.Invalid("image %s is recorded as %s and is %s: import it again", image.Image, image.Format, info.Format)
	}
	disk := nbdfake.NewDisk(info.VirtualBytes)
	if info.Format == imagefile.Raw {
		if err := disk.WriteAt(content, 0); err != nil {
			return fault.Internal("an image could not be kept").Because(err)
		}
	}
	p.images[image.Image] = &baseImage{BaseImage: image, virtualBytes: info.VirtualBytes, disk: disk, content: content, usedAt: time.Now()}
	return nil
}

// DeleteImage implements storage.Pool.
func (p *Pool) DeleteImage(ctx context.Context, image id.Image) error {
	if _, err := id.Parse[id.Image](string(image)); err != nil {
		return err
	}
	return p.around(ctx, "DeleteImage", string(image), func() error {
		for _, volume := range p.volumes {
			if volume.Base == image {
				return fault.Conflict("image %s is in use in pool %s: delete volume %s first", image, p.config.Name, volume.Volume.Volume)
			}
		}
		delete(p.images, image)
		delete(p.partial, image)
		return nil
	})
}

// ServeVolume implements storage.Exporter.
func (p *Pool) ServeVolume(ctx context.Context, of id.Volume, writable bool) (socket, export string, stop func() error, err error) {
	var found *volume
	err = p.around(ctx, "ServeVolume", string(of), func() error {
		found = p.volumes[of]
		switch {
		case found == nil:
			return fault.NotFound("volume %s is not in pool %s", of, p.config.Name)
		case found.writer || (writable && found.served > 0):
			return fault.Conflict("volume %s is in use: stop its VM, or wait for the backup or restore that reads it", of)
		}
		found.served, found.writer = found.served+1, writable
		return nil
	})
	if err != nil {
		return "", "", nil, err
	}
	release := func() {
		p.lock.Lock()
		defer p.lock.Unlock()
		found.served, found.writer = found.served-1, false
	}
	socket = filepath.Join(os.TempDir(), "novacron-fake-"+rand.Text()+".sock")
	server, err := nbdfake.Serve(socket, nbdfake.Export{Name: "disk", Disk: found.disk, ReadOnly: !writable})
	if err != nil {
		release()
		return "", "", nil, fault.Unavailable("volume %s could not be served", of).Because(err)
	}
	end := sync.OnceValue(func() error {
		defer release()
		return server.Close()
	})
	unwatch := context.AfterFunc(ctx, func() { _ = end() })
	return socket, "disk", func() error { unwatch(); return end() }, nil
}
