package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
)

// AdoptVolume takes a volume that belongs to nobody into the inventory, as one that belongs to no VM.
func AdoptVolume(ctx workflow.Context, task Task[operation.StrayRequest]) error {
	return perform(ctx, task.header(), adoptVolumeSteps, &stray{request: task.Request}, (*stray).result)
}

// stray is a volume that belongs to nobody.
type stray struct {
	request operation.StrayRequest
	found   storage.Volume
}

func (s *stray) result() any {
	return VolumeResult{Volume: s.request.Volume, Name: s.request.Name, Pool: s.request.Pool}
}

var adoptVolumeSteps = []step[stray]{
	{name: "check", title: "See that it belongs to nobody", do: (*stray).check},
	{name: "inspect", title: "See what it is", do: (*stray).inspect},
	{name: "record", title: "Record it under its name", do: (*stray).adopt},
}

func (s *stray) check(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.IsStray, s.request)
	return err
}

func (s *stray) asked() host.VolumeRequest {
	return host.VolumeRequest{On: host.On{Host: s.request.Host}, Pool: s.request.Pool, Spec: storage.VolumeSpec{Volume: s.request.Volume}}
}

func (s *stray) inspect(ctx workflow.Context) (err error) {
	s.found, err = atHost[storage.Volume](ctx, s.request.Host, toHost.InspectVolume, s.asked())
	return err
}

func (s *stray) adopt(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.AdoptVolume, control.Adoption{StrayRequest: s.request, Found: s.found})
	return err
}

func (s *stray) remove(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, s.request.Host, toHost.DeleteVolume, s.asked())
	return err
}

func (s *stray) leak() operation.Leak {
	return operation.Leak{Kind: "volume", ID: string(s.request.Volume), Host: s.request.Host}
}
