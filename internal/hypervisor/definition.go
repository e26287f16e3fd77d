package hypervisor

import (
	"encoding/base64"
	"net"
	"path/filepath"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/volume"
)

// CheckDefinition says whether a VM can be made of it, for drivers to call first; the error is fault.Invalid.
func CheckDefinition(definition Definition) error {
	if definition.VM == "" {
		return fault.Invalid("a VM's definition needs its ID").At("vm_id")
	}
	if err := definition.Spec.Check(); err != nil {
		return err
	}
	devices := map[string]bool{}
	for _, disk := range definition.Disks {
		if devices[disk.Device] {
			return fault.Invalid("each disk needs a device name of its own; %q is not", disk.Device).At("disks")
		}
		if err := CheckDisk(disk); err != nil {
			return err
		}
		devices[disk.Device] = true
	}
	if definition.Seed != "" && !filepath.IsAbs(definition.Seed) {
		return fault.Invalid("the path of a seed must be absolute; %q is not", definition.Seed).At("seed")
	}
	for _, card := range definition.Interfaces {
		if _, err := net.ParseMAC(card.MAC); err != nil {
			return fault.Invalid("%q is not a MAC address", card.MAC).At("interfaces").Because(err)
		}
	}
	return nil
}

// CheckDisk says whether a VM can have such a disk; the error is fault.Invalid.
func CheckDisk(disk Disk) error {
	if _, known := volume.BusOf(disk.Device); !known {
		return fault.Invalid("%q is no name of a disk's device, such as vda or sda", disk.Device).At("disks")
	}
	if disk.Format != "qcow2" && disk.Format != "raw" {
		return fault.Invalid("the format of disk %s must be qcow2 or raw, not %q", disk.Device, disk.Format).At("disks")
	}
	return checkLocation(disk)
}

// checkLocation refuses a disk that is neither a file of this host nor a volume that every host can open by the network.
func checkLocation(disk Disk) error {
	if !volume.IsRBD(disk.Path) {
		if !filepath.IsAbs(disk.Path) {
			return fault.Invalid("the path of disk %s must be absolute; %q is not", disk.Device, disk.Path).At("disks")
		}
		return nil
	}
	location, err := volume.ParseRBD(disk.Path)
	switch {
	case err != nil:
		return err
	case disk.Format != "raw" || !disk.Shared:
		return fault.Invalid("disk %s is in a Ceph cluster, where disks are raw and shared", disk.Device).At("disks")
	case location.User != "" && location.Secret == "":
		return fault.Invalid("disk %s needs the UUID of the secret of user %q", disk.Device, location.User).At("disks")
	}
	for _, monitor := range location.Monitors {
		if _, _, err := net.SplitHostPort(monitor); err != nil {
			return fault.Invalid("%q is not the address of a monitor, such as 10.0.0.1:3300", monitor).At("disks").Because(err)
		}
	}
	return nil
}

// Check says whether it can be kept; the error is fault.Invalid and does not have the key.
func (s Secret) Check() error {
	if s.UUID == "" || s.User == "" {
		return fault.Invalid("a secret needs its UUID and its user").At("secret")
	}
	if _, err := base64.StdEncoding.DecodeString(s.Key); err != nil || s.Key == "" {
		return fault.Invalid("the key of Ceph's user %q is not in base64 as Ceph writes it", s.User).At("key")
	}
	return nil
}
