package host

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// LimitRequest says what a VM may ask of a disk.
type LimitRequest struct {
	On
	VM     id.VM         `json:"vm_id"`
	Device string        `json:"device"`
	Limits volume.Limits `json:"limits"`
}

// LimitDisk sets the limits of a VM's disk and checks that it has them. A VM that is not defined here gets them when it is.
func (a *Activities) LimitDisk(ctx context.Context, in LimitRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	err = a.Hypervisor.LimitDisk(ctx, in.VM, in.Device, in.Limits)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	seen, err := a.Hypervisor.Inspect(ctx, in.VM)
	if err == nil && !slices.ContainsFunc(seen.Disks, func(disk hypervisor.Disk) bool { return disk.Device == in.Device && disk.Limits == in.Limits }) {
		err = fault.Unavailable("disk %s of VM %s was limited and is not", in.Device, in.VM)
	}
	return err
}
