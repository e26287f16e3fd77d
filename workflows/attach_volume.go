package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// AttachVolume gives a VM a volume, while the VM runs or while it is off.
func AttachVolume(ctx workflow.Context, task Task[operation.AttachRequest]) error {
	return perform(ctx, task.header(), attachVolumeSteps, &attachment{request: task.Request}, (*attachment).result)
}

type attachment struct {
	seat
	request operation.AttachRequest
	plan    control.AttachPlan
}

// AttachResult is which volume a VM has as which device.
type AttachResult struct {
	VM     id.VM     `json:"vm_id"`
	Volume id.Volume `json:"volume_id"`
	Name   string    `json:"name"`
	Device string    `json:"device"`
}

func (a *attachment) result() any {
	return AttachResult{VM: a.request.VM, Volume: a.request.Volume, Name: a.plan.Volume.Name, Device: a.request.Device}
}

var attachVolumeSteps = []step[attachment]{
	{name: "read", title: "Read the VM and see that its host reaches the volume", do: (*attachment).read},
	{name: "drop_checkpoints", title: "Drop the checkpoints of backups, which do not know the disk", do: (*attachment).dropCheckpoints},
	{
		name: "attach", title: "Plug the disk in", do: (*attachment).attach,
		undo: (*attachment).detach, undoes: "Unplug the disk", leak: (*attachment).domainLeak,
	},
	{name: "commit", title: "Record whose volume it is", do: (*attachment).commit, noReturn: true},
}

func (a *attachment) read(ctx workflow.Context) (err error) {
	a.plan, err = atControl[control.AttachPlan](ctx, toControl.PlanAttach, a.request)
	a.machine, a.at = a.plan.Machine, a.plan.Machine.VM.Host
	return err
}

// guestLetsGoIn is how long a guest may take to let go of a disk that is unplugged.
const guestLetsGoIn = time.Minute

func (a *attachment) asked() host.AttachRequest {
	return host.AttachRequest{On: a.on(), VM: a.request.VM, Disk: a.plan.Volume, Patience: guestLetsGoIn}
}

func (a *attachment) attach(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, a.at, toHost.AttachDisk, a.asked())
	return err
}

func (a *attachment) detach(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, a.at, toHost.DetachDisk, a.asked())
	return err
}

func (a *attachment) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitAttach, a.request)
	return err
}
