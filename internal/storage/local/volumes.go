package local

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagefile"
	"github.com/novacron/novacron/internal/storage"
)

const creatingPrefix = ".creating."

// CreateVolume implements storage.Pool.
func (p *Pool) CreateVolume(ctx context.Context, spec storage.VolumeSpec) (storage.Volume, error) {
	if err := spec.Check("qcow2", "raw"); err != nil {
		return storage.Volume{}, err
	}
	if err := p.ready(); err != nil {
		return storage.Volume{}, err
	}
	// What an attempt that was killed left of this volume goes with the attempt that succeeds. Should another one be at work
	// yet, unseen, it fails for want of its file, and finds the volume when it is tried again.
	defer p.eachLeftover(volumesDir, creatingPrefix+string(spec.Volume)+".", 0, func(path string) { _ = remove(path) })
	if found, err := p.inspect(spec.Volume); err == nil || !fault.Is(err, fault.KindNotFound) {
		return spec.Match(found, err)
	}
	base, err := p.baseFor(spec)
	if err != nil {
		return storage.Volume{}, err
	}
	if err := p.build(ctx, spec, base); err != nil {
		return storage.Volume{}, err
	}
	// DeleteImage hides the image before it looks for volumes that stand on it, and we show the volume before we look for
	// the image: one of the two sees the other.
	if base != "" {
		if _, err := os.Lstat(base); errors.Is(err, fs.ErrNotExist) {
			return storage.Volume{}, errors.Join(imageMissing(spec.Base, p.config.Name), p.DeleteVolume(ctx, spec.Volume))
		}
	}
	found, err := p.inspect(spec.Volume)
	return spec.Match(found, err)
}

// baseFor finds the file of a volume's base image ("" if it has none) and checks that the volume is large enough.
func (p *Pool) baseFor(spec storage.VolumeSpec) (string, error) {
	if spec.Base == "" {
		return "", nil
	}
	name, err := p.findImage(spec.Base)
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", imageMissing(spec.Base, p.config.Name)
	}
	path := p.imagePath(name)
	virtual, err := virtualBytes(path, formatOf(name))
	if err != nil {
		return "", p.config.ioFault("read an image of", err)
	}
	if spec.SizeBytes < virtual {
		return "", fault.Invalid("a disk made from image %s needs at least %d bytes, not %d", spec.Base, virtual, spec.SizeBytes).At("size_bytes")
	}
	return path, nil
}

func imageMissing(image id.Image, pool string) error {
	return fault.NotFound("image %s is not in pool %s: bring it there first", image, pool)
}

// build makes the volume's file under a temporary name, puts it on the disk and gives it its name.
func (p *Pool) build(ctx context.Context, spec storage.VolumeSpec, base string) (err error) {
	temporary := p.volumePath(creatingPrefix + string(spec.Volume) + "." + randomName() + "." + spec.Format)
	file, busy, err := lockFile(temporary, true)
	if err != nil || busy {
		return p.config.ioFault("write to", errors.Join(err, errBusy(busy)))
	}
	defer file.Close()
	defer func() {
		if err != nil {
			_ = remove(temporary)
		}
	}()
	if spec.Format == imagefile.Raw {
		err = file.Truncate(spec.SizeBytes)
	} else {
		err = p.createQCOW2(ctx, temporary, base, spec.SizeBytes)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = publish(temporary, p.volumePath(string(spec.Volume)+"."+spec.Format))
	}
	if errors.Is(err, fs.ErrExist) {
		return remove(temporary)
	}
	if _, isFault := errors.AsType[*fault.Error](err); isFault {
		return err
	}
	return p.config.ioFault("write to", err)
}

func errBusy(busy bool) error {
	if busy {
		return errors.New("a new file is locked by someone else")
	}
	return nil
}

func (p *Pool) createQCOW2(ctx context.Context, path, base string, size int64) error {
	arguments := []string{"create", "-q", "-f", imagefile.QCOW2}
	if base != "" {
		arguments = append(arguments, "-b", base, "-F", formatOf(filepath.Base(base)))
	}
	command := exec.CommandContext(ctx, "qemu-img", append(arguments, path, strconv.FormatInt(size, 10))...)
	command.Env = append(os.Environ(), "LC_ALL=C")
	command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	output, err := command.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case bytes.Contains(output, []byte("No space left on device")), bytes.Contains(output, []byte("Disk quota exceeded")):
		return p.config.ioFault("write to", unix.ENOSPC)
	default:
		return fault.Unavailable("qemu-img could not make a volume in pool %s: see this host's log", p.config.Name).
			Because(errors.Join(err, errors.New(strings.TrimSpace(string(output)))))
	}
}

