package host

import (
	"context"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/backuprepo/nbddisk"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// MoveDiskRequest names a VM's disk and the volume that is to take its place.
type MoveDiskRequest struct {
	On
	VM             id.VM         `json:"vm_id"`
	From           volume.Volume `json:"from"`
	To             volume.Volume `json:"to"`
	BandwidthBytes int64         `json:"bandwidth_bytes_per_second,omitempty"`
}

// CopyDisk copies the disk of a running VM onto the other volume until both are the same. A second attempt goes on with the
// first one's copying.
func (a *Activities) CopyDisk(ctx context.Context, in MoveDiskRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	report, stop := beating(ctx)
	defer stop()
	target, err := a.disks(ctx, []volume.Volume{in.To})
	if err != nil {
		return err
	}
	err = a.Hypervisor.StartDiskCopy(ctx, hypervisor.DiskCopy{VM: in.VM, To: target[0], BandwidthBytes: in.BandwidthBytes})
	if err != nil {
		return err
	}
	for {
		status, err := a.Hypervisor.DiskCopyStatus(ctx, in.VM, in.To.Device)
		switch {
		case err != nil:
			return err
		case status.Ready:
			return nil
		case !status.Active:
			return fault.Conflict("the copying of disk %s ended by itself: its VM went off, or the other pool is full or failed; see the events of the host, and move it again", in.To.Device)
		}
		report(Beat{Done: status.DoneBytes, Total: status.TotalBytes, Unit: "bytes"})
		if err := pause(ctx, copyPollEvery); err != nil {
			return err
		}
	}
}

const copyPollEvery = 2 * roundsPollEvery

// SwitchDisk lets a running VM go on with the copy of its disk.
func (a *Activities) SwitchDisk(ctx context.Context, in MoveDiskRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	target, err := a.disks(ctx, []volume.Volume{in.To})
	if err != nil {
		return err
	}
	return a.Hypervisor.SwitchDisk(ctx, in.VM, target[0])
}

// UsesDisk says whether the VM, on or off, has the new volume for its disk. One that the host does not know has not.
func (a *Activities) UsesDisk(ctx context.Context, in MoveDiskRequest) (bool, error) {
	if in.Host != a.Host {
		return false, fault.Invalid("this worker acts for host %s, not for %s", a.Host, in.Host)
	}
	target, err := a.disks(ctx, []volume.Volume{in.To})
	if err != nil {
		return false, err
	}
	seen, err := a.observe(ctx, in.VM)
	for _, each := range seen.Machine.Disks {
		if each.Device == in.To.Device {
			return each.Path == target[0].Path, err
		}
	}
	return false, err
}

// AbortDiskCopy ends the copying of a disk; none is fine.
func (a *Activities) AbortDiskCopy(ctx context.Context, in MoveDiskRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	err = a.Hypervisor.AbortDiskCopy(ctx, in.VM, in.To.Device)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// CopyIdleDisk copies the disk of a VM that is off. A second attempt begins again.
func (a *Activities) CopyIdleDisk(ctx context.Context, in MoveDiskRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	return a.copyIdle(ctx, in.From, in.To)
}

// CopyIdleVolumeRequest names two volumes that belong to no VM.
type CopyIdleVolumeRequest struct {
	On
	From volume.Volume `json:"from"`
	To   volume.Volume `json:"to"`
}

// CopyIdleVolume copies a volume that nobody has open onto another one. A second attempt begins again.
func (a *Activities) CopyIdleVolume(ctx context.Context, in CopyIdleVolumeRequest) error {
	release, err := a.turn(ctx, in.On, string(in.From.ID))
	if err != nil {
		return err
	}
	defer release()
	return a.copyIdle(ctx, in.From, in.To)
}

func (a *Activities) copyIdle(ctx context.Context, from, to volume.Volume) error {
	report, stop := beating(ctx)
	defer stop()
	socket, export, end, err := a.serve(ctx, from.Pool, from.ID, false)
	if err != nil {
		return err
	}
	defer func() { _ = end() }() // it was only read
	source, err := nbddisk.OpenSource(ctx, socket, export, "")
	if err != nil {
		return err
	}
	defer source.Close()
	return a.fill(ctx, to.Pool, to.ID, func(sink backuprepo.Sink) error {
		return copyAll(ctx, source, sink, report)
	})
}
