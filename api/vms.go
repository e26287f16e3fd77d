package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

type listVMsInput struct {
	Scope
	Paging
	State string `query:"state" enum:"provisioning,running,paused,stopped,crashed,unknown,deleting" doc:"Only VMs in this state"`
	Host  string `query:"host" doc:"Only VMs on this host (name or ID)"`
	Query string `query:"q" maxLength:"63" doc:"Only VMs whose name contains this"`
	Made  string `query:"template" doc:"Only VMs made from this template (name or ID), or from this version of it, such as web:3"`
}

type getVMInput struct {
	Scope
	VM string `path:"vm" doc:"Name or ID of the VM"`
}

func (s *Server) vmRoutes() {
	add(s, user, huma.Operation{
		OperationID: "list-vms", Method: http.MethodGet, Path: "/vms", Tags: []string{"VMs"}, Summary: "List VMs by name",
	}, s.listVMs)
	add(s, user, huma.Operation{
		OperationID: "get-vm", Method: http.MethodGet, Path: "/vms/{vm}", Tags: []string{"VMs"}, Summary: "Show a VM",
	}, s.getVM)
	add(s, user, s.answers(huma.Operation{
		OperationID: "change-vm", Method: http.MethodPatch, Path: "/vms/{vm}", Tags: []string{"VMs"}, Summary: "Rename a VM or describe it",
	}, http.StatusOK, typeOf[vm.VM](), "The VM as it is now; with dry_run the plan"), s.changeVM)
	add(s, user, huma.Operation{
		OperationID: "vm-transitions", Method: http.MethodGet, Path: "/vm-transitions", Tags: []string{"VMs"},
		Summary: "The table of what can be done to a VM in which state",
	}, func(context.Context, *Scope) (*listed[vm.Transition], error) { return page(vm.Transitions(), ""), nil })
	add(s, user, huma.Operation{
		OperationID: "vm-metrics", Method: http.MethodGet, Path: "/vms/{vm}/metrics", Tags: []string{"VMs"}, Summary: "A VM's use over time",
	}, s.vmMetrics)
}

func (s *Server) listVMs(ctx context.Context, in *listVMsInput) (*listed[vm.VM], error) {
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	filter := store.VMFilter{
		Project: where.listing(), State: vm.State(in.State), Host: in.Host, Query: in.Query, Cursor: in.Cursor, Limit: in.Limit,
	}
	if filter.Template, filter.Version, err = s.originOf(ctx, where, in.Made); err != nil {
		return nil, err
	}
	found, next, err := s.store.ListVMs(ctx, filter)
	for i := range found {
		found[i] = shown(found[i])
	}
	return page(found, next), err
}

func (s *Server) getVM(ctx context.Context, in *getVMInput) (*one[vm.VM], error) {
	found, _, err := s.findVM(ctx, in.Scope, in.VM)
	return &one[vm.VM]{ETag: etag(found.Generation), Body: shown(found)}, err
}

// findVM looks a VM up for the caller.
func (s *Server) findVM(ctx context.Context, scope Scope, ref string) (vm.VM, reach, error) {
	where, err := s.reach(ctx, scope)
	if err != nil {
		return vm.VM{}, where, err
	}
	found, err := s.store.GetVM(ctx, where.toward(ref), ref)
	return found, where, err
}

// shown makes the lists of a VM lists, never null.
func shown(found vm.VM) vm.VM {
	if found.Interfaces == nil {
		found.Interfaces = []vm.Interface{}
	}
	if found.Volumes == nil {
		found.Volumes = []id.Volume{}
	}
	return found
}

// VMChangeBody is what may be changed of a VM.
type VMChangeBody struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty" maxLength:"1000"`
}

type changeVMInput struct {
	Change
	Precondition
	VM   string `path:"vm" doc:"Name or ID of the VM"`
	Body VMChangeBody
}

func (s *Server) changeVM(ctx context.Context, in *changeVMInput) (*changeAnswer, error) {
	found, _, err := s.findVM(ctx, in.Scope, in.VM)
	if err != nil {
		return nil, err
	}
	generation, err := in.generation()
	switch {
	case err != nil:
		return nil, err
	case generation != 0 && generation != found.Generation:
		return nil, stale("VM " + found.Name)
	case in.Body.Name == nil && in.Body.Description == nil:
		return nil, fault.Invalid("there is nothing to change; send name, description or both")
	}
	if in.Body.Name != nil {
		if err := project.CheckName(*in.Body.Name); err != nil {
			return nil, err
		}
	}
	if in.DryRun {
		return instead(wouldDo("change_vm", "Change the name or description of VM "+found.Name)), nil
	}
	change := store.VMChange{Name: in.Body.Name, Description: in.Body.Description}
	now, err := s.store.UpdateVM(ctx, found.Project, string(found.ID), change, generation)
	if err != nil {
		return nil, precondition(err, generation, "VM "+found.Name)
	}
	return changed(http.StatusOK, shown(now), etag(now.Generation)), nil
}

// precondition makes the store's conflict about a generation the 412 that If-Match asks for. A name that is taken is
// located at its field and stays a 409.
func precondition(err error, generation int64, what string) error {
	if generation != 0 && fault.Is(err, fault.KindConflict) && problemOf(err).Field == "" {
		return stale(what)
	}
	return err
}
