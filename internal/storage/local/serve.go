package local

import (
	"context"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage/qemunbd"
)

// ServeVolume implements storage.Exporter. Conflict if a VM or another export has the volume open.
func (p *Pool) ServeVolume(ctx context.Context, volume id.Volume, writable bool) (socket, export string, stop func() error, err error) {
	found, err := p.InspectVolume(ctx, volume)
	if err != nil {
		return "", "", nil, err
	}
	socket, export, end, err := qemunbd.Serve(ctx, qemunbd.Disk{
		Directory: p.config.RuntimeDir, Writable: writable,
		Arguments: []string{"--format=" + found.Format, "--cache=writeback", "--aio=threads", found.Path},
	})
	if err != nil {
		return "", "", nil, serveFault(ctx, volume, p.config.Name, err)
	}
	return socket, export, sync.OnceValue(func() error {
		err := end()
		if writable && err == nil {
			err = syncFile(found.Path)
		}
		if err != nil {
			return fault.Unavailable("what was written to volume %s may not have reached the disk: write it again", volume).Because(err)
		}
		return nil
	}), nil
}

func serveFault(ctx context.Context, volume id.Volume, pool string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if refusal, ok := errors.AsType[*qemunbd.Refusal](err); ok && refusal.InUse() {
		return fault.Conflict("volume %s is in use: stop its VM, or wait for the backup or restore that reads it", volume).Because(err)
	}
	return fault.Unavailable("volume %s of pool %s could not be served: see this host's log", volume, pool).Because(err)
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
