package fake

import (
	"context"
	"net/netip"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// guestState is the system inside a VM; it moves with the VM.
type guestState struct {
	silent    bool
	stubborn  bool
	addresses []netip.Addr
	program   func(program string, args []string) hypervisor.RunResult
	consoles  int
}

// SilenceAgent makes the guest's agent stop answering, or answer again.
func (h *Host) SilenceAgent(vm id.VM, silent bool) {
	h.onGuest(vm, func(g *guestState) { g.silent = silent })
}

// IgnoreShutdown makes the guest ignore polite requests to switch itself off.
func (h *Host) IgnoreShutdown(vm id.VM, ignores bool) {
	h.onGuest(vm, func(g *guestState) { g.stubborn = ignores })
}

// SetAddresses sets the addresses that the guest reports.
func (h *Host) SetAddresses(vm id.VM, addresses ...netip.Addr) {
	h.onGuest(vm, func(g *guestState) { g.addresses = addresses })
}

// OnRun sets what programs in the guest answer; without it each ends with 0 and no output.
func (h *Host) OnRun(vm id.VM, program func(program string, args []string) hypervisor.RunResult) {
	h.onGuest(vm, func(g *guestState) { g.program = program })
}

func (h *Host) onGuest(vm id.VM, change func(*guestState)) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	if m, found := h.node.machines[vm]; found {
		change(&m.guest)
	}
}

// Shutdown switches the VM off, unless its guest ignores the request.
func (h *Host) Shutdown(ctx context.Context, vm id.VM) error {
	return h.do(ctx, "Shutdown", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		if m.power == hypervisor.On && !m.guest.stubborn {
			m.crashed = false
			h.cluster.stop(h.node, vm, m, false)
		}
		return nil
	})
}

// GuestInfo answers with the VM's name.
func (h *Host) GuestInfo(ctx context.Context, vm id.VM) (hypervisor.GuestInfo, error) {
	var info hypervisor.GuestInfo
	err := h.do(ctx, "GuestInfo", func() error {
		m, err := h.findAgent(vm)
		if err != nil {
			return err
		}
		info = hypervisor.GuestInfo{Hostname: m.definition.Name, Addresses: m.guest.addresses}
		return nil
	})
	return info, err
}

// Freeze freezes as many file systems as the VM has disks.
func (h *Host) Freeze(ctx context.Context, vm id.VM) (int, error) {
	var frozen int
	err := h.do(ctx, "Freeze", func() error {
		m, err := h.findAgent(vm)
		if err != nil {
			return err
		}
		m.frozen = true
		frozen = len(m.definition.Disks)
		return nil
	})
	return frozen, err
}

// Thaw ends a freeze. A VM that is off is not frozen.
func (h *Host) Thaw(ctx context.Context, vm id.VM) error {
	return h.do(ctx, "Thaw", func() error {
		m, err := h.findAgent(vm)
		if fault.Is(err, fault.KindConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		m.frozen = false
		return nil
	})
}

// Run asks the function given to OnRun.
func (h *Host) Run(ctx context.Context, vm id.VM, program string, args ...string) (hypervisor.RunResult, error) {
	var result hypervisor.RunResult
	err := h.do(ctx, "Run", func() error {
		m, err := h.findAgent(vm)
		if err != nil {
			return err
		}
		if m.guest.program != nil {
			result = m.guest.program(program, args)
		}
		return nil
	})
	return result, err
}

func (h *Host) findAgent(vm id.VM) (*machine, error) {
	m, err := h.findRunning(vm)
	if err != nil {
		return nil, err
	}
	if m.guest.silent || m.power == hypervisor.Suspended {
		return nil, fault.Unavailable("the agent in VM %s does not answer", m.definition.Name)
	}
	return m, nil
}
