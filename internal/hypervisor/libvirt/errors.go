//go:build cgo

package libvirt

import (
	"errors"
	"strings"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

func codeOf(err error) virt.ErrorNumber {
	if found, ok := errors.AsType[virt.Error](err); ok {
		return found.Code
	}
	return virt.ERR_OK
}

// isConnectionLost tells a broken connection to the daemon from a refusal by it.
func isConnectionLost(err error) bool {
	found, ok := errors.AsType[virt.Error](err)
	if !ok {
		return false
	}
	switch found.Code {
	case virt.ERR_INVALID_CONN, virt.ERR_NO_CONNECT, virt.ERR_RPC:
		return true
	case virt.ERR_SYSTEM_ERROR, virt.ERR_INTERNAL_ERROR:
		return found.Domain == virt.FROM_RPC || found.Domain == virt.FROM_REMOTE || strings.Contains(found.Message, "client socket is closed")
	}
	return false
}

// isJobLost tells the state of a domain whose backup was about to begin when the daemon was killed: the daemon remembers that
// there is a job, and not which. These are the words of qemuBackupGetJobInfoStats in libvirt's src/qemu/qemu_backup.c; an abort
// does not end it, and only the end of the domain's process does. For an instant every backup that begins looks the same.
func isJobLost(err error) bool {
	found, ok := errors.AsType[virt.Error](err)
	return ok && found.Code == virt.ERR_INTERNAL_ERROR && strings.Contains(found.Message, "backup job data missing")
}

// busy refuses a job because of another one.
func busy(vm id.VM, job hypervisor.Job) error {
	if job == hypervisor.LostJob {
		return fault.Conflict("libvirt was killed as it began to export the disks of VM %s, and does nothing like that until the VM has been off: stop it and start it, "+
			"and ask again", vm)
	}
	return fault.Conflict("VM %s is busy with another job (%s); wait for it", vm, job)
}

// translate makes a fault of what libvirt says; faults and nil pass.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	found, ok := errors.AsType[virt.Error](err)
	if !ok {
		return fault.Internal("the hypervisor's driver failed").Because(err)
	}
	if isConnectionLost(err) {
		return away(err)
	}
	switch found.Code {
	case virt.ERR_NO_DOMAIN:
		return fault.NotFound("the VM is not defined on this host").Because(err)
	case virt.ERR_OPERATION_INVALID, virt.ERR_RESOURCE_BUSY, virt.ERR_DOM_EXIST:
		return fault.Conflict("the hypervisor refuses that in the VM's present state: %s", found.Message).Because(err)
	case virt.ERR_OPERATION_TIMEOUT, virt.ERR_AGENT_UNRESPONSIVE, virt.ERR_AGENT_COMMAND_TIMEOUT, virt.ERR_AGENT_UNSYNCED:
		return fault.Unavailable("the VM does not answer now: %s", found.Message).Because(err)
	}
	if strings.Contains(found.Message, "monitor") { // QEMU went away while libvirt was talking to it
		return fault.Unavailable("the VM's process does not answer; look again in a moment").Because(err)
	}
	return fault.Internal("the hypervisor failed: %s", found.Message).Because(err)
}

// cannotStart explains a start that QEMU refused; what it says of images and locks is for people to act on.
func cannotStart(vm id.VM, err error) error {
	found, ok := errors.AsType[virt.Error](err)
	switch {
	case !ok || isConnectionLost(err):
		return err
	case strings.Contains(found.Message, "lock"):
		return fault.Conflict("VM %s cannot start: another process has its disk open, perhaps on another host", vm).Because(err)
	case strings.Contains(found.Message, "Cannot allocate memory"):
		return fault.Exhausted("VM %s cannot start: the host has not enough memory left", vm).Because(err)
	default:
		return fault.Internal("VM %s cannot start: %s", vm, lastLine(found.Message)).Because(err)
	}
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// migrationFault explains why a migration did not begin.
func migrationFault(vm id.VM, err error) error {
	switch {
	case err == nil:
		return nil
	case isConnectionLost(err), codeOf(err) == virt.ERR_SYSTEM_ERROR:
		return fault.Unavailable("the migration of VM %s did not begin: %s", vm, explain(err)).Because(err)
	}
	return translate(err)
}

// explain says in a sentence what libvirt said.
func explain(err error) string {
	if found, ok := errors.AsType[virt.Error](err); ok {
		switch {
		case found.Code == virt.ERR_OPERATION_ABORTED:
			return "the migration was aborted"
		case strings.Contains(found.Message, "client socket is closed"):
			return "the target's libvirt daemon went away"
		}
		return lastLine(found.Message)
	}
	return err.Error()
}
