//go:build cgo

package libvirt

import (
	"context"
	"slices"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// side is one of the two domains that libvirt keeps of a VM: the one that runs and the one that starts next time.
type side struct {
	flag   virt.DomainDeviceModifyFlags
	domain libvirtxml.Domain
}

// sidesOf reads them; a domain that is off has only the latter.
func sidesOf(domain *virt.Domain) ([]side, error) {
	active, err := domain.IsActive()
	if err != nil {
		return nil, err
	}
	sides := []side{{flag: virt.DOMAIN_DEVICE_MODIFY_CONFIG}}
	reads := []virt.DomainXMLFlags{virt.DOMAIN_XML_INACTIVE | virt.DOMAIN_XML_SECURE}
	if active {
		// The running one first: if it refuses, the other one must stay as it is.
		sides = append([]side{{flag: virt.DOMAIN_DEVICE_MODIFY_LIVE}}, sides...)
		reads = append([]virt.DomainXMLFlags{virt.DOMAIN_XML_SECURE}, reads...)
	}
	for i := range sides {
		text, err := domain.GetXMLDesc(reads[i])
		if err != nil {
			return nil, err
		}
		if err := sides[i].domain.Unmarshal(text); err != nil || sides[i].domain.Devices == nil {
			return nil, fault.Internal("the definition of a VM on this host cannot be read").Because(err)
		}
	}
	return sides, nil
}

// disk finds a device's disk.
func (s side) disk(device string) (libvirtxml.DomainDisk, bool) {
	at := slices.IndexFunc(s.domain.Devices.Disks, func(disk libvirtxml.DomainDisk) bool {
		return disk.Target != nil && disk.Target.Dev == device
	})
	if at < 0 {
		return libvirtxml.DomainDisk{}, false
	}
	return s.domain.Devices.Disks[at], true
}

func (s side) hasSCSI() bool {
	return slices.ContainsFunc(s.domain.Devices.Controllers, func(each libvirtxml.DomainController) bool { return each.Type == "scsi" })
}

// AttachDisk plugs a disk into the running domain and into the one that is kept.
func (d *Driver) AttachDisk(ctx context.Context, machine id.VM, disk hypervisor.Disk) error {
	if err := hypervisor.CheckDisk(disk); err != nil {
		return err
	}
	return onlyError(call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) {
		return onDomain(connection, machine, func(domain *virt.Domain) (struct{}, error) {
			return struct{}{}, attachDisk(domain, machine, disk)
		})
	}))
}

func attachDisk(domain *virt.Domain, machine id.VM, disk hypervisor.Disk) error {
	sides, err := sidesOf(domain)
	if err != nil {
		return err
	}
	for _, each := range sides {
		if there, found := each.disk(disk.Device); found {
			if location, _ := locationOf(there.Source); location != disk.Path {
				return fault.Conflict("VM %s has another disk %s already", machine, disk.Device)
			}
			continue
		}
		if each.flag == virt.DOMAIN_DEVICE_MODIFY_LIVE {
			if err := closeOrphans(domain, disk.Volume); err != nil {
				return err
			}
		}
		if bus, _ := volume.BusOf(disk.Device); bus == volume.SCSI && !each.hasSCSI() {
			if err := plug(domain, &scsiController, each.flag); err != nil {
				return err
			}
		}
		added := pluggedDisk(disk)
		if err := plug(domain, &added, each.flag); err != nil {
			return err
		}
	}
	return noteDisks(domain, func(disks []diskNote) []diskNote {
		disks = without(disks, disk.Device)
		return append(disks, diskNote{Device: disk.Device, Volume: string(disk.Volume), Shared: disk.Shared})
	})
}

func plug(domain *virt.Domain, device interface{ Marshal() (string, error) }, flag virt.DomainDeviceModifyFlags) error {
	text, err := device.Marshal()
	if err != nil {
		return fault.Internal("a device of a VM cannot be written down").Because(err)
	}
	return domain.AttachDeviceFlags(text, flag)
}

func without(disks []diskNote, device string) []diskNote {
	return slices.DeleteFunc(disks, func(note diskNote) bool { return note.Device == device })
}

// DetachDisk unplugs a disk from the running domain and, when its guest has let go, from the one that is kept.
func (d *Driver) DetachDisk(ctx context.Context, machine id.VM, disk hypervisor.Disk) error {
	return onlyError(call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) {
		return onDomain(connection, machine, func(domain *virt.Domain) (struct{}, error) {
			return struct{}{}, detachDisk(domain, machine, disk)
		})
	}))
}

func detachDisk(domain *virt.Domain, machine id.VM, disk hypervisor.Disk) error {
	sides, err := sidesOf(domain)
	if err != nil {
		return err
	}
	for _, each := range sides {
		there, found := each.disk(disk.Device)
		if !found {
			continue
		}
		text, err := there.Marshal()
		if err != nil {
			return fault.Internal("a device of a VM cannot be written down").Because(err)
		}
		err = domain.DetachDeviceFlags(text, each.flag)
		if each.flag == virt.DOMAIN_DEVICE_MODIFY_LIVE {
			err = hasLetGo(domain, machine, disk.Device, err)
		}
		if err != nil {
			return err
		}
	}
	if sides[0].flag == virt.DOMAIN_DEVICE_MODIFY_LIVE {
		if err := closeOrphans(domain, disk.Volume); err != nil {
			return err
		}
	}
	return noteDisks(domain, func(disks []diskNote) []diskNote { return without(disks, disk.Device) })
}

// hasLetGo says whether the disk is gone: libvirt waits some seconds for the guest and then reports success all the same, and
// QEMU refuses to ask again while the guest still thinks about it.
func hasLetGo(domain *virt.Domain, machine id.VM, device string, asked error) error {
	sides, err := sidesOf(domain)
	if err != nil {
		return err
	}
	if _, still := sides[0].disk(device); still && sides[0].flag == virt.DOMAIN_DEVICE_MODIFY_LIVE {
		return fault.Unavailable("the guest of VM %s has not let go of disk %s: it may be starting, or have the disk mounted", machine, device).Because(asked)
	}
	return nil
}
