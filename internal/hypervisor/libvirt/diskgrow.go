//go:build cgo

package libvirt

import (
	"context"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// GrowDisk resizes a disk of a running domain.
func (d *Driver) GrowDisk(ctx context.Context, machine id.VM, device string, bytes int64) error {
	return onlyError(call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) {
		return onDomain(connection, machine, func(domain *virt.Domain) (struct{}, error) {
			seen, err := mirrorOf(domain, device)
			switch {
			case err != nil:
				return struct{}{}, err
			case !seen.active:
				return struct{}{}, fault.Conflict("VM %s is off, so its volume is made larger without the hypervisor", machine)
			}
			info, err := domain.GetBlockInfo(device, 0)
			switch {
			case err != nil:
				return struct{}{}, err
			case info.Capacity == uint64(bytes):
				return struct{}{}, nil
			case info.Capacity > uint64(bytes):
				return struct{}{}, fault.Conflict("disk %s of VM %s has %d bytes already; a disk is never made smaller", device, machine, info.Capacity)
			}
			return struct{}{}, domain.BlockResize(device, uint64(bytes), virt.DOMAIN_BLOCK_RESIZE_BYTES)
		})
	}))
}
