package fake

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// diskCopy is a copying under way: the first reading finds it half done, the next one ready.
type diskCopy struct {
	to       hypervisor.Disk
	readings int
}

const readingsUntilReady = 2

func (m *machine) diskIndex(device string) (int, error) {
	at := slices.IndexFunc(m.definition.Disks, func(disk hypervisor.Disk) bool { return disk.Device == device })
	if at < 0 {
		return 0, fault.Invalid("VM %s has no disk %q", m.definition.Name, device).At("device")
	}
	return at, nil
}

// StartDiskCopy begins to copy a disk.
func (h *Host) StartDiskCopy(ctx context.Context, request hypervisor.DiskCopy) error {
	return h.do(ctx, "StartDiskCopy", func() error {
		m, err := h.findRunning(request.VM)
		if err != nil {
			return err
		}
		if _, err := m.diskIndex(request.To.Device); err != nil {
			return err
		}
		running, found := m.copies[request.To.Device]
		switch {
		case found && running.to.Path == request.To.Path:
			return nil
		case found || m.sending != nil || m.export != nil:
			return fault.Conflict("VM %s has another job; wait for it", m.definition.Name)
		}
		if m.copies == nil {
			m.copies = map[string]*diskCopy{}
		}
		m.copies[request.To.Device] = &diskCopy{to: request.To}
		return nil
	})
}

// DiskCopyStatus reads how far a copying is.
func (h *Host) DiskCopyStatus(ctx context.Context, vm id.VM, device string) (hypervisor.DiskCopyStatus, error) {
	var status hypervisor.DiskCopyStatus
	return status, h.do(ctx, "DiskCopyStatus", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		running, found := m.copies[device]
		if !found {
			return nil
		}
		at, err := m.diskIndex(device)
		if err != nil {
			return err
		}
		running.readings++
		status = hypervisor.DiskCopyStatus{Active: true, TotalBytes: h.cluster.diskAt(h.node, m.definition.Disks[at]).bytes.Size()}
		status.Ready = running.readings >= readingsUntilReady
		status.DoneBytes = status.TotalBytes * int64(min(running.readings, readingsUntilReady)) / readingsUntilReady
		return nil
	})
}

// SwitchDisk lets the VM go on with the copy.
func (h *Host) SwitchDisk(ctx context.Context, vm id.VM, to hypervisor.Disk) error {
	return h.do(ctx, "SwitchDisk", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		at, err := m.diskIndex(to.Device)
		if err != nil {
			return err
		}
		running, found := m.copies[to.Device]
		switch {
		case m.definition.Disks[at].Path == to.Path:
			return nil
		case !found || running.to.Path != to.Path || running.readings < readingsUntilReady:
			return fault.Conflict("the copy of disk %s of VM %s is not ready", to.Device, m.definition.Name)
		}
		from, target := h.cluster.diskAt(h.node, m.definition.Disks[at]).bytes, h.cluster.diskAt(h.node, to).bytes
		content := make([]byte, from.Size())
		if err := from.ReadAt(content, 0); err != nil {
			return err
		}
		if err := target.WriteAt(content, 0); err != nil {
			return err
		}
		m.definition.Disks = slices.Clone(m.definition.Disks)
		m.definition.Disks[at] = to
		delete(m.copies, to.Device)
		return nil
	})
}

// AbortDiskCopy ends a copying.
func (h *Host) AbortDiskCopy(ctx context.Context, vm id.VM, device string) error {
	return h.do(ctx, "AbortDiskCopy", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		delete(m.copies, device)
		return nil
	})
}

// GrowDisk makes a disk larger.
func (h *Host) GrowDisk(ctx context.Context, vm id.VM, device string, bytes int64) error {
	return h.do(ctx, "GrowDisk", func() error {
		m, err := h.findRunning(vm)
		if err != nil {
			return err
		}
		at, err := m.diskIndex(device)
		if err != nil {
			return err
		}
		held := h.cluster.diskAt(h.node, m.definition.Disks[at]).bytes
		if held.Size() > bytes {
			return fault.Conflict("disk %s of VM %s has %d bytes already; a disk is never made smaller", device, m.definition.Name, held.Size())
		}
		held.Grow(bytes)
		return nil
	})
}
