package fake

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// LimitDisk sets the limits of a disk.
func (h *Host) LimitDisk(ctx context.Context, vm id.VM, device string, limits volume.Limits) error {
	return h.do(ctx, "LimitDisk", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		at, err := m.diskIndex(device)
		if err != nil {
			return err
		}
		m.definition.Disks = slices.Clone(m.definition.Disks)
		m.definition.Disks[at].Limits = limits
		return nil
	})
}
