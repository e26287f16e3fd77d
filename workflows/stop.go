package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

const defaultGrace = time.Minute

// Stop asks the guest to switch itself off, cuts the power when the grace period is over, and checks that it is off.
func Stop(ctx workflow.Context, task Task[operation.PowerRequest]) error {
	return perform(ctx, task.header(), stopSteps, &power{request: task.Request}, (*power).isOff)
}

func (p *power) isOff() any { return p.resultIn(vm.Stopped) }

var stopSteps = []step[power]{
	{name: "read", title: "Read the VM from the inventory", do: (*power).readVM, undo: (*power).recordSeen, undoes: undoesPower},
	{name: "shut_down", title: "Ask the guest to switch itself off", do: (*power).askGuest, needless: (*power).forced},
	{name: "power_off", title: "Cut the power if it is still on", do: (*power).powerOff},
	{name: "commit", title: "Check that it is off and record it", do: (*power).commitStopped},
}

func (p *power) forced() bool { return p.request.Force }

func (p *power) askGuest(ctx workflow.Context) error {
	grace := defaultGrace
	if p.request.GraceSeconds > 0 {
		grace = time.Duration(p.request.GraceSeconds) * time.Second
	}
	return p.shutdown(ctx, grace)
}
