package main

import (
	"context"
	"errors"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/volume"
)

const (
	growBytes   = 1 << 20
	volumeBytes = 64 << 20
)

// stageGrowth makes the subject's disk a little larger each time.
func (r *runner) stageGrowth(ctx context.Context) (launch, error) {
	disks, err := r.stand.api.Disks(ctx, r.subject.name)
	if err != nil || len(disks) == 0 {
		return launch{}, errors.Join(err, errors.New("the subject has no disk"))
	}
	return launch{start: func(ctx context.Context, _ string) (operation.Operation, error) {
		begun, err := r.stand.api.GrowDisk(ctx, r.subject.name, disks[0].Device, disks[0].SizeBytes+growBytes, client.Change{})
		return begun.Operation, err
	}}, nil
}

// stageVolume keeps a volume beside the subject: apart from it where it is to be attached, else attached.
func (r *runner) stageVolume(ctx context.Context, attach bool) (launch, error) {
	data, err := r.ensureVolume(ctx)
	if err != nil {
		return launch{}, err
	}
	plug := func(ctx context.Context) (client.Started, error) {
		return r.stand.api.AttachVolume(ctx, r.subject.name, data.Name, "", client.Change{})
	}
	unplug := func(ctx context.Context) (client.Started, error) {
		now, err := r.stand.api.Volume(ctx, data.Name)
		if err != nil {
			return client.Started{}, err
		}
		return r.stand.api.DetachDisk(ctx, r.subject.name, now.Device, client.Detaching{}, client.Change{})
	}
	before, act := plug, unplug
	if attach {
		before, act = unplug, plug
	}
	if attach == (data.VM != "") {
		begun, err := before(ctx)
		if err == nil {
			err = r.stand.worked(ctx, begun)
		}
		if err != nil {
			return launch{}, err
		}
	}
	return launch{start: func(ctx context.Context, _ string) (operation.Operation, error) {
		begun, err := act(ctx)
		return begun.Operation, err
	}}, nil
}

func (r *runner) ensureVolume(ctx context.Context) (volume.Volume, error) {
	name := r.subject.name + "-data"
	found, err := r.stand.api.Volume(ctx, name)
	if !fault.Is(err, fault.KindNotFound) {
		return found, err
	}
	begun, err := r.stand.api.CreateVolume(ctx, client.NewVolume{Name: name, SizeBytes: volumeBytes, Pool: "shared"}, client.Change{})
	if err == nil {
		err = r.stand.worked(ctx, begun)
	}
	if err != nil {
		return volume.Volume{}, err
	}
	return r.stand.api.Volume(ctx, name)
}

// removeVolume removes the volume that was kept beside a VM which is gone.
func (s *stand) removeVolume(ctx context.Context, of string) error {
	begun, err := s.api.PurgeVolume(ctx, of+"-data", client.Change{})
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.worked(ctx, begun)
}
