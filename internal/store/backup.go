package store

import (
	"context"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/vm"
)

// BackupFilter chooses backups; empty fields choose all.
type BackupFilter struct {
	Project  id.Project
	VM       string // name or ID; the VM may be gone
	Schedule id.Schedule
	State    backup.State
	Cursor   string // from the page before
	Limit    int    // 1 to MaxPage; 0 means DefaultPage
}

// backupFacts is the data of a backup's events.
type backupFacts struct {
	VM     string       `json:"vm_id"`
	VMName string       `json:"vm_name"`
	State  backup.State `json:"state,omitempty"`
	Detail string       `json:"detail,omitempty"`
}

// GetBackup returns one backup; NotFound if it is not in the project.
func (s *Store) GetBackup(ctx context.Context, project id.Project, backupID id.Backup) (backup.Backup, error) {
	row, err := s.queries.GetBackup(ctx, string(backupID), string(project))
	if err != nil {
		return backup.Backup{}, noBackup(err, backupID)
	}
	found, err := backupOf(row)
	return found, translate(err)
}

func noBackup(err error, backupID id.Backup) error {
	return missing(err, "there is no backup %s; list them with novacron backup list", backupID)
}

func backupOf(row db.BackupRecord) (backup.Backup, error) {
	found := backup.Backup{
		ID: id.Backup(row.ID), Project: id.Project(row.ProjectID), VM: id.VM(row.VMID), VMName: row.VMName, Mode: backup.Mode(row.Mode),
		ModeReason: row.ModeReason, Base: fromNull[id.Backup](row.BaseID), State: backup.State(row.State), Frozen: row.Frozen,
		Checkpoint: row.Checkpoint, Schedule: fromNull[id.Schedule](row.ScheduleID),
		Spec:      vm.Spec{CPUs: int(row.CPUs), MemoryBytes: row.MemoryBytes},
		ReadBytes: row.ReadBytes, StoredBytes: row.StoredBytes, CreatedAt: row.CreatedAt, VerifiedAt: timeFromNull(row.VerifiedAt),
		ReferencedBy: int(row.ReferencedBy), DamagedDetail: row.DamagedDetail, CloudInit: fromNull[id.CloudInit](row.CloudInitID),
	}
	err := unmarshal(row.Disks, &found.Disks)
	return found, err
}

