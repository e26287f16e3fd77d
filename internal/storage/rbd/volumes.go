//go:build ceph

package rbd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
)

const (
	format         = "raw"
	creatingPrefix = "creating."
	baseKey        = "novacron.base" // metadata of a volume: the image it was made from
	baseSnapshot   = "base"
)

// CreateVolume implements storage.Pool.
func (p *Pool) CreateVolume(ctx context.Context, spec storage.VolumeSpec) (storage.Volume, error) {
	if err := spec.Check(format); err != nil {
		return storage.Volume{}, err
	}
	return do(ctx, p, func(ioctx *rados.IOContext) (storage.Volume, error) {
		name := string(spec.Volume)
		found, err := p.inspect(ioctx, name)
		if err == nil || !missing(err) {
			return spec.Match(found, err)
		}
		unfinished := creatingPrefix + name
		if err := discard(ioctx, unfinished); err != nil {
			return storage.Volume{}, err
		}
		if err := p.build(ioctx, spec, unfinished); err != nil {
			return storage.Volume{}, errors.Join(err, ignoreMissing(discard(ioctx, unfinished)))
		}
		if err := rbd.GetImage(ioctx, unfinished).Rename(name); err != nil {
			return storage.Volume{}, err
		}
		found, err = p.inspect(ioctx, name)
		return spec.Match(found, err)
	})
}

// build makes a volume under another name.
func (p *Pool) build(ioctx *rados.IOContext, spec storage.VolumeSpec, name string) error {
	options := rbd.NewRbdImageOptions()
	defer options.Destroy()
	if spec.Base == "" {
		return rbd.CreateImage(ioctx, name, uint64(spec.SizeBytes), options)
	}
	size, err := baseSize(ioctx, string(spec.Base))
	if missing(err) {
		return fault.NotFound("image %s is not in pool %s: bring it there first", spec.Base, p.config.Name)
	}
	if err != nil {
		return err
	}
	if uint64(spec.SizeBytes) < size {
		return fault.Invalid("a disk made from image %s needs at least %d bytes, not %d", spec.Base, size, spec.SizeBytes).At("size_bytes")
	}
	// A base that is being deleted is not protected any more, and cannot be cloned.
	err = rbd.CloneImage(ioctx, string(spec.Base), baseSnapshot, ioctx, name, options)
	if missing(err) || errno(err) == syscall.EINVAL {
		return fault.NotFound("image %s is not in pool %s: bring it there first", spec.Base, p.config.Name).Because(err)
	}
	if err != nil {
		return err
	}
	return within(ioctx, name, func(image *rbd.Image) error {
		if err := image.SetMetadata(baseKey, string(spec.Base)); err != nil {
			return err
		}
		return image.Resize(uint64(spec.SizeBytes))
	})
}

// within opens an image for a piece of work on it.
func within(ioctx *rados.IOContext, name string, work func(*rbd.Image) error) error {
	image, err := rbd.OpenImage(ioctx, name, rbd.NoSnapshot)
	if err != nil {
		return err
	}
	return errors.Join(work(image), image.Close())
}

// reading opens an image without becoming one of its clients in the eyes of others.
func reading[T any](ioctx *rados.IOContext, name string, look func(*rbd.Image) (T, error)) (found T, err error) {
	image, err := rbd.OpenImageReadOnly(ioctx, name, rbd.NoSnapshot)
	if err != nil {
		return found, err
	}
	found, err = look(image)
	return found, errors.Join(err, image.Close())
}

func ignoreMissing(err error) error {
	if missing(err) {
		return nil
	}
	return err
}

