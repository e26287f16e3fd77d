package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// Pause stops a VM's CPUs and keeps its memory.
func Pause(ctx workflow.Context, task Task[operation.PowerRequest]) error {
	return perform(ctx, task.header(), pauseSteps, &power{request: task.Request}, (*power).isPaused)
}

func (p *power) isPaused() any { return p.resultIn(vm.Paused) }

var pauseSteps = []step[power]{
	{name: "read", title: "Read the VM from the inventory", do: (*power).readVM, undo: (*power).recordSeen, undoes: undoesPower},
	{name: "pause", title: "Stop its CPUs", do: (*power).suspend},
	{name: "commit", title: "Check that it stands still and record it", do: (*power).commitPaused},
}

func (p *power) commitPaused(ctx workflow.Context) error { return p.commit(ctx, vm.Paused) }
