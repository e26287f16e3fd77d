package host

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// NetworkRequest plugs a VM into its networks, or unplugs it.
type NetworkRequest struct {
	On
	VM    id.VM             `json:"vm_id"`
	Ports []fabric.PortPlan `json:"ports"`
}

// ConnectNetwork makes a VM's networks and ports exist here and returns the cards to define.
func (a *Activities) ConnectNetwork(ctx context.Context, in NetworkRequest) ([]hypervisor.BridgedCard, error) {
	release, err := a.turn(ctx, in.On, "net/"+string(in.VM))
	if err != nil {
		return nil, err
	}
	defer release()
	cards := make([]hypervisor.BridgedCard, 0, len(in.Ports))
	for _, plan := range in.Ports {
		if err := a.Fabric.EnsureNetwork(ctx, plan.Network); err != nil {
			return nil, err
		}
		if err := a.removeStalePort(ctx, plan.Port); err != nil {
			return nil, err
		}
		attachment, err := a.Fabric.EnsurePort(ctx, plan.Port)
		if err != nil {
			return nil, err
		}
		cards = append(cards, hypervisor.BridgedCard{MAC: plan.Port.MAC, Bridge: attachment.Bridge, MTU: attachment.MTU})
	}
	return cards, nil
}

// removeStalePort takes away a port with the same address whose VM is not on this host. The inventory gives an address to
// one VM at a time, so that port was left behind by something that was given up.
func (a *Activities) removeStalePort(ctx context.Context, wanted fabric.Port) error {
	ports, err := a.Fabric.Ports(ctx)
	if err != nil {
		return err
	}
	for _, each := range ports {
		if each.VM == wanted.VM || each.Network != wanted.Network || each.IP != wanted.IP {
			continue
		}
		_, err := a.Hypervisor.Inspect(ctx, each.VM)
		if fault.Is(err, fault.KindNotFound) {
			err = a.Fabric.RemovePort(ctx, each.VM, each.Network)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DisconnectNetwork takes a VM's ports away; networks stay for others.
func (a *Activities) DisconnectNetwork(ctx context.Context, in NetworkRequest) error {
	release, err := a.turn(ctx, in.On, "net/"+string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	for _, plan := range in.Ports {
		if err := a.Fabric.RemovePort(ctx, in.VM, plan.Network.Network); err != nil {
			return err
		}
	}
	return nil
}

// DefineRequest records a VM with the hypervisor.
type DefineRequest struct {
	On
	VM      id.VM                    `json:"vm_id"`
	Name    string                   `json:"name"`
	Spec    vm.Spec                  `json:"spec"`
	Volumes []volume.Volume          `json:"volumes"`
	Cards   []hypervisor.BridgedCard `json:"cards"`
	Seed    bool                     `json:"seed,omitempty"` // its guest is told something
}

// Define records a VM with the hypervisor, and makes its seed if it has one; its volumes must exist.
func (a *Activities) Define(ctx context.Context, in DefineRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	disks, err := a.disks(ctx, in.Volumes)
	if err != nil {
		return err
	}
	seed := ""
	if in.Seed {
		if seed, err = a.Seeds.Make(ctx, in.VM); err != nil {
			return err
		}
	}
	return a.Hypervisor.Define(ctx, hypervisor.Definition{
		VM: in.VM, Name: in.Name, Spec: in.Spec, Disks: disks, Interfaces: in.Cards, Seed: seed,
	})
}

func (a *Activities) disks(ctx context.Context, volumes []volume.Volume) ([]hypervisor.Disk, error) {
	disks := make([]hypervisor.Disk, 0, len(volumes))
	for _, wanted := range volumes {
		pool, err := a.Pools.Pool(wanted.Pool)
		if err != nil {
			return nil, err
		}
		found, err := pool.InspectVolume(ctx, wanted.ID)
		if err != nil {
			return nil, err
		}
		disks = append(disks, hypervisor.Disk{
			Volume: wanted.ID, Device: wanted.Device, Path: found.Path, Format: found.Format, Shared: pool.Fact(ctx).Shared,
			Limits: wanted.Limits,
		})
	}
	return disks, nil
}

// MachineRequest names a VM on a host.
type MachineRequest struct {
	On
	VM id.VM `json:"vm_id"`
}

// Undefine switches a VM off and makes the hypervisor forget it; its seed goes.
func (a *Activities) Undefine(ctx context.Context, in MachineRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	if err := a.Hypervisor.SetPower(ctx, in.VM, hypervisor.Off); err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	if err := a.Hypervisor.Undefine(ctx, in.VM); err != nil {
		return err
	}
	return a.Seeds.Remove(in.VM)
}

// PowerRequest brings a VM to a power.
type PowerRequest struct {
	On
	VM    id.VM            `json:"vm_id"`
	Power hypervisor.Power `json:"power"`
}

// SetPower brings a VM to a power at once and checks that it got there.
func (a *Activities) SetPower(ctx context.Context, in PowerRequest) (Observation, error) {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return Observation{}, err
	}
	defer release()
	if err := a.Hypervisor.SetPower(ctx, in.VM, in.Power); err != nil {
		if in.Power == hypervisor.Off && fault.Is(err, fault.KindNotFound) {
			return Observation{}, nil
		}
		return Observation{}, err
	}
	seen, err := a.observe(ctx, in.VM)
	if err != nil {
		return Observation{}, err
	}
	if seen.Machine.Power != in.Power {
		return seen, fault.Unavailable("the hypervisor was asked to bring VM %s to %q and it is %q", in.VM, in.Power, seen.Machine.Power)
	}
	return seen, nil
}

// Observation is what a host says of a VM.
type Observation struct {
	Defined bool               `json:"defined"`
	Machine hypervisor.Machine `json:"machine"`
}

// Runs reports whether the VM's CPUs are this host's to run: it is on or paused here, and not waiting for a migration.
func (o Observation) Runs() bool {
	return o.Defined && (o.Machine.Power == hypervisor.On || o.Machine.Power == hypervisor.Suspended)
}

// State is the inventory's word for what was seen.
func (o Observation) State() vm.State {
	if !o.Defined {
		return vm.Stopped
	}
	return o.Machine.State()
}

// Inspect says what this host knows of a VM; a VM that it does not know is an answer, not an error.
func (a *Activities) Inspect(ctx context.Context, in MachineRequest) (Observation, error) {
	if in.Host != a.Host {
		return Observation{}, fault.Invalid("this worker acts for host %s, not for %s", a.Host, in.Host)
	}
	return a.observe(ctx, in.VM)
}

func (a *Activities) observe(ctx context.Context, machine id.VM) (Observation, error) {
	seen, err := a.Hypervisor.Inspect(ctx, machine)
	if fault.Is(err, fault.KindNotFound) {
		return Observation{}, nil
	}
	if err != nil {
		return Observation{}, err
	}
	return Observation{Defined: true, Machine: seen}, nil
}

// ShutdownRequest asks a guest to switch itself off.
type ShutdownRequest struct {
	On
	VM    id.VM         `json:"vm_id"`
	Grace time.Duration `json:"grace_ns"`
}

// Shutdown asks the guest to switch itself off and waits for it as long as the grace allows, counted from the first
// attempt. It returns what the VM does then; the caller decides about force.
func (a *Activities) Shutdown(ctx context.Context, in ShutdownRequest) (Observation, error) {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return Observation{}, err
	}
	defer release()
	deadline := firstScheduled(ctx).Add(in.Grace)
	var asked time.Time
	for {
		seen, err := a.observe(ctx, in.VM)
		if err != nil || !seen.Runs() || !time.Now().Before(deadline) {
			return seen, err
		}
		if time.Since(asked) > askAgainAfter {
			if err := a.Hypervisor.Shutdown(ctx, in.VM); err != nil && fault.KindOf(err) != fault.KindUnavailable {
				return seen, err
			}
			asked = time.Now()
		}
		activity.RecordHeartbeat(ctx)
		if err := pause(ctx, pollEvery); err != nil {
			return seen, err
		}
	}
}

const (
	pollEvery     = 100 * time.Millisecond
	askAgainAfter = 10 * time.Second
)

// AwaitGuestRequest waits for a guest to speak.
type AwaitGuestRequest struct {
	On
	VM       id.VM         `json:"vm_id"`
	Patience time.Duration `json:"patience_ns"`
	TellOff  bool          `json:"tell_off,omitempty"` // a VM that went off is an answer
}

// GuestAnswer is what the guest said.
type GuestAnswer struct {
	Off      bool                 `json:"off,omitempty"` // the VM went off instead
	Answered bool                 `json:"answered"`
	Guest    hypervisor.GuestInfo `json:"guest"`
	Waited   time.Duration        `json:"waited_ns"`
}

// AwaitGuest waits until the guest's agent answers. A guest without an agent is no error: Answered says so. A VM that
// went off meanwhile is a Conflict, unless that is to be told.
func (a *Activities) AwaitGuest(ctx context.Context, in AwaitGuestRequest) (GuestAnswer, error) {
	began := firstScheduled(ctx)
	for {
		seen, err := a.Inspect(ctx, MachineRequest{On: in.On, VM: in.VM})
		if err != nil {
			return GuestAnswer{}, err
		}
		if seen.Machine.Power != hypervisor.On {
			if in.TellOff {
				return GuestAnswer{Off: true, Waited: time.Since(began)}, nil
			}
			return GuestAnswer{}, fault.Conflict("VM %s went off while its guest was starting; look at its console", in.VM)
		}
		info, err := a.Hypervisor.GuestInfo(ctx, in.VM)
		switch {
		case err == nil:
			return GuestAnswer{Answered: true, Guest: info, Waited: time.Since(began)}, nil
		case fault.KindOf(err) != fault.KindUnavailable:
			return GuestAnswer{}, err
		case time.Since(began) > in.Patience:
			return GuestAnswer{Waited: time.Since(began)}, nil
		}
		activity.RecordHeartbeat(ctx)
		if err := pause(ctx, pollEvery); err != nil {
			return GuestAnswer{}, err
		}
	}
}

// firstScheduled is when the first attempt of this activity was scheduled, so that time limits hold over attempts.
func firstScheduled(ctx context.Context) time.Time { return activity.GetInfo(ctx).ScheduledTime }

func pause(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
