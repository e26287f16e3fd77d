package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// RestoreBody says what to make of a backup.
type RestoreBody struct {
	Name    string `json:"name,omitempty" doc:"Make a new VM of this name"`
	InPlace bool   `json:"in_place,omitempty" doc:"Set the VM back to the backup; what it has now is lost"`
	Host    string `json:"host,omitempty" doc:"Name or ID, for a new VM; the placement decides if left out"`
	Pool    string `json:"pool,omitempty" doc:"Where to put the disks; the placement decides if left out"`
	Network string `json:"network,omitempty" doc:"Name or ID, for a new VM; \"default\" if left out"`
	Start   *bool  `json:"start,omitempty" doc:"Start it when its disks are back; yes if left out"`
}

type restoreInput struct {
	Mutation
	Backup string `path:"backup" doc:"ID of the backup"`
	Body   RestoreBody
}

func (s *Server) restoreRoutes() {
	add(s, user, s.starts(huma.Operation{
		OperationID: "restore-backup", Method: http.MethodPost, Path: "/backups/{backup}/restore", Tags: []string{"Backups"},
		Summary: "Make a new VM from a backup, or set its VM back to it",
	}), s.restore)
}

func (s *Server) restore(ctx context.Context, in *restoreInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) {
		found, err := s.findBackup(ctx, where, in.Backup)
		if err != nil {
			return intent{}, err
		}
		if err := restorable(found); err != nil {
			return intent{}, err
		}
		switch {
		case in.Body.InPlace && in.Body.Name != "":
			return intent{}, fault.Invalid("a restore either sets the VM back (in_place) or makes a new one (name); send one of them").At("name")
		case in.Body.InPlace:
			return s.prepareSetBack(ctx, found, in.Body)
		}
		return s.prepareRestored(ctx, where, found, in.Body)
	})
}

func restorable(found backup.Backup) error {
	if found.State == backup.Damaged {
		return fault.Conflict("backup %s is damaged and cannot be restored%s; restore another one, and verify the repository", found.ID, detailed(found.DamagedDetail))
	}
	if err := complete(found, "restored"); err != nil {
		return err
	}
	if len(found.Disks) == 0 {
		return fault.Conflict("backup %s holds no disk; restore another one", found.ID)
	}
	return nil
}

func detailed(detail string) string {
	if detail == "" {
		return ""
	}
	return " (" + detail + ")"
}

// prepareSetBack prepares a restore in place: new disks are made, and take the place of the old ones at the end.
func (s *Server) prepareSetBack(ctx context.Context, from backup.Backup, body RestoreBody) (intent, error) {
	if body.Host != "" || body.Network != "" {
		return intent{}, fault.Invalid("a restore in place keeps the VM's host and network; leave them out, or give a name to make a new VM").At("in_place")
	}
	found, err := s.store.GetVM(ctx, from.Project, string(from.VM))
	if fault.Is(err, fault.KindNotFound) {
		return intent{}, fault.Conflict("the VM of this backup (%s) is gone, so it cannot be set back; restore it as a new VM by giving a name", from.VMName).At("in_place")
	}
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(vm.RestoreInPlace); err != nil {
		return intent{}, err
	}
	disks, err := s.store.VolumesOf(ctx, found.ID)
	if err != nil {
		return intent{}, err
	}
	if len(disks) == 0 {
		return intent{}, fault.Conflict("VM %s has no disks to set back; restore the backup as a new VM", found.Name)
	}
	if body.Pool != "" && body.Pool != disks[0].Pool {
		return intent{}, fault.Invalid("a restore in place stays in the pool of the VM's disks, %s; leave the pool out, or restore as a new VM", disks[0].Pool).At("pool")
	}
	if err := sameDisks(found, disks, from); err != nil {
		return intent{}, err
	}
	request := operation.RestoreRequest{Backup: from.ID, VM: found.ID, InPlace: true, Start: or(body.Start, true)}
	wanted := onVM(found, operation.Restore, request)
	wanted.Shared = []string{string(from.ID)}
	request.Volumes, wanted.NewVolumes = newDisks(from, "", disks[0].Pool)
	for i := range wanted.NewVolumes {
		for _, each := range disks {
			if each.Device == wanted.NewVolumes[i].Device {
				wanted.NewVolumes[i].Pool = each.Pool
			}
		}
	}
	wanted.request = request
	wanted.notes = []string{"What is on the VM's disks now is lost once the restore has succeeded."}
	return wanted, nil
}

// sameDisks refuses to set back a VM that has a disk which the backup knows nothing of.
func sameDisks(found vm.VM, disks []volume.Volume, from backup.Backup) error {
	for _, each := range disks {
		if !slices.ContainsFunc(from.Disks, func(kept backup.Disk) bool { return kept.Device == each.Device }) {
			return fault.Conflict("VM %s has disk %s, which is not in the backup; detach it first, or restore the backup as a new VM", found.Name, each.Device).At("in_place")
		}
	}
	return nil
}

// prepareRestored prepares a restore as a new VM.
func (s *Server) prepareRestored(ctx context.Context, where reach, from backup.Backup, body RestoreBody) (intent, error) {
	if body.Name == "" {
		return intent{}, fault.Invalid("say what to restore to: name for a new VM, or in_place to set the VM back").At("name")
	}
	if err := project.CheckName(body.Name); err != nil {
		return intent{}, err
	}
	if err := s.nameIsFree(ctx, from.Project, body.Name); err != nil {
		return intent{}, err
	}
	wired, err := s.networkFor(ctx, where, body.Network)
	if err != nil {
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
	if err := s.poolExists(ctx, body.Pool); err != nil {
		return intent{}, err
	}
	var bytes int64
	for _, disk := range from.Disks {
		bytes += disk.SizeBytes
	}
	choice, err := placement.Choose(placement.Request{Spec: from.Spec, DiskBytes: bytes, Pool: body.Pool, Host: asked}, hosts, s.now())
	if err != nil {
		return intent{}, err
	}
	machine := id.New[id.VM]()
	volumes, rows := newDisks(from, machine, choice.Pool)
	return intent{
		kind: operation.Restore, subject: operation.Subject{Kind: "vm", ID: string(machine), Name: body.Name},
		host: choice.Host, notes: choice.Reasons,
		request: operation.RestoreRequest{
			Backup: from.ID, VM: machine, Volumes: volumes, Name: body.Name, Pool: body.Pool, Network: wired.ID, Host: asked,
			Start: or(body.Start, true),
		},
		Acceptance: store.Acceptance{
			Operation: operation.Operation{Project: from.Project},
			Claims:    []string{string(machine)}, Shared: []string{string(from.ID)},
			NewVM: &vm.VM{
				ID: machine, Project: from.Project, Name: body.Name, State: vm.Provisioning, Spec: from.Spec, CloudInit: from.CloudInit,
				Interfaces: []vm.Interface{{Network: wired.ID}},
			},
			NewVolumes: rows,
		},
	}, nil
}

// newDisks mints a volume for each disk of a backup. Those of a restore in place belong to no VM until they take the
// place of the old ones.
func newDisks(from backup.Backup, machine id.VM, pool string) (ids []id.Volume, rows []volume.Volume) {
	for _, disk := range from.Disks {
		made := volume.Volume{
			ID: id.New[id.Volume](), Project: from.Project, VM: machine, Device: disk.Device, Pool: pool, SizeBytes: disk.SizeBytes,
			State: volume.Creating, // its pool gives it its format
		}
		ids, rows = append(ids, made.ID), append(rows, made)
	}
	return ids, rows
}
