package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/volume"
)

// Delete removes a VM with its disks, ports, addresses and schedules. Its backups stay.
func Delete(ctx workflow.Context, task Task[operation.DeleteRequest]) error {
	return perform(ctx, task.header(), deleteSteps, &deletion{request: task.Request}, (*deletion).result)
}

type deletion struct {
	seat
	request operation.DeleteRequest
}

// DeleteResult is what a deletion leaves: the name of what was there.
type DeleteResult struct {
	VM   id.VM  `json:"vm_id"`
	Name string `json:"name"`
}

func (d *deletion) result() any { return DeleteResult{VM: d.machine.VM.ID, Name: d.machine.VM.Name} }

var deleteSteps = []step[deletion]{
	{name: "read", title: "Read the VM from the inventory", do: (*deletion).readVM},
	// A deletion that has begun is finished, however long a host is away: half a VM is of no use to anyone.
	{name: "end_schedules", title: "Remove its backup schedules", do: (*deletion).endSchedules, noReturn: true},
	{name: "undefine", title: "Switch it off and undefine it", do: (*deletion).undefine},
	{name: "disconnect_network", title: "Disconnect the network", do: (*deletion).disconnect},
	{name: "delete_disks", title: "Delete its disks, but for volumes with a name", do: (*deletion).deleteOwn},
	{name: "forget", title: "Remove it from the inventory, which frees its name and address", do: (*deletion).forget},
}

func (d *deletion) readVM(ctx workflow.Context) error { return d.read(ctx, d.request.VM) }

func (d *deletion) endSchedules(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.EndSchedules, d.request.VM)
	if err != nil {
		return err
	}
	_, err = atControl[struct{}](ctx, toControl.MarkDeleting, control.Commit{Operation: runOf(ctx).operation, VM: d.request.VM})
	return err
}

// deleteOwn leaves the volumes that have a life of their own; forgetting the VM detaches them.
func (d *deletion) deleteOwn(ctx workflow.Context) error {
	d.machine.Volumes = slices.DeleteFunc(slices.Clone(d.machine.Volumes), func(each volume.Volume) bool { return each.Name != "" })
	return d.deleteVolumes(ctx)
}

func (d *deletion) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetVM, d.request.VM)
	return err
}
