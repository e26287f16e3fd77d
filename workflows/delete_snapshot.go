package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
)

// DeleteSnapshot forgets a snapshot of a VM's disks, while the VM goes on or while it is off. The disks, and other snapshots,
// stay as they are.
func DeleteSnapshot(ctx workflow.Context, task Task[operation.SnapshotRequest]) error {
	return perform(ctx, task.header(), deleteSnapshotSteps, &keeping{request: task.Request}, (*keeping).result)
}

var deleteSnapshotSteps = []step[keeping]{
	{name: "read", title: "Read the VM and its disks", do: (*keeping).read},
	{name: "drop", title: "Give back what only the snapshot needed", do: (*keeping).drop, noReturn: true, leak: (*keeping).leak},
	{name: "forget", title: "Remove it from the inventory; what was taken after it stays", do: (*keeping).forget},
}
