package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// power is the state of the operations that switch a VM on, off or to and fro.
type power struct {
	seat
	request operation.PowerRequest
}

func (p *power) readVM(ctx workflow.Context) error { return p.read(ctx, p.request.VM) }

// Start switches a VM on where its disk is, or leaves it off.
func Start(ctx workflow.Context, task Task[operation.PowerRequest]) error {
	return perform(ctx, task.header(), startSteps, &power{request: task.Request}, (*power).runs)
}

func (p *power) runs() any { return p.resultIn(vm.Running) }

var startSteps = []step[power]{
	{name: "read", title: "Read the VM from the inventory", do: (*power).readVM, undo: (*power).recordSeen, undoes: undoesPower},
	{name: "connect_network", title: "Connect the network", do: (*power).connect},
	{name: "define", title: "Define the VM on the host", do: (*power).define},
	{name: "start", title: "Start the VM", do: (*power).powerOn, undo: (*power).powerOff, undoes: "Switch it off again"},
	{name: "await_guest", title: "Wait for the guest to answer", do: (*power).awaitGuest},
	{name: "commit", title: "Check that it runs and record it", do: (*power).commitRunning},
}
