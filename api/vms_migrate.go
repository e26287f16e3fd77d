package api

import (
	"context"
	"errors"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
)

// MigrateBody says where and how to move a VM.
type MigrateBody struct {
	To     string         `json:"to,omitempty" doc:"Name or ID of the host; the placement decides if left out"`
	Cold   bool           `json:"cold,omitempty" doc:"Move it while it is off"`
	Limits precopy.Limits `json:"limits,omitempty" doc:"What a live migration may do to the guest and the network"`
}

type migrateInput struct {
	Mutation
	VM   string `path:"vm" doc:"Name or ID of the VM"`
	Body *MigrateBody
}

func (s *Server) migrateVM(ctx context.Context, in *migrateInput) (*answer, error) {
	body := or(in.Body, MigrateBody{})
	return s.accept(ctx, in.Mutation, body, func(where reach) (intent, error) { return s.prepareMigration(ctx, where, in.VM, body) })
}

func (s *Server) prepareMigration(ctx context.Context, where reach, ref string, body MigrateBody) (intent, error) {
	if err := body.Limits.Check(); err != nil {
		return intent{}, err
	}
	found, err := s.store.GetVM(ctx, where.toward(ref), ref)
	if err != nil {
		return intent{}, err
	}
	action := vm.Migrate
	if body.Cold {
		action = vm.MigrateCold
	}
	if err := found.Can(action); err != nil {
		return intent{}, err
	}
	if body.To != "" && (body.To == string(found.Host) || body.To == found.HostName) {
		return intent{}, fault.Invalid("VM %s is on host %s already; name another host, or leave the choice to the placement", found.Name, found.HostName).At("to")
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return intent{}, err
	}
	target, err := s.hostFor(hosts, body.To, "to")
	if err != nil {
		return intent{}, err
	}
	disks, err := s.store.VolumesOf(ctx, found.ID)
	if err != nil {
		return intent{}, err
	}
	choice, err := placement.Choose(placement.Request{
		Spec: found.Spec, Host: target, From: found.Host, Live: !body.Cold, Volumes: disks, NeedShared: found.Snapshots > 0, // a copy leaves snapshots behind
	}, hosts, s.now())
	if err != nil {
		return intent{}, relocated(err, "host", "to")
	}
	wanted := onVM(found, operation.Migrate, operation.MigrateRequest{VM: found.ID, To: target, Cold: body.Cold, Limits: body.Limits})
	wanted.host, wanted.notes = choice.Host, choice.Reasons
	return wanted, nil
}

// relocated names the field of this request where another's was meant.
func relocated(err error, from, to string) error {
	if found, ok := errors.AsType[*fault.Error](err); ok && found.Field == from {
		return found.At(to)
	}
	return err
}
