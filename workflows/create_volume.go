package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/volume"
)

// CreateVolume makes an empty volume that belongs to no VM.
func CreateVolume(ctx workflow.Context, task Task[operation.VolumeRef]) error {
	return perform(ctx, task.header(), createVolumeSteps, &single{request: task.Request}, (*single).result)
}

// single is a volume that an operation makes or deletes.
type single struct {
	request operation.VolumeRef
	at      control.VolumeAt
}

// VolumeResult is which volume it was.
type VolumeResult struct {
	Volume id.Volume `json:"volume_id"`
	Name   string    `json:"name"`
	Pool   string    `json:"pool"`
}

func (v *single) result() any {
	return resultOf(v.at.Volume)
}

func resultOf(of volume.Volume) VolumeResult {
	return VolumeResult{Volume: of.ID, Name: of.Name, Pool: of.Pool}
}

var createVolumeSteps = []step[single]{
	{
		name: "locate", title: "Find a host that reaches its pool", do: (*single).locate,
		undo: (*single).forget, undoes: "Remove the volume from the inventory, which frees its name",
	},
	{
		name: "create", title: "Create the volume", do: (*single).create,
		undo: (*single).remove, undoes: "Delete the volume", leak: (*single).leak,
	},
	{name: "commit", title: "Record that it exists", do: (*single).commit},
}

func (v *single) locate(ctx workflow.Context) (err error) {
	v.at, err = atControl[control.VolumeAt](ctx, toControl.LocateVolume, v.request)
	return err
}

func (v *single) asked() host.VolumeRequest {
	return host.VolumeRequest{On: host.On{Host: v.at.Host}, Pool: v.at.Volume.Pool, Spec: storage.VolumeSpec{
		Volume: v.request.Volume, SizeBytes: v.at.Volume.SizeBytes, Format: v.at.Volume.Format,
	}}
}

func (v *single) create(ctx workflow.Context) error {
	_, err := atHost[storage.Volume](ctx, v.at.Host, toHost.CreateVolume, v.asked())
	return err
}

func (v *single) remove(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, v.at.Host, toHost.DeleteVolume, v.asked())
	return err
}

func (v *single) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitVolume, v.request.Volume)
	return err
}

func (v *single) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetVolumes, []id.Volume{v.request.Volume})
	return err
}

func (v *single) leak() operation.Leak {
	return operation.Leak{Kind: "volume", ID: string(v.request.Volume), Host: v.at.Host}
}
