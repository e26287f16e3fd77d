package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
)

// DiscardVolume deletes a volume that belongs to nobody.
func DiscardVolume(ctx workflow.Context, task Task[operation.StrayRequest]) error {
	return perform(ctx, task.header(), discardVolumeSteps, &stray{request: task.Request}, (*stray).result)
}

var discardVolumeSteps = []step[stray]{
	{name: "check", title: "See that it belongs to nobody", do: (*stray).check},
	{name: "delete", title: "Delete it", do: (*stray).remove, noReturn: true, leak: (*stray).leak},
}
