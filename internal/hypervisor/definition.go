package hypervisor

import (
	"net"
	"path/filepath"

	"github.com/novacron/novacron/internal/fault"
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
		switch {
		case disk.Device == "" || devices[disk.Device]:
			return fault.Invalid("each disk needs a device name of its own; %q is not", disk.Device).At("disks")
		case !filepath.IsAbs(disk.Path):
			return fault.Invalid("the path of disk %s must be absolute; %q is not", disk.Device, disk.Path).At("disks")
		case disk.Format != "qcow2" && disk.Format != "raw":
			return fault.Invalid("the format of disk %s must be qcow2 or raw, not %q", disk.Device, disk.Format).At("disks")
		}
		devices[disk.Device] = true
	}
	for _, card := range definition.Interfaces {
		if _, err := net.ParseMAC(card.MAC); err != nil {
			return fault.Invalid("%q is not a MAC address", card.MAC).At("interfaces").Because(err)
		}
	}
	return nil
}
