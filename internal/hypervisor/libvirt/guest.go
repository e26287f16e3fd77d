//go:build cgo

package libvirt

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// Guests answer within seconds or not at all; freezing waits for their disks.
const (
	agentSeconds       = 5
	agentFreezeSeconds = 30
	runPollEvery       = 20 * time.Millisecond
	frozenStatus       = "frozen"
)

// Shutdown presses the power button and tells the agent too, as a guest may listen to only one of them.
func (d *Driver) Shutdown(ctx context.Context, vm id.VM) error {
	return run(ctx, d.agents, func(connection *virt.Connect) error {
		return onlyError(onDomain(connection, vm, func(domain *virt.Domain) (struct{}, error) {
			active, err := domain.IsActive()
			if err != nil || !active {
				return struct{}{}, err
			}
			// Nobody answers this command: a guest that obeys is gone.
			_, _ = domain.QemuAgentCommand(`{"execute":"guest-shutdown","arguments":{"mode":"powerdown"}}`, virt.DOMAIN_QEMU_AGENT_COMMAND_NOWAIT, 0)
			err = domain.ShutdownFlags(virt.DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
			if codeOf(err) == virt.ERR_OPERATION_INVALID {
				return struct{}{}, nil // it is off already
			}
			return struct{}{}, err
		}))
	})
}

// ask sends a command to the agent and decodes what it returns.
func ask[T any](ctx context.Context, d *Driver, vm id.VM, seconds int, command string, arguments map[string]any) (T, error) {
	var reply struct {
		Return T `json:"return"`
	}
	text, err := json.Marshal(struct {
		Execute   string         `json:"execute"`
		Arguments map[string]any `json:"arguments,omitempty"`
	}{command, arguments})
	if err != nil {
		return reply.Return, fault.Internal("the command %s for the agent of VM %s cannot be written", command, vm).Because(err)
	}
	answer, err := call(ctx, d.agents, func(connection *virt.Connect) (string, error) {
		return onDomain(connection, vm, func(domain *virt.Domain) (string, error) {
			answer, err := domain.QemuAgentCommand(string(text), virt.DomainQemuAgentCommandTimeout(seconds), 0)
			return answer, agentFault(domain, vm, err)
		})
	})
	if err != nil {
		return reply.Return, err
	}
	if err := json.Unmarshal([]byte(answer), &reply); err != nil {
		return reply.Return, fault.Unavailable("the agent in VM %s answers nonsense", vm).Because(err)
	}
	return reply.Return, nil
}

func agentFault(domain *virt.Domain, vm id.VM, err error) error {
	switch codeOf(err) {
	case virt.ERR_AGENT_UNRESPONSIVE, virt.ERR_AGENT_COMMAND_TIMEOUT, virt.ERR_AGENT_UNSYNCED, virt.ERR_ARGUMENT_UNSUPPORTED:
		return fault.Unavailable("the agent in VM %s does not answer", vm).Because(err)
	case virt.ERR_OPERATION_INVALID:
		if active, asked := domain.IsActive(); asked == nil && active {
			return fault.Unavailable("VM %s is paused, so the agent in it does not answer", vm).Because(err)
		}
		return fault.Conflict("VM %s is off; start it first", vm).Because(err)
	}
	if err != nil && strings.Contains(err.Error(), "guest agent is not connected") {
		return fault.Unavailable("the agent in VM %s does not answer", vm).Because(err)
	}
	return err
}

// GuestInfo asks for the guest's name and its addresses, the loopback's left out.
func (d *Driver) GuestInfo(ctx context.Context, vm id.VM) (hypervisor.GuestInfo, error) {
	name, err := ask[struct {
		Name string `json:"host-name"`
	}](ctx, d, vm, agentSeconds, "guest-get-host-name", nil)
	if err != nil {
		return hypervisor.GuestInfo{}, err
	}
	cards, err := ask[[]struct {
		Addresses []struct {
			Address string `json:"ip-address"`
		} `json:"ip-addresses"`
	}](ctx, d, vm, agentSeconds, "guest-network-get-interfaces", nil)
	if err != nil {
		return hypervisor.GuestInfo{}, err
	}
	info := hypervisor.GuestInfo{Hostname: name.Name}
	for _, card := range cards {
		for _, found := range card.Addresses {
			if address, err := netip.ParseAddr(found.Address); err == nil && !address.IsLoopback() {
				info.Addresses = append(info.Addresses, address)
			}
		}
	}
	return info, nil
}

// Freeze freezes the guest's file systems. A guest that this process froze answers with the same number again; one that
// another process froze, with 0, as agents do not tell.
func (d *Driver) Freeze(ctx context.Context, vm id.VM) (int, error) {
	status, err := ask[string](ctx, d, vm, agentSeconds, "guest-fsfreeze-status", nil)
	if err != nil {
		return 0, err
	}
	if status == frozenStatus {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		return d.frozen[vm], nil
	}
	count, err := ask[int](ctx, d, vm, agentFreezeSeconds, "guest-fsfreeze-freeze", nil)
	if err != nil {
		return 0, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.frozen[vm] = count
	return count, nil
}

// Thaw ends a freeze, whoever began it. A VM that is off is not frozen.
func (d *Driver) Thaw(ctx context.Context, vm id.VM) error {
	_, err := ask[int](ctx, d, vm, agentFreezeSeconds, "guest-fsfreeze-thaw", nil)
	if err != nil && !fault.Is(err, fault.KindConflict) {
		return err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.frozen, vm)
	return nil
}

// Run executes a program in the guest until it ends or ctx does; in the latter case the program goes on.
func (d *Driver) Run(ctx context.Context, vm id.VM, program string, args ...string) (hypervisor.RunResult, error) {
	if args == nil {
		args = []string{}
	}
	started, err := ask[struct {
		PID int `json:"pid"`
	}](ctx, d, vm, agentSeconds, "guest-exec", map[string]any{"path": program, "arg": args, "capture-output": true})
	if err != nil {
		return hypervisor.RunResult{}, err
	}
	for {
		status, err := ask[struct {
			Exited bool   `json:"exited"`
			Code   int    `json:"exitcode"`
			Signal int    `json:"signal"`
			Out    string `json:"out-data"`
			Err    string `json:"err-data"`
		}](ctx, d, vm, agentSeconds, "guest-exec-status", map[string]any{"pid": started.PID})
		if err != nil {
			return hypervisor.RunResult{}, err
		}
		if status.Exited {
			output, err := decodeOutput(status.Out, status.Err)
			if err != nil {
				return hypervisor.RunResult{}, fault.Unavailable("the agent in VM %s answers nonsense", vm).Because(err)
			}
			code := status.Code
			if status.Signal != 0 {
				code = 128 + status.Signal // as a shell counts it
			}
			return hypervisor.RunResult{ExitCode: code, Output: output}, nil
		}
		select {
		case <-ctx.Done():
			return hypervisor.RunResult{}, fault.Unavailable("the program %s in VM %s has not ended in time", program, vm).Because(ctx.Err())
		case <-time.After(runPollEvery):
		}
	}
}

func decodeOutput(parts ...string) (string, error) {
	var output strings.Builder
	for _, part := range parts {
		text, err := base64.StdEncoding.DecodeString(part)
		if err != nil {
			return "", err
		}
		output.Write(text)
	}
	return output.String(), nil
}
