package api

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

func (s *Server) prepareVolumeGrowth(ctx context.Context, where reach, in *growVolumeInput) (intent, error) {
	found, err := s.freeVolume(ctx, where, in.Volume, volume.Grow)
	if err != nil {
		return intent{}, err
	}
	if err := vm.CheckDisk(in.Body.SizeBytes); err != nil {
		return intent{}, relocated(err, "disk_bytes", "size_bytes")
	}
	if in.Body.SizeBytes <= found.SizeBytes {
		return intent{}, fault.Invalid("volume %s has %d bytes, and %d is not more; a volume is never made smaller", found.Name, found.SizeBytes, in.Body.SizeBytes).At("size_bytes")
	}
	if _, err := s.bridge(ctx, found, found.Pool, in.Body.SizeBytes-found.SizeBytes); err != nil {
		return intent{}, relocated(err, "pool", "size_bytes")
	}
	wanted := onVolume(found, operation.GrowVolume)
	wanted.request = operation.GrowVolumeRequest{Volume: found.ID, SizeBytes: in.Body.SizeBytes}
	wanted.notes = []string{"What is new on the volume is for the guest to use: it has to enlarge its partition and file system."}
	return wanted, nil
}

func (s *Server) prepareVolumeMove(ctx context.Context, where reach, in *moveVolumeInput) (intent, error) {
	found, err := s.freeVolume(ctx, where, in.Volume, volume.Move)
	if err != nil {
		return intent{}, err
	}
	if in.Body.Pool == "" {
		return intent{}, fault.Invalid("say which pool to move the volume to").At("pool")
	}
	if err := s.poolExists(ctx, in.Body.Pool); err != nil {
		return intent{}, err
	}
	if in.Body.Pool == found.Pool {
		return intent{}, fault.Invalid("volume %s is in pool %s already; name another one", found.Name, found.Pool).At("pool")
	}
	on, err := s.bridge(ctx, found, in.Body.Pool, found.SizeBytes)
	if err != nil {
		return intent{}, err
	}
	target, err := s.store.GetPool(ctx, in.Body.Pool)
	if err != nil {
		return intent{}, err
	}
	request := operation.MoveVolumeRequest{Volume: found.ID, New: id.New[id.Volume](), Pool: in.Body.Pool}
	wanted := onVolume(found, operation.MoveVolume)
	wanted.request, wanted.host = request, on
	wanted.Shared = []string{string(target.ID)}
	wanted.NewVolumes = []volume.Volume{{
		ID: request.New, Project: found.Project, Pool: request.Pool, SizeBytes: found.SizeBytes, State: volume.Creating,
	}}
	wanted.notes = []string{"It keeps its name; its ID is another one then."}
	return wanted, nil
}

// freeVolume finds a volume that no VM has and that the action is allowed on.
func (s *Server) freeVolume(ctx context.Context, where reach, ref string, action volume.Action) (volume.Volume, error) {
	found, err := s.store.FindVolume(ctx, where.toward(ref), ref)
	if err != nil {
		return volume.Volume{}, err
	}
	return found, found.Can(action)
}

func (s *Server) bridge(ctx context.Context, of volume.Volume, pool string, bytes int64) (id.Host, error) {
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return "", err
	}
	on, err := placement.Bridge(hosts, of, pool, bytes, s.now())
	return on.ID, err
}
