package worker

import (
	"context"
	"errors"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/vm"
)

// roomToGoOn is how much a pool must have before a guest that it stopped is let go on, or it would stop at the next write.
const roomToGoOn = 32 << 20

// resumeHalted lets VMs go on that the hypervisor stopped because a pool was full, once there is room again. The write that
// failed is tried again by the hypervisor.
func (h *Host) resumeHalted(ctx context.Context) error {
	machines, err := h.Driver.List(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, each := range machines {
		if each.VM == "" || each.Halted != vm.NoSpace || !h.hasRoom(ctx, each.Disks) {
			continue
		}
		h.Log.Info("a VM that a full pool had stopped goes on", "vm", each.VM)
		failed = append(failed, h.Driver.SetPower(ctx, each.VM, hypervisor.On))
	}
	return errors.Join(failed...)
}

func (h *Host) hasRoom(ctx context.Context, disks []hypervisor.Disk) bool {
	for _, disk := range disks {
		if !h.pools.HasRoom(ctx, disk.Volume, roomToGoOn) {
			return false
		}
	}
	return true
}
