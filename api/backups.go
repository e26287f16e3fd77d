package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

type listBackupsInput struct {
	Scope
	Paging
	VM       string `query:"vm" doc:"Only backups of this VM (name or ID); it may be gone"`
	Schedule string `query:"schedule" doc:"Only backups that this schedule made (ID)"`
	State    string `query:"state" enum:"creating,ready,damaged,deleting" doc:"Only backups in this state"`
}

type backupInput struct {
	Scope
	Backup string `path:"backup" doc:"ID of the backup"`
}

type changeBackupInput struct {
	Mutation
	Backup string `path:"backup" doc:"ID of the backup"`
}

// BackupBody says how to back a VM up.
type BackupBody struct {
	Mode backup.Mode `json:"mode,omitempty" enum:"full,incremental" doc:"Incremental where possible, else full, if left out"`
}

type takeBackupInput struct {
	Mutation
	VM   string `path:"vm" doc:"Name or ID of the VM"`
	Body *BackupBody
}

func (s *Server) backupRoutes() {
	tags := []string{"Backups"}
	add(s, user, huma.Operation{
		OperationID: "list-backups", Method: http.MethodGet, Path: "/backups", Tags: tags, Summary: "List backups, newest first",
	}, s.listBackups)
	add(s, user, huma.Operation{
		OperationID: "get-backup", Method: http.MethodGet, Path: "/backups/{backup}", Tags: tags, Summary: "Show a backup",
	}, func(ctx context.Context, in *backupInput) (*plain[backup.Backup], error) {
		where, err := s.reach(ctx, in.Scope)
		if err != nil {
			return nil, err
		}
		found, err := s.findBackup(ctx, where, in.Backup)
		return &plain[backup.Backup]{Body: shownBackup(found)}, err
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "backup-vm", Method: http.MethodPost, Path: "/vms/{vm}/backups", Tags: tags, Summary: "Back a VM up",
	}), s.takeBackup)
	add(s, user, s.starts(huma.Operation{
		OperationID: "verify-backup", Method: http.MethodPost, Path: "/backups/{backup}/verify", Tags: tags, Summary: "Read a backup and check every hash",
	}), s.verifyBackup)
	add(s, user, s.starts(huma.Operation{
		OperationID: "delete-backup", Method: http.MethodDelete, Path: "/backups/{backup}", Tags: tags, Summary: "Delete a backup",
	}), s.deleteBackup)
}

func (s *Server) listBackups(ctx context.Context, in *listBackupsInput) (*listed[backup.Backup], error) {
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	found, next, err := s.store.ListBackups(ctx, store.BackupFilter{
		Project: where.listing(), VM: in.VM, Schedule: id.Schedule(in.Schedule), State: backup.State(in.State), Cursor: in.Cursor, Limit: in.Limit,
	})
	for i := range found {
		found[i] = shownBackup(found[i])
	}
	return page(found, next), err
}

func shownBackup(found backup.Backup) backup.Backup {
	if found.Disks == nil {
		found.Disks = []backup.Disk{}
	}
	return found
}

func (s *Server) findBackup(ctx context.Context, where reach, ref string) (backup.Backup, error) {
	backupID, err := id.Parse[id.Backup](ref)
	if err != nil {
		return backup.Backup{}, fault.NotFound("there is no backup %q; its ID looks like bkp_ and 26 letters and digits", ref)
	}
	return s.store.GetBackup(ctx, where.toward(ref), backupID)
}

func (s *Server) takeBackup(ctx context.Context, in *takeBackupInput) (*answer, error) {
	body := or(in.Body, BackupBody{})
	return s.accept(ctx, in.Mutation, body, func(where reach) (intent, error) {
		found, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
		if err != nil {
			return intent{}, err
		}
		if err := found.Can(vm.TakeBackup); err != nil {
			return intent{}, err
		}
		made := backup.Backup{
			ID: id.New[id.Backup](), Project: found.Project, VM: found.ID, VMName: found.Name, Mode: body.Mode, State: backup.Creating,
			Spec: found.Spec, Disks: []backup.Disk{},
		}
		if made.Mode == "" {
			made.Mode = backup.Full // until the operation knows better
		}
		wanted := onVM(found, operation.TakeBackup, operation.BackupRequest{VM: found.ID, Backup: made.ID, Mode: body.Mode})
		wanted.Claims = append(wanted.Claims, string(made.ID))
		wanted.NewBackup = &made
		return wanted, nil
	})
}

func (s *Server) verifyBackup(ctx context.Context, in *changeBackupInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, nil, func(where reach) (intent, error) {
		found, err := s.findBackup(ctx, where, in.Backup)
		if err != nil {
			return intent{}, err
		}
		if err := complete(found, "verified"); err != nil {
			return intent{}, err
		}
		wanted := onBackup(found, operation.VerifyBackup)
		wanted.Shared = []string{string(found.ID)}
		return wanted, nil
	})
}

func (s *Server) deleteBackup(ctx context.Context, in *changeBackupInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, nil, func(where reach) (intent, error) {
		found, err := s.findBackup(ctx, where, in.Backup)
		if err != nil {
			return intent{}, err
		}
		if found.ReferencedBy > 0 {
			return intent{}, fault.Conflict("backup %s is in use by %d operations; wait for them or cancel them", found.ID, found.ReferencedBy)
		}
		wanted := onBackup(found, operation.DeleteBackup)
		wanted.Claims = []string{string(found.ID)}
		return wanted, nil
	})
}

func onBackup(found backup.Backup, kind operation.Kind) intent {
	return intent{
		kind: kind, subject: operation.Subject{Kind: "backup", ID: string(found.ID), Name: found.VMName},
		request:    operation.BackupRef{Backup: found.ID},
		Acceptance: store.Acceptance{Operation: operation.Operation{Project: found.Project}},
	}
}

// complete refuses a backup that is not all there, or no longer.
func complete(found backup.Backup, done string) error {
	switch found.State {
	case backup.Creating:
		return fault.Conflict("backup %s is still being taken, so it cannot be %s; wait until it is ready", found.ID, done)
	case backup.Deleting:
		return fault.Conflict("backup %s is being deleted, so it cannot be %s; take another one", found.ID, done)
	}
	return nil
}
