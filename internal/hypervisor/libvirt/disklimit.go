//go:build cgo

package libvirt

import (
	"context"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// LimitDisk throttles a disk of the running domain and of the one that is kept.
func (d *Driver) LimitDisk(ctx context.Context, machine id.VM, device string, limits volume.Limits) error {
	return onlyError(call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) {
		return onDomain(connection, machine, func(domain *virt.Domain) (struct{}, error) {
			sides, err := sidesOf(domain)
			if err != nil {
				return struct{}{}, err
			}
			wanted := &virt.DomainBlockIoTuneParameters{
				TotalIopsSecSet: true, TotalIopsSec: uint64(limits.IOPS), TotalBytesSecSet: true, TotalBytesSec: uint64(limits.BytesPerSecond),
			}
			for _, each := range sides {
				if _, found := each.disk(device); !found {
					return struct{}{}, fault.Invalid("VM %s has no disk %q", machine, device).At("device")
				}
				impact := virt.DOMAIN_AFFECT_CONFIG
				if each.flag == virt.DOMAIN_DEVICE_MODIFY_LIVE {
					impact = virt.DOMAIN_AFFECT_LIVE
				}
				if err := domain.SetBlockIoTune(device, wanted, impact); err != nil {
					return struct{}{}, err
				}
			}
			// The next definition takes the place of this one, whose digest is no longer true.
			return struct{}{}, noteDisks(domain, func(disks []diskNote) []diskNote { return disks })
		})
	}))
}