// ListBackups returns a page, newest first, and the cursor of the next page, empty at the end.
func (s *Store) ListBackups(ctx context.Context, filter BackupFilter) ([]backup.Backup, string, error) {
	size, err := pageSize(filter.Limit)
	if err != nil {
		return nil, "", err
	}
	after, err := decodeCursor(filter.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	vmID, vmName := "", filter.VM
	if id.Is[id.VM](filter.VM) {
		vmID, vmName = filter.VM, ""
	}
	rows, err := s.queries.ListBackups(ctx, db.ListBackupsParams{
		ProjectID: string(filter.Project), VMID: vmID, VMName: vmName, ScheduleID: string(filter.Schedule),
		State: string(filter.State), Before: after[0], PageSize: int32(size + 1),
	})
	found, err := mapRows(rows, err, backupOf)
	page, next := cutPage(found, size, func(b backup.Backup) []string { return []string{string(b.ID)} })
	return page, next, err
}

func (c *change) insertBackup(ctx context.Context, added backup.Backup, by id.Operation) error {
	if added.State == "" {
		added.State = backup.Creating
	}
	if added.Disks == nil {
		added.Disks = []backup.Disk{}
	}
	c.emit(event.Event{
		Type: "backup.created", Project: string(added.Project), SubjectKind: "backup", SubjectID: string(added.ID), Operation: string(by),
	}, backupFacts{VM: string(added.VM), VMName: added.VMName, State: added.State})
	return c.InsertBackup(ctx, db.InsertBackupParams{
		ID: string(added.ID), ProjectID: string(added.Project), VMID: string(added.VM), VMName: added.VMName, Mode: string(added.Mode),
		ModeReason: added.ModeReason, BaseID: orNull(added.Base), State: string(added.State), ScheduleID: orNull(added.Schedule),
		Disks: marshal(added.Disks), CPUs: int32(added.Spec.CPUs), MemoryBytes: added.Spec.MemoryBytes,
	})
}

// FinishBackup records what a backup holds (mode, reason, base, disks, bytes, frozen, checkpoint) and makes it Ready, with
// the event backup.ready. It may be repeated.
func (s *Store) FinishBackup(ctx context.Context, finished backup.Backup) error {
	return s.withBackup(ctx, finished.ID, func(c *change, locked db.LockBackupRow) error {
		if backup.State(locked.State) != backup.Ready {
			c.emitBackup("backup.ready", locked, backupFacts{State: backup.Ready})
		}
		if finished.Disks == nil {
			finished.Disks = []backup.Disk{}
		}
		return c.FinishBackup(ctx, db.FinishBackupParams{
			Mode: string(finished.Mode), ModeReason: finished.ModeReason, BaseID: orNull(finished.Base), Frozen: finished.Frozen,
			Disks: marshal(finished.Disks), CPUs: int32(finished.Spec.CPUs), MemoryBytes: finished.Spec.MemoryBytes,
			Checkpoint: finished.Checkpoint, ReadBytes: finished.ReadBytes, StoredBytes: finished.StoredBytes, ID: locked.ID,
		})
	})
}

// withBackup runs work on a backup whose row is locked.
func (s *Store) withBackup(ctx context.Context, backupID id.Backup, work func(*change, db.LockBackupRow) error) error {
	return s.change(ctx, func(c *change) error {
		locked, err := c.LockBackup(ctx, string(backupID))
		if err != nil {
			return noBackup(err, backupID)
		}
		return work(c, locked)
	})
}

func (c *change) emitBackup(happened string, locked db.LockBackupRow, facts backupFacts) {
	facts.VM, facts.VMName = locked.VMID, locked.VMName
	c.emit(event.Event{Type: happened, Project: locked.ProjectID, SubjectKind: "backup", SubjectID: locked.ID}, facts)
}

// SetBackupState moves a backup to a state, with the event backup.<state>; detail is for Damaged. It may be repeated.
func (s *Store) SetBackupState(ctx context.Context, backupID id.Backup, state backup.State, detail string) error {
	return s.withBackup(ctx, backupID, func(c *change, locked db.LockBackupRow) error {
		if backup.State(locked.State) == state && locked.DamagedDetail == detail {
			return nil
		}
		c.emitBackup("backup."+string(state), locked, backupFacts{State: state, Detail: detail})
		return c.SetBackupState(ctx, string(state), detail, locked.ID)
	})
}

// RecordVerification records that a backup was verified just now: damage says what was wrong with it, empty for nothing.
// The backup becomes Damaged or Ready, with the event backup.damaged or backup.verified.
func (s *Store) RecordVerification(ctx context.Context, backupID id.Backup, damage string) error {
	return s.withBackup(ctx, backupID, func(c *change, locked db.LockBackupRow) error {
		happened, state := "backup.verified", backup.Ready
		if damage != "" {
			happened, state = "backup.damaged", backup.Damaged
		}
		c.emitBackup(happened, locked, backupFacts{State: state, Detail: damage})
		return c.SetBackupVerified(ctx, string(state), damage, locked.ID)
	})
}

// DeleteBackup removes a backup from the inventory; one that is gone is fine.
func (s *Store) DeleteBackup(ctx context.Context, backupID id.Backup) error {
	return s.change(ctx, func(c *change) error {
		deleted, err := c.DeleteBackup(ctx, string(backupID))
		if err != nil {
			return gone(err)
		}
		c.emit(event.Event{Type: "backup.deleted", Project: deleted.ProjectID, SubjectKind: "backup", SubjectID: string(backupID)},
			backupFacts{VM: deleted.VMID, VMName: deleted.VMName})
		return nil
	})
}

// BaseFor returns the newest ready backup of the VM whose checkpoint still tracks changes; NotFound if there is none.
func (s *Store) BaseFor(ctx context.Context, machine id.VM) (backup.Backup, error) {
	row, err := s.queries.BaseFor(ctx, string(machine))
	if err != nil {
		return backup.Backup{}, missing(err, "VM %s has no backup that an incremental one could build on; take a full one", machine)
	}
	found, err := backupOf(row)
	return found, translate(err)
}

// ClearCheckpoints records that of the VM's backups only those in keep still have a checkpoint.
func (s *Store) ClearCheckpoints(ctx context.Context, machine id.VM, keep []id.Backup) error {
	return translate(s.queries.ClearCheckpoints(ctx, string(machine), texts(keep)))
}
