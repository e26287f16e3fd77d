package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
)

// Clear implements storage.Pool. The note that this host saw the pool goes before the marker: without a note, a missing
// marker says that the place was given up, and not that its file system is missing.
func (p *Pool) Clear(ctx context.Context) error {
	if err := p.ready(); err != nil {
		if errors.Is(err, fs.ErrNotExist) && !p.noted() {
			return nil
		}
		return err
	}
	volumes, err := p.ListVolumes(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // an earlier call may have begun to give up
		return err
	}
	if len(volumes) > 0 {
		return fault.Conflict("pool %s holds %d volumes, such as %s: move or delete them first", p.config.Name, len(volumes), volumes[0].Volume)
	}
	entries, err := os.ReadDir(filepath.Join(p.config.Dir, imagesDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.config.ioFault("list", err)
	}
	for _, entry := range entries {
		if image := imageOf(entry.Name()); image != "" {
			if err := p.deleteImageFile(entry.Name(), image); err != nil {
				return err
			}
		}
	}
	return p.giveUp()
}

func (p *Pool) noted() bool {
	if p.config.Memory == "" {
		return false
	}
	_, err := os.Lstat(p.config.Memory)
	return !errors.Is(err, fs.ErrNotExist)
}

func (p *Pool) giveUp() error {
	for _, dir := range []string{volumesDir, imagesDir} {
		switch err := remove(filepath.Join(p.config.Dir, dir)); {
		case errors.Is(err, unix.ENOTEMPTY):
			return fault.Conflict("the directory %s of pool %s holds files that are not NovaCron's: take them away first", dir, p.config.Name).Because(err)
		case err != nil:
			return p.config.ioFault("give up", err)
		}
	}
	p.Forget()
	if err := remove(filepath.Join(p.config.Dir, MarkerName)); err != nil {
		return p.config.ioFault("give up", err)
	}
	_ = os.Remove(p.config.Dir) // which stays if it is a mount, or holds something else
	return nil
}

// Forget drops the note that this host saw the pool.
func (p *Pool) Forget() {
	if p.config.Memory != "" {
		_ = remove(p.config.Memory) // one that stays does no harm: another pool has another note
	}
}
