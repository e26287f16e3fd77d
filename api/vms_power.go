package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// PowerBody says how to switch a VM.
type PowerBody struct {
	Force        bool `json:"force,omitempty" doc:"Stop and restart: cut the power at once"`
	GraceSeconds *int `json:"grace_seconds,omitempty" doc:"Stop and restart: how long the guest may take before its power is cut, 1 to 3600; 60 if left out"`
}

const longestGraceSeconds = 3600

// power is one way of switching a VM.
type power struct {
	action  vm.Action
	kind    operation.Kind
	summary string
	ends    bool // the guest goes down, so that force and grace make sense
}

var powers = []power{
	{vm.Start, operation.Start, "Start a VM that is off", false},
	{vm.Stop, operation.Stop, "Stop a VM: ask its guest, then cut the power", true},
	{vm.Restart, operation.Restart, "Stop a VM and start it again", true},
	{vm.Pause, operation.Pause, "Let a VM's CPUs stand still; its memory is kept", false},
	{vm.Resume, operation.Resume, "Let a paused VM go on", false},
}

type powerInput struct {
	Mutation
	VM   string `path:"vm" doc:"Name or ID of the VM"`
	Body *PowerBody
}

func (s *Server) powerRoutes() {
	for _, each := range powers {
		add(s, user, s.starts(huma.Operation{
			OperationID: string(each.action) + "-vm", Method: http.MethodPost, Path: "/vms/{vm}/" + string(each.action),
			Tags: []string{"VMs"}, Summary: each.summary,
		}), func(ctx context.Context, in *powerInput) (*answer, error) {
			body := or(in.Body, PowerBody{})
			return s.accept(ctx, in.Mutation, body, func(where reach) (intent, error) { return s.preparePower(ctx, where, in.VM, each, body) })
		})
	}
}

func (s *Server) preparePower(ctx context.Context, where reach, ref string, how power, body PowerBody) (intent, error) {
	if err := how.check(body); err != nil {
		return intent{}, err
	}
	found, err := s.store.GetVM(ctx, where.toward(ref), ref)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(how.action); err != nil {
		return intent{}, err
	}
	request := operation.PowerRequest{VM: found.ID, Force: body.Force, GraceSeconds: or(body.GraceSeconds, 0)}
	return onVM(found, how.kind, request), nil
}

func (p power) check(body PowerBody) error {
	switch grace := or(body.GraceSeconds, 1); {
	case !p.ends && (body.Force || body.GraceSeconds != nil):
		return fault.Invalid("force and grace_seconds are for stop and restart; leave them out to %s a VM", p.action)
	case grace < 1 || grace > longestGraceSeconds:
		return fault.Invalid("grace_seconds is between 1 and %d; to cut the power at once send force", longestGraceSeconds).At("grace_seconds")
	}
	return nil
}

// onVM is the intent of an operation on a VM that exists: it claims the VM as it was judged.
func onVM(machine vm.VM, kind operation.Kind, request any) intent {
	return intent{
		kind: kind, subject: operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, request: request, host: machine.Host,
		Acceptance: store.Acceptance{
			Operation:   operation.Operation{Project: machine.Project},
			Claims:      []string{string(machine.ID)},
			Generations: map[string]int64{string(machine.ID): machine.Generation},
		},
	}
}

type deleteVMInput struct {
	Mutation
	VM string `path:"vm" doc:"Name or ID of the VM"`
}

func (s *Server) deleteVM(ctx context.Context, in *deleteVMInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, nil, func(where reach) (intent, error) {
		found, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
		if err != nil {
			return intent{}, err
		}
		if err := found.Can(vm.Delete); err != nil {
			return intent{}, err
		}
		wanted := onVM(found, operation.Delete, operation.DeleteRequest{VM: found.ID})
		disks, err := s.store.VolumesOf(ctx, found.ID)
		for _, each := range disks {
			if each.Name != "" {
				if err := keepsNoSnapshots(found, each.Name); err != nil {
					return intent{}, err
				}
				wanted.notes = append(wanted.notes, "Volume "+each.Name+" stays, attached to no VM.")
			}
		}
		return wanted, err
	})
}
