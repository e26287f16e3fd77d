package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

type listVolumesInput struct {
	Scope
	Paging
	Pool  string `query:"pool" maxLength:"63" doc:"Only volumes in this pool"`
	State string `query:"state" enum:"creating,ready,trashed,deleting" doc:"Only volumes in this state"`
	Query string `query:"q" maxLength:"63" doc:"Only volumes whose name, or VM and device, contains this"`
}

type volumeInput struct {
	Scope
	Volume string `path:"volume" doc:"Name or ID of the volume"`
}

// CreateVolumeBody asks for a volume that belongs to no VM.
type CreateVolumeBody struct {
	Name      string `json:"name" example:"data-1" doc:"Lower-case letters, digits and hyphens"`
	SizeBytes int64  `json:"size_bytes"`
	Pool      string `json:"pool,omitempty" doc:"The placement decides if left out"`
	Host      string `json:"host,omitempty" doc:"Of a pool that each host has its own of; the placement decides if left out"`
}

type createVolumeInput struct {
	Mutation
	Body CreateVolumeBody
}

// GrowVolumeBody says how large a volume is to be.
type GrowVolumeBody struct {
	SizeBytes int64 `json:"size_bytes" doc:"More than it has; a volume is never made smaller"`
}

type growVolumeInput struct {
	Mutation
	Volume string `path:"volume" doc:"Name or ID of the volume"`
	Body   GrowVolumeBody
}

// MoveVolumeBody says where to move a volume.
type MoveVolumeBody struct {
	Pool string `json:"pool" doc:"Name of the pool; one host has to reach it and the pool that the volume is in"`
}

type moveVolumeInput struct {
	Mutation
	Volume string `path:"volume" doc:"Name or ID of the volume"`
	Body   MoveVolumeBody
}

type trashVolumeInput struct {
	Change
	Volume string `path:"volume" doc:"Name or ID of the volume"`
}

type purgeVolumeInput struct {
	Mutation
	Volume string `path:"volume" doc:"Name or ID of the volume"`
}

func (s *Server) volumeRoutes() {
	tags := []string{"Storage"}
	add(s, user, huma.Operation{
		OperationID: "list-volumes", Method: http.MethodGet, Path: "/volumes", Tags: tags, Summary: "List volumes, those of VMs too",
	}, s.listVolumes)
	add(s, user, huma.Operation{
		OperationID: "get-volume", Method: http.MethodGet, Path: "/volumes/{volume}", Tags: tags, Summary: "Show a volume",
	}, func(ctx context.Context, in *volumeInput) (*plain[volume.Volume], error) {
		found, err := s.findVolume(ctx, in.Scope, in.Volume)
		return &plain[volume.Volume]{Body: found}, err
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "create-volume", Method: http.MethodPost, Path: "/volumes", Tags: tags, Summary: "Make an empty volume that belongs to no VM",
	}), func(ctx context.Context, in *createVolumeInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareVolume(ctx, where, in.Body) })
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "grow-volume", Method: http.MethodPost, Path: "/volumes/{volume}/grow", Tags: tags, Summary: "Make a volume larger that no VM has",
	}), func(ctx context.Context, in *growVolumeInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareVolumeGrowth(ctx, where, in) })
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "move-volume", Method: http.MethodPost, Path: "/volumes/{volume}/move", Tags: tags, Summary: "Move a volume to another pool that no VM has",
	}), func(ctx context.Context, in *moveVolumeInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareVolumeMove(ctx, where, in) })
	})
	add(s, user, s.answers(huma.Operation{
		OperationID: "trash-volume", Method: http.MethodDelete, Path: "/volumes/{volume}", Tags: tags,
		Summary: "Put a volume into the trash, from where it is deleted after a while",
	}, http.StatusOK, typeOf[volume.Volume](), "The volume, which says when it is deleted; with dry_run the plan"), s.trashVolume)
	add(s, user, s.answers(huma.Operation{
		OperationID: "restore-volume", Method: http.MethodPost, Path: "/volumes/{volume}/restore", Tags: tags, Summary: "Take a volume out of the trash",
	}, http.StatusOK, typeOf[volume.Volume](), "The volume as it is now; with dry_run the plan"), s.restoreVolume)
	add(s, user, s.starts(huma.Operation{
		OperationID: "purge-volume", Method: http.MethodPost, Path: "/volumes/{volume}/purge", Tags: tags, Summary: "Delete a volume for good, with what is on it",
	}), func(ctx context.Context, in *purgeVolumeInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, nil, func(where reach) (intent, error) { return s.preparePurge(ctx, where, in.Volume) })
	})
}

