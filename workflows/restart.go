package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
)

// Restart stops a VM as Stop does and starts it again.
func Restart(ctx workflow.Context, task Task[operation.PowerRequest]) error {
	return perform(ctx, task.header(), restartSteps, &power{request: task.Request}, (*power).runs)
}

var restartSteps = []step[power]{
	{name: "read", title: "Read the VM from the inventory", do: (*power).readVM, undo: (*power).recordSeen, undoes: undoesPower},
	{name: "shut_down", title: "Ask the guest to switch itself off", do: (*power).askGuest, needless: (*power).forced},
	{name: "power_off", title: "Cut the power if it is still on", do: (*power).powerOff},
	{name: "connect_network", title: "Connect the network", do: (*power).connect},
	{name: "define", title: "Define the VM on the host", do: (*power).define},
	{name: "start", title: "Start the VM", do: (*power).powerOn},
	{name: "await_guest", title: "Wait for the guest to answer", do: (*power).awaitGuest},
	{name: "commit", title: "Check that it runs and record it", do: (*power).commitRunning},
}
