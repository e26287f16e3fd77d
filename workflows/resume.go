package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
)

// Resume lets a paused VM's CPUs run on.
func Resume(ctx workflow.Context, task Task[operation.PowerRequest]) error {
	return perform(ctx, task.header(), resumeSteps, &power{request: task.Request}, (*power).runs)
}

var resumeSteps = []step[power]{
	{name: "read", title: "Read the VM from the inventory", do: (*power).readVM, undo: (*power).recordSeen, undoes: undoesPower},
	{name: "resume", title: "Let its CPUs run on", do: (*power).powerOn},
	{name: "commit", title: "Check that it runs and record it", do: (*power).commitRunning},
}