// DeleteVolume implements storage.Pool.
func (p *Pool) DeleteVolume(ctx context.Context, volume id.Volume) error {
	if _, err := id.Parse[id.Volume](string(volume)); err != nil {
		return err
	}
	_, err := do(ctx, p, func(ioctx *rados.IOContext) (struct{}, error) {
		for _, name := range []string{string(volume), creatingPrefix + string(volume)} {
			if err := discard(ioctx, name); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, emptyTrash(ioctx)
	})
	return err
}

// discard removes an image with its snapshots; a missing one is fine. One that a client has open goes to the trash.
func discard(ioctx *rados.IOContext, name string) error {
	if err := within(ioctx, name, dropSnapshots); err != nil {
		return ignoreMissing(err)
	}
	err := rbd.RemoveImage(ioctx, name)
	if errno(err) == syscall.EBUSY {
		err = rbd.GetImage(ioctx, name).Trash(0)
	}
	return ignoreMissing(err)
}

func dropSnapshots(image *rbd.Image) error {
	snapshots, err := image.GetSnapshotNames()
	for _, each := range snapshots {
		snapshot := image.GetSnapshot(each.Name)
		if protected, _ := snapshot.IsProtected(); protected { // what cannot be told shows when it is removed
			err = errors.Join(err, snapshot.Unprotect())
		}
		err = errors.Join(err, snapshot.Remove())
	}
	return err
}

// emptyTrash removes what was put there because it was open. What is open yet stays for the next call.
func emptyTrash(ioctx *rados.IOContext) error {
	thrown, err := rbd.GetTrashList(ioctx)
	if err != nil {
		return err
	}
	for _, each := range thrown {
		if !ours(each.Name) {
			continue
		}
		if err := rbd.TrashRemove(ioctx, each.Id, false); err != nil && errno(err) != syscall.EBUSY && !missing(err) && errno(err) != syscall.EPERM {
			return err // EPERM says that its time has not come
		}
	}
	return nil
}

// ours reports whether an image's name is one that this package gives.
func ours(name string) bool { return volumeOf(name) != "" || imageOf(name) != "" }

func volumeOf(name string) id.Volume {
	found, err := id.Parse[id.Volume](strings.TrimPrefix(name, creatingPrefix))
	if err != nil {
		return ""
	}
	return found
}

// InspectVolume implements storage.Pool.
func (p *Pool) InspectVolume(ctx context.Context, volume id.Volume) (storage.Volume, error) {
	if _, err := id.Parse[id.Volume](string(volume)); err != nil {
		return storage.Volume{}, err
	}
	return do(ctx, p, func(ioctx *rados.IOContext) (storage.Volume, error) {
		found, err := p.inspect(ioctx, string(volume))
		if missing(err) {
			err = fault.NotFound("volume %s is not in pool %s", volume, p.config.Name)
		}
		return found, err
	})
}

func (p *Pool) inspect(ioctx *rados.IOContext, name string) (storage.Volume, error) {
	return reading(ioctx, name, func(image *rbd.Image) (storage.Volume, error) {
		size, err := image.GetSize()
		if err != nil {
			return storage.Volume{}, err
		}
		allocated, err := allocated(image, size)
		if err != nil {
			return storage.Volume{}, err
		}
		base, err := image.GetMetadata(baseKey)
		if err != nil && !missing(err) {
			return storage.Volume{}, err
		}
		return storage.Volume{
			Volume: volumeOf(name), Path: p.location(name), Format: format, SizeBytes: int64(size), AllocatedBytes: allocated, Base: id.Image(base),
		}, nil
	})
}

// allocated asks the object map which objects there are, which is quick however large the image is.
func allocated(image *rbd.Image, size uint64) (int64, error) {
	total := int64(0)
	err := image.DiffIterate(rbd.DiffIterateConfig{
		Offset: 0, Length: size, WholeObject: rbd.EnableWholeObject, IncludeParent: rbd.ExcludeParent,
		Callback: func(_, length uint64, exists int, _ any) int {
			if exists != 0 {
				total += int64(length)
			}
			return 0
		},
	})
	return total, err
}

// ListVolumes implements storage.Pool.
func (p *Pool) ListVolumes(ctx context.Context) ([]storage.Volume, error) {
	return do(ctx, p, func(ioctx *rados.IOContext) ([]storage.Volume, error) {
		names, err := rbd.GetImageNames(ioctx)
		if err != nil {
			return nil, err
		}
		list := []storage.Volume{}
		for _, name := range names {
			if volumeOf(name) == "" || strings.HasPrefix(name, creatingPrefix) && slices.Contains(names, string(volumeOf(name))) {
				continue
			}
			found, err := p.inspect(ioctx, name)
			if missing(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			list = append(list, found)
		}
		slices.SortFunc(list, func(a, b storage.Volume) int { return strings.Compare(string(a.Volume), string(b.Volume)) })
		return list, nil
	})
}

// GrowVolume implements storage.Grower.
func (p *Pool) GrowVolume(ctx context.Context, volume id.Volume, bytes int64) error {
	found, err := p.InspectVolume(ctx, volume)
	if err != nil {
		return err
	}
	grows, err := found.Grows(bytes)
	if err != nil || !grows {
		return err
	}
	_, err = do(ctx, p, func(ioctx *rados.IOContext) (struct{}, error) {
		return struct{}{}, within(ioctx, string(volume), func(image *rbd.Image) error { return image.Resize(uint64(bytes)) })
	})
	return err
}
