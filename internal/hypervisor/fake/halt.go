package fake

import (
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// Halt makes the hypervisor stop a running VM, as for want of room.
func (h *Host) Halt(machine id.VM, why vm.Halt) error {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	m, err := h.findRunning(machine)
	if err == nil {
		h.node.setPower(machine, m, hypervisor.Suspended)
		m.halted = why
	}
	return err
}
