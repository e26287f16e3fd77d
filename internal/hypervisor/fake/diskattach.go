package fake

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// AttachDisk plugs a disk in.
func (h *Host) AttachDisk(ctx context.Context, vm id.VM, disk hypervisor.Disk) error {
	return h.do(ctx, "AttachDisk", func() error {
		if err := hypervisor.CheckDisk(disk); err != nil {
			return err
		}
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		if at, err := m.diskIndex(disk.Device); err == nil {
			if m.definition.Disks[at].Path != disk.Path {
				return fault.Conflict("VM %s has another disk %s already", m.definition.Name, disk.Device)
			}
			return nil
		}
		m.definition.Disks = append(slices.Clone(m.definition.Disks), disk)
		return nil
	})
}

// DetachDisk unplugs a disk; a guest that runs has let go of it, unless it holds its disks.
func (h *Host) DetachDisk(ctx context.Context, vm id.VM, disk hypervisor.Disk) error {
	return h.do(ctx, "DetachDisk", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		at, err := m.diskIndex(disk.Device)
		switch {
		case err != nil:
			return nil
		case m.running() && m.holdsDisks:
			return fault.Unavailable("the guest of VM %s has not let go of disk %s", m.definition.Name, disk.Device)
		}
		m.definition.Disks = slices.Delete(slices.Clone(m.definition.Disks), at, at+1)
		return nil
	})
}

// HoldDisks makes a VM's guest keep its disks, or let go of them again.
func (h *Host) HoldDisks(vm id.VM, hold bool) error {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	m, err := h.find(vm)
	if err == nil {
		m.holdsDisks = hold
	}
	return err
}
