package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/vm"
)

// guestPatience is how long a starting guest may take until its agent answers. A guest without an agent is not a failed
// one, so the wait ends in a note and not in an undo.
const guestPatience = 2 * time.Minute

// seat is a VM's place on one host: what operations that make, start or move a VM have in common.
type seat struct {
	at      id.Host
	machine control.Machine
	cards   []hypervisor.BridgedCard
	guest   host.GuestAnswer
}

func (s *seat) on() host.On { return host.On{Host: s.at} }

// read looks the VM up in the inventory and sits down on the host it is on.
func (s *seat) read(ctx workflow.Context, machine id.VM) (err error) {
	s.machine, err = atControl[control.Machine](ctx, toControl.ReadVM, machine)
	s.at = s.machine.VM.Host
	return err
}

func (s *seat) fetchImages(ctx workflow.Context) error {
	for _, each := range s.machine.Volumes {
		image, based := s.machine.ImageOf(each)
		if !based {
			continue
		}
		request := host.ImageRequest{On: s.on(), Pool: each.Pool, Image: image}
		if _, err := atHost[struct{}](ctx, s.at, toHost.FetchImage, request); err != nil {
			return err
		}
	}
	return nil
}

// hasNoImage is true once the VM is known to stand on no image; a dry run knows nothing yet and shows the step.
func (s *seat) hasNoImage() bool {
	if len(s.machine.Volumes) == 0 {
		return false
	}
	for _, each := range s.machine.Volumes {
		if each.Image != "" {
			return false
		}
	}
	return true
}

func (s *seat) createVolumes(ctx workflow.Context) error {
	for _, each := range s.machine.Volumes {
		request := host.VolumeRequest{On: s.on(), Pool: each.Pool, Spec: storage.VolumeSpec{
			Volume: each.ID, SizeBytes: each.SizeBytes, Format: each.Format, Base: each.Image,
		}}
		if _, err := atHost[storage.Volume](ctx, s.at, toHost.CreateVolume, request); err != nil {
			return err
		}
	}
	return nil
}

func (s *seat) deleteVolumes(ctx workflow.Context) error {
	for _, each := range s.machine.Volumes {
		request := host.VolumeRequest{On: s.on(), Pool: each.Pool, Spec: storage.VolumeSpec{Volume: each.ID}}
		if _, err := atHost[struct{}](ctx, s.at, toHost.DeleteVolume, request); err != nil {
			return err
		}
	}
	return nil
}

// dropCheckpoints makes the next backup a full one: the disks are about to be others than those that checkpoints follow.
func (s *seat) dropCheckpoints(ctx workflow.Context) error {
	if _, err := atControl[struct{}](ctx, toControl.ForgetCheckpoints, s.machine.VM.ID); err != nil {
		return err
	}
	_, err := atHost[struct{}](ctx, s.at, toHost.KeepCheckpoint, host.CheckpointRequest{On: s.on(), VM: s.machine.VM.ID})
	return err
}

func (s *seat) connect(ctx workflow.Context) (err error) {
	request := host.NetworkRequest{On: s.on(), VM: s.machine.VM.ID, Ports: s.machine.Ports}
	s.cards, err = atHost[[]hypervisor.BridgedCard](ctx, s.at, toHost.ConnectNetwork, request)
	return err
}

func (s *seat) disconnect(ctx workflow.Context) error {
	request := host.NetworkRequest{On: s.on(), VM: s.machine.VM.ID, Ports: s.machine.Ports}
	_, err := atHost[struct{}](ctx, s.at, toHost.DisconnectNetwork, request)
	return err
}

func (s *seat) define(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, s.at, toHost.Define, host.DefineRequest{
		On: s.on(), VM: s.machine.VM.ID, Name: s.machine.VM.Name, Spec: s.machine.VM.Spec, Volumes: s.machine.Volumes, Cards: s.cards,
		Seed: s.machine.VM.CloudInit != "",
	})
	return err
}

func (s *seat) undefine(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, s.at, toHost.Undefine, host.MachineRequest{On: s.on(), VM: s.machine.VM.ID})
	return err
}

func (s *seat) setPower(ctx workflow.Context, power hypervisor.Power) error {
	_, err := atHost[host.Observation](ctx, s.at, toHost.SetPower, host.PowerRequest{On: s.on(), VM: s.machine.VM.ID, Power: power})
	return err
}

