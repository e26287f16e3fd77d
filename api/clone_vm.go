package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// CloneBody says what a clone is called and where it is made.
type CloneBody struct {
	Name        string `json:"name" example:"web-2" doc:"Of the clone; also its host name"`
	Description string `json:"description,omitempty" maxLength:"1000"`
	Host        string `json:"host,omitempty" doc:"Name or ID; the placement decides if left out"`
	Pool        string `json:"pool,omitempty" doc:"Where to put its disks; the placement decides if left out"`
	Network     string `json:"network,omitempty" doc:"Name or ID; that of the source if left out"`
	Start       *bool  `json:"start,omitempty" doc:"Start it when its disks are there; yes if left out"`
}

type cloneInput struct {
	Mutation
	VM   string `path:"vm" doc:"Name or ID of the VM that is cloned"`
	Body CloneBody
}

func (s *Server) cloneRoutes() {
	add(s, user, s.starts(huma.Operation{
		OperationID: "clone-vm", Method: http.MethodPost, Path: "/vms/{vm}/clone", Tags: []string{"VMs"},
		Summary: "Make a VM with copies of another one's disks, and an identity of its own; one that runs goes on",
	}), s.cloneVM)
}

func (s *Server) cloneVM(ctx context.Context, in *cloneInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) {
		source, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
		if err != nil {
			return intent{}, err
		}
		if err := source.Can(vm.CloneVM); err != nil {
			return intent{}, err
		}
		return s.prepareClone(ctx, where, source, in.Body)
	})
}

// cloned is what a clone is made of, looked up and found to be there.
type cloned struct {
	disks    []volume.Volume
	networks []vm.Interface
	asked    id.Host
	choice   placement.Choice
}

func (s *Server) prepareClone(ctx context.Context, where reach, source vm.VM, body CloneBody) (intent, error) {
	if err := project.CheckName(body.Name); err != nil {
		return intent{}, err
	}
	if err := s.nameIsFree(ctx, source.Project, body.Name); err != nil {
		return intent{}, err
	}
	found, err := s.clonedOf(ctx, where, source, body)
	if err != nil {
		return intent{}, err
	}
	machine := id.New[id.VM]()
	request := operation.CloneRequest{VM: machine, Source: source.ID, Name: body.Name, Host: found.asked, Pool: body.Pool, Start: or(body.Start, true)}
	if source.State == vm.Running || source.State == vm.Paused {
		request.Instant = id.New[id.Backup]()
	}
	wanted := intent{
		kind: operation.CloneVM, subject: operation.Subject{Kind: "vm", ID: string(machine), Name: body.Name},
		host: found.choice.Host, notes: found.choice.Reasons,
		Acceptance: store.Acceptance{
			Operation: operation.Operation{Project: source.Project},
			Claims:    []string{string(machine), string(source.ID)}, Generations: map[string]int64{string(source.ID): source.Generation},
			NewVM: &vm.VM{
				ID: machine, Project: source.Project, Name: body.Name, Description: body.Description, State: vm.Provisioning,
				Template: source.Template, Spec: source.Spec, CloudInit: source.CloudInit, Interfaces: found.networks,
			},
		},
	}
	for _, disk := range found.disks {
		made := volume.Volume{
			ID: id.New[id.Volume](), Project: source.Project, VM: machine, Device: disk.Device, Pool: found.choice.Pool, SizeBytes: disk.SizeBytes,
			State: volume.Creating, // its pool gives it its format
		}
		request.Volumes, wanted.NewVolumes = append(request.Volumes, made.ID), append(wanted.NewVolumes, made)
	}
	wanted.request = request
	return wanted, nil
}

func (s *Server) clonedOf(ctx context.Context, where reach, source vm.VM, body CloneBody) (found cloned, err error) {
	if found.disks, err = s.store.VolumesOf(ctx, source.ID); err != nil {
		return found, err
	}
	if len(found.disks) == 0 {
		return found, fault.Conflict("VM %s has no disks to copy", source.Name)
	}
	if body.Network != "" {
		wired, err := s.networkFor(ctx, where, body.Network)
		if err != nil {
			return found, err
		}
		found.networks = []vm.Interface{{Network: wired.ID}}
	} else {
		for _, card := range source.Interfaces {
			found.networks = append(found.networks, vm.Interface{Network: card.Network})
		}
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return found, err
	}
	if found.asked, err = s.hostFor(hosts, body.Host, "host"); err != nil {
		return found, err
	}
	if err := s.poolExists(ctx, body.Pool); err != nil {
		return found, err
	}
	var bytes int64
	for _, disk := range found.disks {
		bytes += disk.SizeBytes
	}
	found.choice, err = placement.Choose(placement.Request{Spec: source.Spec, DiskBytes: bytes, Pool: body.Pool, Host: found.asked}, hosts, s.now())
	return found, err
}
