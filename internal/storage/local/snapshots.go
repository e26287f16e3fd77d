package local

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagefile"
	"github.com/novacron/novacron/internal/storage"
)

// SnapshotsOpen implements storage.Snapshotter: QEMU alone may write to a file that it has open.
func (p *Pool) SnapshotsOpen() bool { return false }

// SnapshotVolume implements storage.Snapshotter by a snapshot within the qcow2 file.
func (p *Pool) SnapshotVolume(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error {
	found, there, err := p.snapshotIn(ctx, volume, snapshot)
	if err != nil || there {
		return err
	}
	return p.snapshot(ctx, found, "-c", snapshot)
}

// RevertVolume implements storage.Snapshotter.
func (p *Pool) RevertVolume(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error {
	found, there, err := p.snapshotIn(ctx, volume, snapshot)
	if err == nil && !there {
		err = fault.NotFound("volume %s has no snapshot %s", volume, snapshot)
	}
	if err != nil {
		return err
	}
	return p.snapshot(ctx, found, "-a", snapshot)
}

// DropSnapshot implements storage.Snapshotter.
func (p *Pool) DropSnapshot(ctx context.Context, volume id.Volume, snapshot id.Snapshot) error {
	found, there, err := p.snapshotIn(ctx, volume, snapshot)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil || !there {
		return err
	}
	return p.snapshot(ctx, found, "-d", snapshot)
}

// Snapshots implements storage.Snapshotter.
func (p *Pool) Snapshots(ctx context.Context, volume id.Volume) ([]id.Snapshot, error) {
	found, err := p.InspectVolume(ctx, volume)
	if err != nil || found.Format != imagefile.QCOW2 {
		return nil, err
	}
	// Reading beside a VM that writes is safe for the list: it changes only while we hold the VM's turn.
	output, err := qemuImg(ctx, "info", "-U", "--output=json", "-f", found.Format, found.Path)
	if err != nil {
		return nil, p.snapshotFault(ctx, volume, output, err)
	}
	var said struct {
		Snapshots []struct{ Name string }
	}
	if err := json.Unmarshal(output, &said); err != nil {
		return nil, fault.Internal("qemu-img says of volume %s what cannot be read", volume).Because(err)
	}
	var snapshots []id.Snapshot
	for _, each := range said.Snapshots {
		if snapshot, err := id.Parse[id.Snapshot](each.Name); err == nil {
			snapshots = append(snapshots, snapshot)
		}
	}
	return snapshots, nil
}

// snapshotIn finds a volume that can keep snapshots, and says whether it has this one.
func (p *Pool) snapshotIn(ctx context.Context, volume id.Volume, snapshot id.Snapshot) (storage.Volume, bool, error) {
	if _, err := id.Parse[id.Snapshot](string(snapshot)); err != nil {
		return storage.Volume{}, false, err
	}
	found, err := p.InspectVolume(ctx, volume)
	if err == nil && found.Format != imagefile.QCOW2 {
		err = fault.Invalid("volume %s is %s, and only qcow2 keeps snapshots in pool %s", volume, found.Format, p.config.Name)
	}
	if err != nil {
		return storage.Volume{}, false, err
	}
	all, err := p.Snapshots(ctx, volume)
	return found, slices.Contains(all, snapshot), err
}

func (p *Pool) snapshot(ctx context.Context, of storage.Volume, action string, snapshot id.Snapshot) error {
	output, err := qemuImg(ctx, "snapshot", "-q", action, string(snapshot), of.Path)
	if err != nil {
		return p.snapshotFault(ctx, of.Volume, output, err)
	}
	return p.config.ioFault("change a volume of", syncFile(of.Path))
}

func qemuImg(ctx context.Context, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "qemu-img", arguments...)
	command.Env = append(os.Environ(), "LC_ALL=C")
	command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return command.CombinedOutput()
}

func (p *Pool) snapshotFault(ctx context.Context, volume id.Volume, output []byte, err error) error {
	said := strings.TrimSpace(string(output))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(said, "lock"):
		return fault.Conflict("volume %s is in use: stop its VM first", volume).Because(err)
	case strings.Contains(said, "No space left on device"):
		return p.config.ioFault("write to", unix.ENOSPC)
	}
	return fault.Unavailable("qemu-img could not work on the snapshots of volume %s (%s)", volume, said).Because(err)
}
