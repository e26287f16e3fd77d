package volume

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// Action is something that a person can ask of a volume.
type Action string

// The actions.
const (
	Attach  Action = "attach"
	Detach  Action = "detach"
	Grow    Action = "grow" // while no VM has it
	Move    Action = "move" // likewise
	Trash   Action = "trash"
	Restore Action = "restore" // out of the trash
	Purge   Action = "purge"   // delete it for good
)

// Can says whether the action is allowed now; the error is fault.Conflict and says what to do.
func (v Volume) Can(action Action) error {
	switch {
	case v.Operation != "":
		return fault.Conflict("volume %s is busy: operation %s (%s) is working on it; wait for it or cancel it", v.Label(), v.Operation, v.OperationOf)
	case v.State == Creating || v.State == Deleting:
		return fault.Conflict("volume %s is %s; wait until that has ended", v.Label(), v.State)
	}
	switch action {
	case Detach:
		return v.canDetach()
	case Restore:
		if v.State != Trashed {
			return fault.Conflict("volume %s is not in the trash", v.Label())
		}
		return nil
	}
	switch {
	case v.VM != "" && (action == Grow || action == Move):
		return fault.Conflict("volume %s is disk %s of VM %s; %s it as that: novacron vm %s-disk %s --device %s", v.Label(), v.Device, v.VMName, action, action, v.VMName, v.Device)
	case v.VM != "" && v.Name == "":
		return fault.Conflict("volume %s is a disk of VM %s and ends with it", v.Label(), v.VMName)
	case v.VM != "":
		return fault.Conflict("volume %s is attached to VM %s; detach it first", v.Name, v.VMName)
	case v.State == Trashed && action != Purge:
		return fault.Conflict("volume %s is in the trash; take it back first", v.Name)
	}
	return nil
}

func (v Volume) canDetach() error {
	if v.VM == "" {
		return fault.Conflict("volume %s is attached to no VM", v.Label())
	}
	if v.Boots() {
		return fault.Conflict("VM %s boots from disk %s, so it stays; delete the VM, or detach another disk", v.VMName, v.Device)
	}
	return nil
}

// Boots says whether its VM boots from it.
func (v Volume) Boots() bool { return v.Device == virtio.device(0) }

// Label is what people call it: its own name, or its VM's with the device.
func (v Volume) Label() string {
	switch {
	case v.Name != "":
		return v.Name
	case v.VMName != "":
		return v.VMName + "/" + v.Device
	}
	return string(v.ID)
}

// Bus is how a disk is plugged into a VM.
type Bus string

// The buses: virtio-blk, and virtio-scsi, which has more disks and knows more commands.
const (
	Virtio Bus = "virtio"
	SCSI   Bus = "scsi"
)

// series names the devices of a bus: a prefix and a letter.
type series struct {
	bus    Bus
	prefix string
}

var (
	virtio = series{Virtio, "vd"}
	scsi   = series{SCSI, "sd"}
)

const letters = "abcdefghijklmnopqrstuvwxyz"

func (s series) device(at int) string { return s.prefix + letters[at:at+1] }

// BusOf is the bus of a device; false if it is no name of a device.
func BusOf(device string) (Bus, bool) {
	for _, each := range []series{virtio, scsi} {
		letter, found := strings.CutPrefix(device, each.prefix)
		if found && len(letter) == 1 && strings.Contains(letters, letter) {
			return each.bus, true
		}
	}
	return "", false
}

// FreeDevice is the first device of a bus that is not taken. Invalid for an unknown bus, Exhausted if all are taken.
func FreeDevice(bus Bus, taken []string) (string, error) {
	for _, each := range []series{virtio, scsi} {
		if each.bus != bus {
			continue
		}
		for at := range letters {
			if device := each.device(at); !slices.Contains(taken, device) {
				return device, nil
			}
		}
		return "", fault.Exhausted("the VM has %d disks on bus %s, which is all that fit; choose the other bus", len(letters), bus).At("bus")
	}
	return "", fault.Invalid("a disk is plugged in by virtio or scsi, not by %q", bus).At("bus")
}

// CheckReach says whether a VM on that host can have the volume; the error is fault.Conflict.
func (v Volume) CheckReach(on string, seesPool bool) error {
	switch {
	case v.Host != "" && v.HostName != on:
		return fault.Conflict("volume %s is in pool %s of host %s, and the VM is on %s: migrate the VM there first, or use a volume in a shared pool", v.Label(), v.Pool, v.HostName, on)
	case !seesPool:
		return fault.Conflict("host %s does not reach pool %s, which holds volume %s; see %s", on, v.Pool, v.Label(), fmt.Sprintf("novacron pool show %s", v.Pool))
	}
	return nil
}
