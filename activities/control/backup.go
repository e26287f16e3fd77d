package control

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/retention"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/volume"
)

// BackupPlan is how a backup is to be taken.
type BackupPlan struct {
	Machine Machine        `json:"machine"`
	Backup  backup.Backup  `json:"backup"`
	Base    *backup.Backup `json:"base,omitempty"`   // to compare with; nil for a full one
	Reason  string         `json:"reason,omitempty"` // why it is a full one
}

// PlanBackup finds what a backup can be compared with.
func (a *Activities) PlanBackup(ctx context.Context, in operation.BackupRequest) (BackupPlan, error) {
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return BackupPlan{}, err
	}
	plan := BackupPlan{Machine: machine}
	if plan.Backup, err = a.Store.GetBackup(ctx, "", in.Backup); err != nil {
		return BackupPlan{}, err
	}
	if in.Mode == backup.Full {
		plan.Reason = "a full backup was asked for"
		return plan, nil
	}
	if !slices.ContainsFunc(machine.Volumes, func(disk volume.Volume) bool { return disk.Format == "qcow2" }) {
		plan.Reason = "QEMU keeps no record of what changes on raw disks, so they were read in full; chunks that are known already were not stored again"
		if in.Mode == backup.Incremental {
			return BackupPlan{}, fault.Conflict("VM %s has only raw disks, of whose changes QEMU keeps no record; take a full backup", machine.VM.Name)
		}
		return plan, nil
	}
	base, err := a.Store.BaseFor(ctx, in.VM)
	switch {
	case fault.Is(err, fault.KindNotFound) && in.Mode == backup.Incremental:
		return BackupPlan{}, fault.Conflict("VM %s has no backup that an incremental one could be compared with; take a full one first", machine.VM.Name)
	case fault.Is(err, fault.KindNotFound):
		plan.Reason = "there is no backup whose changes the disks still track"
	case err != nil:
		return BackupPlan{}, err
	default:
		plan.Base = &base
	}
	return plan, nil
}

// TakenBackup is a backup that has been taken.
type TakenBackup struct {
	Backup     backup.Backup `json:"backup"`
	Checkpoint bool          `json:"checkpoint"` // the disks track changes since it
	Operation  id.Operation  `json:"operation_id"`
}

// CommitBackup makes a backup one that can be restored, and the one to compare the next with.
func (a *Activities) CommitBackup(ctx context.Context, in TakenBackup) (backup.Backup, error) {
	in.Backup.Checkpoint = in.Checkpoint
	if err := a.Store.FinishBackup(ctx, in.Backup); err != nil {
		return backup.Backup{}, err
	}
	if in.Checkpoint {
		if err := a.Store.ClearCheckpoints(ctx, in.Backup.VM, []id.Backup{in.Backup.ID}); err != nil {
			return backup.Backup{}, err
		}
	}
	return a.Store.GetBackup(ctx, "", in.Backup.ID)
}

// ForgetBackup removes a backup from the inventory; a missing one is fine.
func (a *Activities) ForgetBackup(ctx context.Context, taken id.Backup) error {
	return ignoreMissing(a.Store.DeleteBackup(ctx, taken))
}

// Checkpoints names the checkpoints that still hold.
type Checkpoints struct {
	VM    id.VM    `json:"vm_id"`
	Valid []string `json:"valid"`
}

// KeepCheckpoints records which backups can still be compared with. A checkpoint has the name of its backup.
func (a *Activities) KeepCheckpoints(ctx context.Context, in Checkpoints) error {
	keep := make([]id.Backup, 0, len(in.Valid))
	for _, name := range in.Valid {
		keep = append(keep, id.Backup(name))
	}
	return a.Store.ClearCheckpoints(ctx, in.VM, keep)
}

// BackupAt is a backup and a host that reaches the repository. Tracker is the host where the VM's disks track what
// changes after this backup, empty if they do not or that host does not answer.
type BackupAt struct {
	Backup  backup.Backup `json:"backup"`
	Host    id.Host       `json:"host_id"`
	Tracker id.Host       `json:"tracker_id,omitempty"`
}

// ReadBackup reads a backup and chooses the least busy host that answers.
func (a *Activities) ReadBackup(ctx context.Context, taken id.Backup) (BackupAt, error) {
	found, err := a.Store.GetBackup(ctx, "", taken)
	if err != nil {
		return BackupAt{}, err
	}
	read := BackupAt{Backup: found}
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return BackupAt{}, err
	}
	var tracker id.Host
	if machine, err := a.Store.GetVM(ctx, "", string(found.VM)); err == nil && found.Checkpoint {
		tracker = machine.Host
	} else if err != nil && !fault.Is(err, fault.KindNotFound) {
		return BackupAt{}, err
	}
	best := 2.0
	for _, each := range hosts {
		if each.StateAt(time.Now()) == host.Offline {
			continue
		}
		if each.Use.CPUFraction < best {
			best, read.Host = each.Use.CPUFraction, each.ID
		}
		if each.ID == tracker {
			read.Tracker = tracker
		}
	}
	if read.Host == "" {
		return BackupAt{}, fault.Unavailable("no host answers, and only hosts reach the backup repository; bring one up")
	}
	return read, nil
}

// MarkBackupDeleting takes a backup out of use.
func (a *Activities) MarkBackupDeleting(ctx context.Context, taken id.Backup) (BackupAt, error) {
	if err := a.Store.SetBackupState(ctx, taken, backup.Deleting, ""); err != nil {
		return BackupAt{}, err
	}
	return a.ReadBackup(ctx, taken)
}

// Verification is what reading a backup found.
type Verification struct {
	Backup id.Backup `json:"backup_id"`
	Damage string    `json:"damage,omitempty"`
}

// RecordVerification records it.
func (a *Activities) RecordVerification(ctx context.Context, in Verification) error {
	return a.Store.RecordVerification(ctx, in.Backup, in.Damage)
}

// Expiry asks for the deletion of a schedule's backups past their keep.
type Expiry struct {
	Schedule id.Schedule  `json:"schedule_id"`
	By       id.Operation `json:"by"`
}

// ExpireBackups accepts and starts a deletion, each an operation of its own, for every backup past its keep. A schedule
// that is gone keeps everything.
func (a *Activities) ExpireBackups(ctx context.Context, in Expiry) error {
	schedule, err := a.Store.GetSchedule(ctx, "", string(in.Schedule))
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	taken, _, err := a.Store.ListBackups(ctx, store.BackupFilter{Schedule: in.Schedule, Limit: store.MaxPage})
	if err != nil {
		return err
	}
	for _, each := range retention.Expired(taken, schedule.Keep, time.Now()) {
		request, err := json.Marshal(operation.BackupRef{Backup: each})
		if err != nil {
			return err
		}
		accepted, err := a.Store.Accept(ctx, store.Acceptance{
			Operation: operation.Operation{
				ID: id.New[id.Operation](), Project: schedule.Project, Kind: operation.DeleteBackup, Actor: "schedule:" + schedule.Name,
				Subject: operation.Subject{Kind: "backup", ID: string(each), Name: string(each)}, Request: request,
			},
			Principal: "operation:" + string(in.By), Key: "expire/" + string(each), Claims: []string{string(each)},
		})
		if fault.Is(err, fault.KindConflict) {
			continue // somebody uses it now; the next run looks again
		}
		if err != nil {
			return err
		}
		if err := a.Starter.Start(ctx, accepted.Operation); err != nil {
			return err
		}
	}
	return nil
}
