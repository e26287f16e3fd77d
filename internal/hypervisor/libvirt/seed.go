//go:build cgo

package libvirt

import "libvirt.org/go/libvirtxml"

// seedDevice is the kind of drive that a seed is in. Only seeds are.
const seedDevice = "cdrom"

// seedDisk is a seed as a domain has it: a CD-ROM, which takes no letter from the guest's disks, on the SCSI bus, whose driver
// also slim kernels have that are made for clouds. Its name and its place on the bus are none that a volume can have.
func seedDisk(path string) libvirtxml.DomainDisk {
	controller, bus, target, unit := uint(0), uint(0), uint(1), uint(0)
	return libvirtxml.DomainDisk{
		Device: seedDevice, Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "raw"},
		Source: &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: path}},
		Target: &libvirtxml.DomainDiskTarget{Dev: "sdaa", Bus: "scsi"}, ReadOnly: &libvirtxml.DomainDiskReadOnly{},
		Address: &libvirtxml.DomainAddress{Drive: &libvirtxml.DomainAddressDrive{Controller: &controller, Bus: &bus, Target: &target, Unit: &unit}},
	}
}
