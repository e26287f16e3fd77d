package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
)

// MoveVolume moves a volume to another pool that belongs to no VM. Whatever happens on the way, its name stands for one of
// the two volumes, and the other one is gone.
func MoveVolume(ctx workflow.Context, task Task[operation.MoveVolumeRequest]) error {
	return perform(ctx, task.header(), moveVolumeSteps, &volumeMove{request: task.Request}, (*volumeMove).result)
}

type volumeMove struct {
	request operation.MoveVolumeRequest
	plan    control.VolumeMovePlan
}

// MoveVolumeResult is where the volume was and is.
type MoveVolumeResult struct {
	VolumeResult
	From string `json:"from_pool"`
}

func (v *volumeMove) result() any {
	moved := VolumeResult{Volume: v.request.New, Name: v.plan.Old.Name, Pool: v.plan.New.Pool}
	return MoveVolumeResult{VolumeResult: moved, From: v.plan.Old.Pool}
}

var moveVolumeSteps = []step[volumeMove]{
	{
		name: "locate", title: "Find a host that reaches both pools", do: (*volumeMove).locate,
		undo: (*volumeMove).forgetNew, undoes: "Remove the new volume from the inventory",
	},
	{
		name: "create", title: "Create a volume in the other pool", do: (*volumeMove).create,
		undo: (*volumeMove).deleteNew, undoes: "Delete the volume in the other pool", leak: (*volumeMove).newLeak,
	},
	{name: "copy", title: "Copy the volume", do: (*volumeMove).copy},
	{name: "commit", title: "Record the new place", do: (*volumeMove).commit, noReturn: true},
	{name: "delete_old", title: "Delete the volume in the old pool", do: (*volumeMove).deleteOld, leak: (*volumeMove).oldLeak},
}

func (v *volumeMove) locate(ctx workflow.Context) (err error) {
	v.plan, err = atControl[control.VolumeMovePlan](ctx, toControl.PlanVolumeMove, v.request)
	return err
}

func (v *volumeMove) forgetNew(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetVolumes, []id.Volume{v.request.New})
	return err
}

func (v *volumeMove) on() host.On { return host.On{Host: v.plan.Host} }

func (v *volumeMove) asked() host.VolumeRequest {
	return host.VolumeRequest{On: v.on(), Pool: v.plan.New.Pool, Spec: storage.VolumeSpec{
		Volume: v.request.New, SizeBytes: v.plan.New.SizeBytes, Format: v.plan.New.Format,
	}}
}

func (v *volumeMove) create(ctx workflow.Context) error {
	_, err := atHost[storage.Volume](ctx, v.plan.Host, toHost.CreateVolume, v.asked())
	return err
}

func (v *volumeMove) deleteNew(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, v.plan.Host, toHost.DeleteVolume, v.asked())
	return err
}

func (v *volumeMove) copy(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, v.plan.Host, toHost.CopyIdleVolume, host.CopyIdleVolumeRequest{On: v.on(), From: v.plan.Old, To: v.plan.New})
	return err
}

func (v *volumeMove) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitVolumeMove, v.request)
	return err
}

func (v *volumeMove) deleteOld(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, v.plan.Host, toHost.DeleteVolume, host.VolumeRequest{
		On: v.on(), Pool: v.plan.Old.Pool, Spec: storage.VolumeSpec{Volume: v.request.Volume},
	})
	if err != nil {
		return err
	}
	_, err = atControl[struct{}](ctx, toControl.ForgetVolumes, []id.Volume{v.request.Volume})
	return err
}

func (v *volumeMove) newLeak() operation.Leak {
	return operation.Leak{Kind: "volume", ID: string(v.request.New), Host: v.plan.Host}
}

func (v *volumeMove) oldLeak() operation.Leak {
	return operation.Leak{Kind: "volume", ID: string(v.request.Volume), Host: v.plan.Host}
}
