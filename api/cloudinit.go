package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

func (s *Server) cloudInitRoutes() {
	add(s, user, huma.Operation{
		OperationID: "get-cloud-init", Method: http.MethodGet, Path: "/vms/{vm}/cloud-init", Tags: []string{"VMs"},
		Summary: "Show what a VM's guest is told at its first start",
	}, s.getCloudInit)
	add(s, machine, huma.Operation{
		OperationID: "host-cloud-init", Method: http.MethodGet, Path: "/hosts/self/vms/{vm}/cloud-init", Tags: hostTags,
		Summary: "What the guest of a VM of this host is told, or of one that is being moved, to make its seed of",
	}, s.hostCloudInit)
}

// cloudInitContext binds what a guest is told to its record.
func cloudInitContext(of id.CloudInit) string { return "cloud-init/" + string(of) }

// sealCloudInit checks what a guest is to be told, and seals it. The field of a fault lies below that one of the body.
func (s *Server) sealCloudInit(told *cloudinit.CloudInit, field string) (*store.SealedCloudInit, error) {
	if told == nil {
		return nil, nil
	}
	if err := told.Check(); err != nil {
		if located, ok := errors.AsType[*fault.Error](err); ok {
			return nil, located.At(field + "." + located.Field)
		}
		return nil, err
	}
	text, err := json.Marshal(told)
	if err != nil {
		return nil, fault.Internal("what the guest is to be told cannot be recorded").Because(err)
	}
	made := &store.SealedCloudInit{ID: id.New[id.CloudInit]()}
	made.Sealed = s.config.Seal.Seal(cloudInitContext(made.ID), string(text))
	return made, nil
}

// tell makes a new VM's guest one that is told something.
func (i *intent) tell(sealed *store.SealedCloudInit) {
	if sealed != nil {
		i.NewCloudInit, i.NewVM.CloudInit = sealed, sealed.ID
	}
}

func (s *Server) cloudInitOf(ctx context.Context, of vm.VM) (cloudinit.CloudInit, error) {
	var told cloudinit.CloudInit
	if of.CloudInit == "" {
		return told, fault.NotFound("VM %s was made without cloud-init data", of.Name)
	}
	sealed, err := s.store.GetCloudInit(ctx, of.CloudInit)
	if err != nil {
		return told, err
	}
	text, err := s.config.Seal.Unseal(cloudInitContext(sealed.ID), sealed.Sealed)
	if err != nil {
		return told, err
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		return told, fault.Internal("the cloud-init data of VM %s cannot be read", of.Name).Because(err)
	}
	return told, nil
}

func (s *Server) getCloudInit(ctx context.Context, in *getVMInput) (*plain[cloudinit.CloudInit], error) {
	found, _, err := s.findVM(ctx, in.Scope, in.VM)
	if err != nil {
		return nil, err
	}
	told, err := s.cloudInitOf(ctx, found)
	return &plain[cloudinit.CloudInit]{Body: told}, err
}

type hostCloudInitInput struct {
	VM string `path:"vm" doc:"ID of the VM"`
}

// hostCloudInit tells a host only of its own VMs, and of those that an operation may be bringing there.
func (s *Server) hostCloudInit(ctx context.Context, in *hostCloudInitInput) (*plain[cloudinit.Instance], error) {
	found, err := s.store.GetVM(ctx, "", in.VM)
	if err == nil && found.Host != principalOf(ctx).Host && found.OperationOf != string(operation.Migrate) {
		err = fault.NotFound("VM %s is not on this host, and nothing is moving it", in.VM)
	}
	if err != nil {
		return nil, err
	}
	told, err := s.cloudInitOf(ctx, found)
	return &plain[cloudinit.Instance]{Body: cloudinit.Instance{VM: found.ID, Name: found.Name, CloudInit: told}}, err
}

// straySeeds tells, once each, of seeds on a host whose VM is not there or is told nothing. A seed may hold secrets.
func (s *Server) straySeeds(ctx context.Context, self id.Host, seeds []id.VM, believed []vm.VM) error {
	wanted := map[id.VM]bool{}
	for _, each := range believed {
		wanted[each.ID] = each.CloudInit != "" || each.Operation != ""
	}
	for _, each := range seeds {
		told := "seed " + string(each)
		if wanted[each] {
			s.sightings.clear(self, told)
			continue
		}
		found, err := s.store.GetVM(ctx, "", string(each))
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		if found.Operation != "" || !s.sightings.first(self, told) {
			continue // on its way from or to another host, or told already
		}
		err = s.store.AppendEvent(ctx, event.Event{
			Type: "host.stray_seed", SubjectKind: "host", SubjectID: string(self), Data: facts(map[string]string{"vm_id": string(each), "name": found.Name}),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