func (s *Server) listVolumes(ctx context.Context, in *listVolumesInput) (*listed[volume.Volume], error) {
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	found, next, err := s.store.ListVolumes(ctx, store.VolumeFilter{
		Project: where.listing(), Pool: in.Pool, State: volume.State(in.State), Query: in.Query, Cursor: in.Cursor, Limit: in.Limit,
	})
	return page(found, next), err
}

func (s *Server) findVolume(ctx context.Context, scope Scope, ref string) (volume.Volume, error) {
	where, err := s.reach(ctx, scope)
	if err != nil {
		return volume.Volume{}, err
	}
	return s.store.FindVolume(ctx, where.toward(ref), ref)
}

func (s *Server) prepareVolume(ctx context.Context, where reach, body CreateVolumeBody) (intent, error) {
	if err := project.CheckName(body.Name); err != nil {
		return intent{}, err
	}
	if err := s.volumeNameIsFree(ctx, where.project.ID, body.Name); err != nil {
		return intent{}, err
	}
	if err := vm.CheckDisk(body.SizeBytes); err != nil {
		return intent{}, relocated(err, "disk_bytes", "size_bytes")
	}
	if err := s.poolExists(ctx, body.Pool); err != nil {
		return intent{}, err
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return intent{}, err
	}
	asked, err := s.hostFor(hosts, body.Host, "host")
	if err != nil {
		return intent{}, err
	}
	choice, err := placement.Choose(placement.Request{DiskBytes: body.SizeBytes, Pool: body.Pool, Host: asked}, hosts, s.now())
	if err != nil {
		return intent{}, err
	}
	target, err := s.store.GetPool(ctx, choice.Pool)
	if err != nil {
		return intent{}, err
	}
	made := volume.Volume{
		ID: id.New[id.Volume](), Project: where.project.ID, Name: body.Name, Pool: choice.Pool, Host: choice.Host, SizeBytes: body.SizeBytes,
		Format: formatOn(hosts, choice), State: volume.Creating,
	}
	if target.Shared {
		made.Host = ""
	}
	wanted := onVolume(made, operation.CreateVolume)
	wanted.host, wanted.notes = choice.Host, choice.Reasons
	wanted.Shared, wanted.NewVolumes = []string{string(target.ID)}, []volume.Volume{made}
	return wanted, nil
}

func formatOn(hosts []host.Host, choice placement.Choice) string {
	for _, each := range hosts {
		if each.ID == choice.Host {
			fact, _ := each.Pool(choice.Pool)
			return pool.Driver(fact.Driver).Format()
		}
	}
	return ""
}

func (s *Server) volumeNameIsFree(ctx context.Context, in id.Project, name string) error {
	there, err := s.store.FindVolume(ctx, in, name)
	switch {
	case err == nil && there.State == volume.Trashed:
		return fault.Conflict("there is a volume named %s in the trash; take it back or purge it, or choose another name", name).At("name")
	case err == nil:
		return fault.Conflict("there is a volume named %s already; choose another name", name).At("name")
	case fault.Is(err, fault.KindNotFound):
		return nil
	}
	return err
}

// onVolume is the intent of an operation on a volume that belongs to no VM.
func onVolume(of volume.Volume, kind operation.Kind) intent {
	return intent{
		kind: kind, subject: operation.Subject{Kind: "volume", ID: string(of.ID), Name: of.Label()}, request: operation.VolumeRef{Volume: of.ID},
		host: of.Host, Acceptance: store.Acceptance{Operation: operation.Operation{Project: of.Project}, Claims: []string{string(of.ID)}},
	}
}

func (s *Server) preparePurge(ctx context.Context, where reach, ref string) (intent, error) {
	found, err := s.store.FindVolume(ctx, where.toward(ref), ref)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(volume.Purge); err != nil {
		return intent{}, err
	}
	wanted := onVolume(found, operation.DeleteVolume)
	wanted.notes = []string{"What is on the volume is lost."}
	return wanted, nil
}

func (s *Server) trashVolume(ctx context.Context, in *trashVolumeInput) (*changeAnswer, error) {
	found, err := s.findVolume(ctx, in.Scope, in.Volume)
	if err != nil {
		return nil, err
	}
	if err := found.Can(volume.Trash); err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("trash_volume", "Put volume "+found.Name+" into the trash")), nil
	}
	now, err := s.store.TrashVolume(ctx, found.ID, s.now().Add(s.config.TrashKept))
	if err != nil {
		return nil, err
	}
	return changed(http.StatusOK, now, ""), nil
}

func (s *Server) restoreVolume(ctx context.Context, in *trashVolumeInput) (*changeAnswer, error) {
	found, err := s.findVolume(ctx, in.Scope, in.Volume)
	if err != nil {
		return nil, err
	}
	if err := found.Can(volume.Restore); err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("restore_volume", "Take volume "+found.Name+" out of the trash")), nil
	}
	now, err := s.store.RestoreVolume(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	return changed(http.StatusOK, now, ""), nil
}
