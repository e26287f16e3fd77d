package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// Provision makes a VM from an image and leaves it running, or leaves nothing.
func Provision(ctx workflow.Context, task Task[operation.ProvisionRequest]) error {
	return perform(ctx, task.header(), provisionSteps, &provision{request: task.Request}, (*provision).result)
}

type provision struct {
	seat
	request operation.ProvisionRequest
}

var provisionSteps = []step[provision]{
	{
		name: "place", title: "Choose a host and a pool",
		do: (*provision).place, undo: (*provision).forget, undoes: "Remove the VM from the inventory, which frees its name and address",
	},
	{name: "fetch_image", title: "Bring the image to the host", do: (*provision).fetchImages},
	{
		name: "create_disk", title: "Create the disk on top of the image",
		do: (*provision).createVolumes, undo: (*provision).deleteVolumes, undoes: "Delete the disk", leak: (*provision).volumeLeak,
	},
	{
		name: "connect_network", title: "Connect the network",
		do: (*provision).connect, undo: (*provision).disconnect, undoes: "Disconnect the network", leak: (*provision).portLeak,
	},
	{
		name: "define", title: "Define the VM on the host",
		do: (*provision).define, undo: (*provision).undefine, undoes: "Switch the VM off and undefine it", leak: (*provision).domainLeak,
	},
	{name: "start", title: "Start the VM", do: (*provision).powerOn},
	{name: "await_guest", title: "Wait for the guest to answer", do: (*provision).awaitGuest},
	{name: "commit", title: "Check that it runs and record it", do: (*provision).commitRunning},
}

func (p *provision) place(ctx workflow.Context) error {
	placed, err := atControl[control.Placed](ctx, toControl.Place, control.PlaceRequest{
		VM: p.request.VM, Host: p.request.Host, Pool: p.request.Pool,
	})
	if err != nil {
		return err
	}
	p.at, p.machine = placed.Host, placed.Machine
	return nil
}

func (p *provision) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetVM, p.request.VM)
	return err
}

// MachineResult is what operations that leave a VM running report.
type MachineResult struct {
	VM    id.VM            `json:"vm_id"`
	Host  id.Host          `json:"host_id"`
	State vm.State         `json:"state"`
	MAC   string           `json:"mac,omitempty"`
	IP    string           `json:"ip,omitempty"`
	Guest host.GuestAnswer `json:"guest"`
}

func (s *seat) resultIn(state vm.State) MachineResult {
	result := MachineResult{VM: s.machine.VM.ID, Host: s.at, State: state, Guest: s.guest}
	for _, plan := range s.machine.Ports {
		result.MAC, result.IP = plan.Port.MAC, plan.Port.IP.String()
	}
	return result
}

func (p *provision) result() any { return p.resultIn(vm.Running) }
