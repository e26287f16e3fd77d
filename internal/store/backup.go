package store

import (
	"context"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
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

// GetBackup returns one backup; NotFound if it is not in the project.
func (s *Store) GetBackup(ctx context.Context, project id.Project, backupID id.Backup) (backup.Backup, error) {
	return backup.Backup{}, errUnbuilt
}

// ListBackups returns a page, newest first, and the cursor of the next page, empty at the end.
func (s *Store) ListBackups(ctx context.Context, filter BackupFilter) ([]backup.Backup, string, error) {
	return nil, "", errUnbuilt
}

// FinishBackup records what a backup holds (mode, reason, base, disks, bytes, frozen, checkpoint) and makes it Ready, with
// the event backup.ready. It may be repeated.
func (s *Store) FinishBackup(ctx context.Context, finished backup.Backup) error { return errUnbuilt }

// SetBackupState moves a backup to a state, with the event backup.<state>; detail is for Damaged. It may be repeated.
func (s *Store) SetBackupState(ctx context.Context, backupID id.Backup, state backup.State, detail string) error {
	return errUnbuilt
}

// RecordVerification records that a backup was verified just now: damage says what was wrong with it, empty for nothing.
// The backup becomes Damaged or Ready, with the event backup.damaged or backup.verified.
func (s *Store) RecordVerification(ctx context.Context, backupID id.Backup, damage string) error {
	return errUnbuilt
}

// DeleteBackup removes a backup from the inventory; one that is gone is fine.
func (s *Store) DeleteBackup(ctx context.Context, backupID id.Backup) error { return errUnbuilt }

// BaseFor returns the newest ready backup of the VM whose checkpoint still tracks changes; NotFound if there is none.
func (s *Store) BaseFor(ctx context.Context, machine id.VM) (backup.Backup, error) {
	return backup.Backup{}, errUnbuilt
}

// ClearCheckpoints records that of the VM's backups only those in keep still have a checkpoint.
func (s *Store) ClearCheckpoints(ctx context.Context, machine id.VM, keep []id.Backup) error {
	return errUnbuilt
}
