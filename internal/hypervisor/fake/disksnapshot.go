package fake

import (
	"context"

	"github.com/novacron/novacron/internal/id"
)

// SnapshotDisks keeps the bytes of a running VM's disks as they are.
func (h *Host) SnapshotDisks(ctx context.Context, vm id.VM, devices []string, snapshot id.Snapshot) error {
	return h.do(ctx, "SnapshotDisks", func() error {
		for _, device := range devices {
			held, err := h.runningDisk(vm, device)
			if err != nil {
				return err
			}
			held.bytes.Keep(string(snapshot))
		}
		return nil
	})
}

// DropDiskSnapshot forgets what was kept.
func (h *Host) DropDiskSnapshot(ctx context.Context, vm id.VM, device string, snapshot id.Snapshot) error {
	return h.do(ctx, "DropDiskSnapshot", func() error {
		held, err := h.runningDisk(vm, device)
		if err == nil {
			held.bytes.Drop(string(snapshot))
		}
		return err
	})
}

func (h *Host) runningDisk(vm id.VM, device string) (*disk, error) {
	m, err := h.findRunning(vm)
	if err != nil {
		return nil, err
	}
	at, err := m.diskIndex(device)
	if err != nil {
		return nil, err
	}
	return h.cluster.diskAt(h.node, m.definition.Disks[at]), nil
}