// DeleteVolume implements storage.Pool. What an interrupted CreateVolume left of the volume goes too.
func (p *Pool) DeleteVolume(_ context.Context, volume id.Volume) error {
	if _, err := id.Parse[id.Volume](string(volume)); err != nil {
		return err
	}
	if err := p.ready(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, volumesDir))
	if err != nil {
		return p.config.ioFault("list", err)
	}
	removed := false
	for _, entry := range entries {
		if volumeOf(entry.Name()) != volume {
			continue
		}
		removed = true
		if err := remove(p.volumePath(entry.Name())); err != nil {
			return p.config.ioFault("delete a volume of", err)
		}
	}
	if !removed {
		return nil
	}
	return p.config.ioFault("delete a volume of", syncDir(filepath.Join(p.config.Dir, volumesDir)))
}

// InspectVolume implements storage.Pool.
func (p *Pool) InspectVolume(_ context.Context, volume id.Volume) (storage.Volume, error) {
	if _, err := id.Parse[id.Volume](string(volume)); err != nil {
		return storage.Volume{}, err
	}
	if err := p.ready(); err != nil {
		return storage.Volume{}, err
	}
	return p.inspect(volume)
}

func (p *Pool) inspect(volume id.Volume) (storage.Volume, error) {
	for _, format := range []string{imagefile.QCOW2, imagefile.Raw} {
		found, err := p.describe(string(volume) + "." + format)
		if !errors.Is(err, fs.ErrNotExist) {
			return found, p.config.ioFault("read a volume of", err)
		}
	}
	return storage.Volume{}, fault.NotFound("volume %s is not in pool %s", volume, p.config.Name)
}

// ListVolumes implements storage.Pool. An unfinished volume has the path of what there is of it and, often, no size.
func (p *Pool) ListVolumes(context.Context) ([]storage.Volume, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, volumesDir))
	if err != nil {
		return nil, p.config.ioFault("list", err)
	}
	volumes := make(map[id.Volume]storage.Volume)
	for _, entry := range entries {
		volume := volumeOf(entry.Name())
		if volume == "" {
			continue
		}
		unfinished := strings.HasPrefix(entry.Name(), creatingPrefix)
		if _, known := volumes[volume]; known && unfinished {
			continue
		}
		found, err := p.describe(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		// A volume whose header cannot be read is still one of ours, and whoever looks for leaks must see it.
		if err != nil && !unfinished && !fault.Is(err, fault.KindInvalid) {
			return nil, p.config.ioFault("read a volume of", err)
		}
		volumes[volume] = found
	}
	list := make([]storage.Volume, 0, len(volumes))
	for _, volume := range volumes {
		list = append(list, volume)
	}
	slices.SortFunc(list, func(a, b storage.Volume) int { return strings.Compare(string(a.Volume), string(b.Volume)) })
	return list, nil
}

// describe reads what a volume's file says of itself; the result names the volume even if there is an error.
func (p *Pool) describe(name string) (storage.Volume, error) {
	found := storage.Volume{Volume: volumeOf(name), Path: p.volumePath(name), Format: formatOf(name)}
	file, err := os.OpenFile(found.Path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return found, err
	}
	defer file.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return found, err
	}
	found.AllocatedBytes = stat.Blocks * 512
	if found.Format == imagefile.Raw {
		found.SizeBytes = stat.Size
		return found, nil
	}
	header, backing, err := imagefile.ReadQCOW2(file)
	if err != nil {
		return found, err
	}
	found.SizeBytes = header.VirtualBytes
	if filepath.Dir(backing) == filepath.Join(p.config.Dir, imagesDir) {
		found.Base = imageOf(filepath.Base(backing))
	}
	return found, nil
}

// volumeOf returns the volume that a file in volumes/ belongs to, "" if to none.
func volumeOf(name string) id.Volume {
	name = strings.TrimPrefix(name, creatingPrefix)
	text, _, _ := strings.Cut(name, ".")
	volume, err := id.Parse[id.Volume](text)
	if err != nil {
		return ""
	}
	return volume
}

func formatOf(name string) string { return strings.TrimPrefix(filepath.Ext(name), ".") }

// virtualBytes returns the size of the disk that a base image describes.
func virtualBytes(path, format string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if format == imagefile.QCOW2 {
		header, _, err := imagefile.ReadQCOW2(file)
		return header.VirtualBytes, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// GrowVolume implements storage.Grower. QEMU's image lock keeps it from a volume that a VM has open.
func (p *Pool) GrowVolume(ctx context.Context, volume id.Volume, bytes int64) error {
	found, err := p.InspectVolume(ctx, volume)
	if err != nil {
		return err
	}
	grows, err := found.Grows(bytes)
	if err != nil || !grows {
		return err
	}
	command := exec.CommandContext(ctx, "qemu-img", "resize", "-q", "-f", found.Format, found.Path, strconv.FormatInt(bytes, 10))
	output, err := command.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && strings.Contains(string(output), "lock"):
		return fault.Conflict("volume %s is in use: stop its VM first", volume).Because(err)
	case err != nil:
		return p.config.ioFault("make a volume larger in", err)
	}
	return p.config.ioFault("make a volume larger in", syncFile(found.Path))
}
