package host

import (
	"context"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// AttachRequest names a VM and a volume of it, as the device that it is or is to be.
type AttachRequest struct {
	On
	VM       id.VM         `json:"vm_id"`
	Disk     volume.Volume `json:"disk"`
	Patience time.Duration `json:"patience_ns,omitempty"` // how long a guest may take to let go
}

// AttachDisk gives a VM a disk, and checks that it has it.
func (a *Activities) AttachDisk(ctx context.Context, in AttachRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	disks, err := a.disks(ctx, []volume.Volume{in.Disk})
	if err != nil {
		return err
	}
	if err := a.Hypervisor.AttachDisk(ctx, in.VM, disks[0]); err != nil {
		return err
	}
	seen, err := a.Hypervisor.Inspect(ctx, in.VM)
	if err == nil && !slices.Contains(seen.Disks, disks[0]) {
		err = fault.Unavailable("VM %s was given disk %s and does not have it", in.VM, in.Disk.Device)
	}
	return err
}

// DetachDisk takes a disk from a VM, asking its guest again and again, counted from the first attempt. A guest that does not
// let go is a Conflict, and the VM keeps the disk. A VM that is not defined here is fine.
func (a *Activities) DetachDisk(ctx context.Context, in AttachRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	deadline := firstScheduled(ctx).Add(in.Patience)
	for {
		err := a.Hypervisor.DetachDisk(ctx, in.VM, hypervisor.Disk{Volume: in.Disk.ID, Device: in.Disk.Device})
		switch {
		case fault.Is(err, fault.KindNotFound):
			return nil
		case err == nil:
			return a.lacksDisk(ctx, in)
		case !fault.Is(err, fault.KindUnavailable):
			return err
		case !time.Now().Before(deadline) && a.has(ctx, in):
			return fault.Conflict("the guest of VM %s does not let go of disk %s: unmount it there, or stop the VM, and detach it again", in.VM, in.Disk.Device).Because(err)
		}
		if err := pause(ctx, detachAgainAfter); err != nil {
			return err
		}
	}
}

const detachAgainAfter = 500 * time.Millisecond

// has is true only if the hypervisor answers, and says so: one that is away says nothing of the guest.
func (a *Activities) has(ctx context.Context, in AttachRequest) bool {
	seen, err := a.Hypervisor.Inspect(ctx, in.VM)
	return err == nil && slices.ContainsFunc(seen.Disks, func(disk hypervisor.Disk) bool { return disk.Device == in.Disk.Device })
}

func (a *Activities) lacksDisk(ctx context.Context, in AttachRequest) error {
	if a.has(ctx, in) {
		return fault.Unavailable("disk %s was taken from VM %s and it has it still", in.Disk.Device, in.VM)
	}
	return nil
}
