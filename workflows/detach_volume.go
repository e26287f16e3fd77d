package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
)

// DetachVolume takes a volume from its VM, while the VM runs or while it is off. It keeps what is on it.
func DetachVolume(ctx workflow.Context, task Task[operation.DetachRequest]) error {
	return perform(ctx, task.header(), detachVolumeSteps, &detachment{request: task.Request}, (*detachment).result)
}

type detachment struct {
	seat
	request operation.DetachRequest
	plan    control.AttachPlan
}

func (d *detachment) result() any {
	return AttachResult{VM: d.request.VM, Volume: d.request.Volume, Name: d.request.Name, Device: d.plan.Volume.Device}
}

var detachVolumeSteps = []step[detachment]{
	{
		name: "read", title: "Read the VM, and give the volume its name", do: (*detachment).read,
		undo: (*detachment).unname, undoes: "Let the disk be one that ends with its VM",
	},
	{name: "drop_checkpoints", title: "Drop the checkpoints of backups, which count on the disk", do: (*detachment).dropCheckpoints},
	{
		name: "detach", title: "Unplug the disk, once the guest lets go", do: (*detachment).detach,
		undo: (*detachment).attach, undoes: "Plug the disk in again",
	},
	{name: "commit", title: "Record that the volume belongs to no VM", do: (*detachment).commit, noReturn: true},
}

func (d *detachment) read(ctx workflow.Context) (err error) {
	d.plan, err = atControl[control.AttachPlan](ctx, toControl.PlanDetach, d.request)
	d.machine, d.at = d.plan.Machine, d.plan.Machine.VM.Host
	return err
}

func (d *detachment) unname(ctx workflow.Context) error {
	if !d.request.Unnamed {
		return nil
	}
	_, err := atControl[struct{}](ctx, toControl.UnnameVolume, d.request.Volume)
	return err
}

func (d *detachment) asked() host.AttachRequest {
	patience := guestLetsGoIn
	if d.request.Grace > 0 {
		patience = time.Duration(d.request.Grace) * time.Second
	}
	return host.AttachRequest{On: d.on(), VM: d.request.VM, Disk: d.plan.Volume, Patience: patience}
}

func (d *detachment) detach(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, d.at, toHost.DetachDisk, d.asked())
	return err
}

func (d *detachment) attach(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, d.at, toHost.AttachDisk, d.asked())
	return err
}

func (d *detachment) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitDetach, d.request)
	return err
}
