package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
)

// GrowVolume makes a volume larger that belongs to no VM. Its content is not touched.
func GrowVolume(ctx workflow.Context, task Task[operation.GrowVolumeRequest]) error {
	return perform(ctx, task.header(), growVolumeSteps, &volumeGrowth{request: task.Request}, (*volumeGrowth).result)
}

type volumeGrowth struct {
	request operation.GrowVolumeRequest
	at      control.VolumeAt
}

// GrowVolumeResult is what the volume was and is.
type GrowVolumeResult struct {
	VolumeResult
	FromBytes int64 `json:"from_bytes"`
	SizeBytes int64 `json:"size_bytes"`
}

func (v *volumeGrowth) result() any {
	return GrowVolumeResult{VolumeResult: resultOf(v.at.Volume), FromBytes: v.at.Volume.SizeBytes, SizeBytes: v.request.SizeBytes}
}

var growVolumeSteps = []step[volumeGrowth]{
	{name: "locate", title: "Find a host that reaches its pool, and see that the pool may promise so much", do: (*volumeGrowth).locate},
	// A volume is never made smaller again, so once it may have grown it is recorded.
	{name: "grow", title: "Make the volume larger", do: (*volumeGrowth).grow, noReturn: true},
	{name: "commit", title: "Record its size", do: (*volumeGrowth).commit},
}

func (v *volumeGrowth) locate(ctx workflow.Context) (err error) {
	v.at, err = atControl[control.VolumeAt](ctx, toControl.PlanVolumeGrowth, v.request)
	return err
}

func (v *volumeGrowth) grow(ctx workflow.Context) error {
	_, err := atHost[storage.Volume](ctx, v.at.Host, toHost.GrowVolume, host.VolumeRequest{
		On: host.On{Host: v.at.Host}, Pool: v.at.Volume.Pool, Spec: storage.VolumeSpec{Volume: v.request.Volume, SizeBytes: v.request.SizeBytes},
	})
	return err
}

func (v *volumeGrowth) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitVolumeGrowth, v.request)
	return err
}
