package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
)

// DeleteVolume removes a volume that belongs to no VM, with what is on it.
func DeleteVolume(ctx workflow.Context, task Task[operation.VolumeRef]) error {
	return perform(ctx, task.header(), deleteVolumeSteps, &single{request: task.Request}, (*single).result)
}

var deleteVolumeSteps = []step[single]{
	{name: "locate", title: "Find a host that reaches its pool", do: (*single).locate},
	{name: "delete", title: "Delete the volume", do: (*single).remove, noReturn: true, leak: (*single).leak},
	{name: "forget", title: "Remove it from the inventory, which frees its name", do: (*single).forget},
}
