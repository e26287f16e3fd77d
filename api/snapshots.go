package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/snapshot"
	"github.com/novacron/novacron/internal/vm"
)

// SnapshotBody names a snapshot that is to be taken.
type SnapshotBody struct {
	Name        string `json:"name" example:"before-upgrade" doc:"Lower-case letters, digits and hyphens"`
	Description string `json:"description,omitempty" maxLength:"1000"`
}

type takeSnapshotInput struct {
	Mutation
	VM   string `path:"vm" doc:"Name or ID of the VM"`
	Body SnapshotBody
}

type snapshotInput struct {
	Scope
	VM       string `path:"vm" doc:"Name or ID of the VM"`
	Snapshot string `path:"snapshot" doc:"Name or ID of the snapshot"`
}

type deleteSnapshotInput struct {
	Mutation
	VM       string `path:"vm" doc:"Name or ID of the VM"`
	Snapshot string `path:"snapshot" doc:"Name or ID of the snapshot"`
}

// RevertBody says what becomes of the VM.
type RevertBody struct {
	Start *bool `json:"start,omitempty" doc:"Start it when the disks are back; if left out, if it is on now"`
}

type revertInput struct {
	Mutation
	VM       string `path:"vm" doc:"Name or ID of the VM"`
	Snapshot string `path:"snapshot" doc:"Name or ID of the snapshot"`
	Body     *RevertBody
}

func (s *Server) snapshotRoutes() {
	tags := []string{"Snapshots"}
	add(s, user, huma.Operation{
		OperationID: "list-snapshots", Method: http.MethodGet, Path: "/vms/{vm}/snapshots", Tags: tags, Summary: "List a VM's snapshots, oldest first",
	}, func(ctx context.Context, in *getVMInput) (*listed[snapshot.Snapshot], error) {
		found, _, err := s.findVM(ctx, in.Scope, in.VM)
		if err != nil {
			return nil, err
		}
		all, err := s.store.SnapshotsOf(ctx, found.ID)
		return page(all, ""), err
	})
	add(s, user, huma.Operation{
		OperationID: "get-snapshot", Method: http.MethodGet, Path: "/vms/{vm}/snapshots/{snapshot}", Tags: tags, Summary: "Show a snapshot",
	}, func(ctx context.Context, in *snapshotInput) (*plain[snapshot.Snapshot], error) {
		of, _, err := s.findVM(ctx, in.Scope, in.VM)
		if err != nil {
			return nil, err
		}
		found, err := s.store.FindSnapshot(ctx, of.ID, in.Snapshot)
		return &plain[snapshot.Snapshot]{Body: found}, err
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "take-snapshot", Method: http.MethodPost, Path: "/vms/{vm}/snapshots", Tags: tags,
		Summary: "Keep all disks of a VM as they are, while it runs or while it is off",
	}), func(ctx context.Context, in *takeSnapshotInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareSnapshot(ctx, where, in) })
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "revert-snapshot", Method: http.MethodPost, Path: "/vms/{vm}/snapshots/{snapshot}/revert", Tags: tags,
		Summary: "Set a VM's disks back to a snapshot; the VM is off meanwhile",
	}), func(ctx context.Context, in *revertInput) (*answer, error) {
		body := or(in.Body, RevertBody{})
		return s.accept(ctx, in.Mutation, body, func(where reach) (intent, error) { return s.prepareRevert(ctx, where, in, body) })
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "delete-snapshot", Method: http.MethodDelete, Path: "/vms/{vm}/snapshots/{snapshot}", Tags: tags,
		Summary: "Delete a snapshot; the disks and other snapshots stay as they are",
	}), func(ctx context.Context, in *deleteSnapshotInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, nil, func(where reach) (intent, error) {
			of, found, err := s.snapshotFor(ctx, where, in.VM, in.Snapshot, vm.DeleteSnapshot)
			if err != nil {
				return intent{}, err
			}
			return onVM(of, operation.DeleteSnapshot, operation.SnapshotRequest{VM: of.ID, Snapshot: found.ID}), nil
		})
	})
}

func (s *Server) prepareSnapshot(ctx context.Context, where reach, in *takeSnapshotInput) (intent, error) {
	found, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(vm.TakeSnapshot); err != nil {
		return intent{}, err
	}
	if err := project.CheckName(in.Body.Name); err != nil {
		return intent{}, err
	}
	if err := snapshot.CheckCount(found.Snapshots); err != nil {
		return intent{}, err
	}
	disks, err := s.store.VolumesOf(ctx, found.ID)
	if err != nil {
		return intent{}, err
	}
	made := snapshot.Snapshot{ID: id.New[id.Snapshot](), VM: found.ID, Name: in.Body.Name, Description: in.Body.Description}
	for _, each := range disks {
		made.Disks = append(made.Disks, snapshot.Disk{Volume: each.ID, Device: each.Device, SizeBytes: each.SizeBytes})
	}
	wanted := onVM(found, operation.TakeSnapshot, operation.SnapshotRequest{VM: found.ID, Snapshot: made.ID})
	wanted.NewSnapshot = &made
	wanted.notes = append(wanted.notes, "While the VM has snapshots its disks stay in their pools and keep their sizes.")
	return wanted, nil
}

func (s *Server) prepareRevert(ctx context.Context, where reach, in *revertInput, body RevertBody) (intent, error) {
	of, found, err := s.snapshotFor(ctx, where, in.VM, in.Snapshot, vm.RevertSnapshot)
	if err != nil {
		return intent{}, err
	}
	if err := found.Usable(); err != nil {
		return intent{}, err
	}
	disks, err := s.store.VolumesOf(ctx, of.ID)
	if err != nil {
		return intent{}, err
	}
	on := of.State == vm.Running || of.State == vm.Paused
	wanted := onVM(of, operation.RevertSnapshot, operation.RevertRequest{VM: of.ID, Snapshot: found.ID, Start: or(body.Start, on)})
	wanted.notes = append(wanted.notes, "What is on the VM's disks now is lost, unless another snapshot holds it.", "The next backup is a full one.")
	if len(disks) > len(found.Disks) {
		wanted.notes = append(wanted.notes, "Disks that were attached after the snapshot stay as they are.")
	}
	return wanted, nil
}

// snapshotFor finds a VM and a snapshot of it that something is to be done with.
func (s *Server) snapshotFor(ctx context.Context, where reach, machine, ref string, action vm.Action) (vm.VM, snapshot.Snapshot, error) {
	of, err := s.store.GetVM(ctx, where.toward(machine), machine)
	if err != nil {
		return vm.VM{}, snapshot.Snapshot{}, err
	}
	found, err := s.store.FindSnapshot(ctx, of.ID, ref)
	if err != nil {
		return vm.VM{}, snapshot.Snapshot{}, err
	}
	return of, found, of.Can(action)
}

// keepsNoSnapshots refuses to delete a VM whose volumes would go on with snapshots that nobody knows of.
func keepsNoSnapshots(of vm.VM, stays string) error {
	if of.Snapshots == 0 {
		return nil
	}
	return fault.Conflict("volume %s outlives VM %s and holds its snapshots; delete the snapshots first", stays, of.Name)
}