func (s *seat) powerOn(ctx workflow.Context) error  { return s.setPower(ctx, hypervisor.On) }
func (s *seat) powerOff(ctx workflow.Context) error { return s.setPower(ctx, hypervisor.Off) }
func (s *seat) suspend(ctx workflow.Context) error  { return s.setPower(ctx, hypervisor.Suspended) }

// shutdown asks the guest to go and leaves the power alone; powerOff comes after it.
func (s *seat) shutdown(ctx workflow.Context, grace time.Duration) error {
	_, err := atHost[host.Observation](ctx, s.at, toHost.Shutdown, host.ShutdownRequest{On: s.on(), VM: s.machine.VM.ID, Grace: grace})
	return err
}

func (s *seat) awaitGuest(ctx workflow.Context) error { return s.awaitGuestOr(ctx, false) }

func (s *seat) awaitGuestOr(ctx workflow.Context, tellOff bool) (err error) {
	s.guest, err = atHost[host.GuestAnswer](ctx, s.at, toHost.AwaitGuest, host.AwaitGuestRequest{
		On: s.on(), VM: s.machine.VM.ID, Patience: guestPatience, TellOff: tellOff,
	})
	return err
}

// startsAgain is how often a VM that goes off while its guest starts is started again, as after a power cut of its host.
const startsAgain = 3

// awaitSetBack waits for a guest that there is no way back from. A power cut takes the ports too.
func (s *seat) awaitSetBack(ctx workflow.Context) error {
	for again := 0; ; again++ {
		if err := s.awaitGuestOr(ctx, again < startsAgain); err != nil || !s.guest.Off {
			return err
		}
		if err := s.connect(ctx); err != nil {
			return err
		}
		if err := s.powerOn(ctx); err != nil {
			return err
		}
	}
}

func (s *seat) inspect(ctx workflow.Context) (host.Observation, error) {
	return atHost[host.Observation](ctx, s.at, toHost.Inspect, host.MachineRequest{On: s.on(), VM: s.machine.VM.ID})
}

// commit checks that the VM is in the wanted state and records it.
func (s *seat) commit(ctx workflow.Context, wanted vm.State) error {
	seen, err := s.inspect(ctx)
	if err != nil {
		return err
	}
	if state := seen.State(); state != wanted {
		return refuse(fault.Conflict("VM %s should be %s now and is %s; look at its console and at the events of its host", s.machine.VM.Name, wanted, state))
	}
	return s.recordState(ctx, wanted)
}

func (s *seat) commitRunning(ctx workflow.Context) error { return s.commit(ctx, vm.Running) }

// commitStopped accepts a VM that stopped in whatever way: it was asked to.
func (s *seat) commitStopped(ctx workflow.Context) error {
	seen, err := s.inspect(ctx)
	if err != nil {
		return err
	}
	if seen.Runs() {
		return s.commit(ctx, vm.Stopped)
	}
	return s.recordState(ctx, vm.Stopped)
}

func (s *seat) recordState(ctx workflow.Context, state vm.State) error {
	_, err := atControl[struct{}](ctx, toControl.CommitVM, control.Commit{
		Operation: runOf(ctx).operation, VM: s.machine.VM.ID, Host: s.at, State: state,
	})
	return err
}

// recordSeen is the undo of every change of power: nothing is forced back; what the host sees becomes the record.
func (s *seat) recordSeen(ctx workflow.Context) error {
	if s.at == "" {
		return nil
	}
	seen, err := s.inspect(ctx)
	if err != nil {
		return err
	}
	return s.recordState(ctx, seen.State())
}

const undoesPower = "Record what the host says of the VM"

func (s *seat) domainLeak() operation.Leak {
	return operation.Leak{Kind: "domain", ID: string(s.machine.VM.ID), Host: s.at}
}

func (s *seat) portLeak() operation.Leak {
	return operation.Leak{Kind: "port", ID: string(s.machine.VM.ID), Host: s.at}
}

func (s *seat) volumeLeak() operation.Leak {
	leak := operation.Leak{Kind: "volume", Host: s.at}
	if len(s.machine.Volumes) > 0 {
		leak.ID = string(s.machine.Volumes[0].ID)
	}
	return leak
}
