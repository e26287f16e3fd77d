package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/operation"
)

// Backup reads a VM's disks as they are at one instant into the repository: all of them, or what changed since the
// backup before. The VM runs on meanwhile.
func Backup(ctx workflow.Context, task Task[operation.BackupRequest]) error {
	return perform(ctx, task.header(), backupSteps, &taking{request: task.Request}, (*taking).result)
}

type taking struct {
	seat
	request operation.BackupRequest
	plan    control.BackupPlan
	export  host.ExportReport
	taken   backup.Backup
}

func (t *taking) result() any { return t.taken }

var backupSteps = []step[taking]{
	{name: "plan", title: "Find the backup to compare with", do: (*taking).find, undo: (*taking).forget, undoes: "Remove the backup from the inventory"},
	{
		name: "begin_export", title: "Freeze the guest for an instant and begin the export", do: (*taking).begin,
		undo: (*taking).rollBack, undoes: "End the export and drop its checkpoint", leak: (*taking).exportLeak,
	},
	{
		name: "copy_disks", title: "Copy the disks into the repository", do: (*taking).copyDisks,
		undo: (*taking).deleteData, undoes: "Delete what was copied", leak: (*taking).dataLeak,
	},
	{name: "end_export", title: "End the export", do: (*taking).endExport},
	{name: "commit", title: "Record the backup", do: (*taking).commitBackup, noReturn: true},
	{name: "drop_checkpoints", title: "Drop the checkpoints that are no longer needed", do: (*taking).dropCheckpoints},
	{name: "expire", title: "Delete backups past their keep", do: (*taking).expire, needless: (*taking).unscheduled},
}

func (t *taking) exportLeak() operation.Leak {
	return operation.Leak{Kind: "export", ID: string(t.request.VM), Host: t.at}
}

func (t *taking) dataLeak() operation.Leak {
	return operation.Leak{Kind: "backup", ID: string(t.request.Backup), Host: t.at}
}

func (t *taking) unscheduled() bool { return t.request.Schedule == "" }

func (t *taking) find(ctx workflow.Context) (err error) {
	t.plan, err = atControl[control.BackupPlan](ctx, toControl.PlanBackup, t.request)
	t.machine, t.at, t.taken = t.plan.Machine, t.plan.Machine.VM.Host, t.plan.Backup
	return err
}

func (t *taking) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetBackup, t.request.Backup)
	return err
}

func (t *taking) begin(ctx workflow.Context) (err error) {
	request := host.ExportRequest{On: t.on(), VM: t.request.VM, Backup: t.request.Backup, Volumes: t.machine.Volumes}
	if t.plan.Base != nil {
		request.Since = t.plan.Base.ID
	}
	t.export, err = atHost[host.ExportReport](ctx, t.at, toHost.BeginExport, request)
	t.taken.Mode, t.taken.ModeReason, t.taken.Frozen = t.export.Mode, t.plan.Reason, t.export.Frozen
	if t.export.Reason != "" {
		t.taken.ModeReason = t.export.Reason
	}
	return err
}

func (t *taking) endExport(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, t.at, toHost.EndExport, host.MachineRequest{On: t.on(), VM: t.request.VM})
	return err
}

func (t *taking) rollBack(ctx workflow.Context) error {
	if err := t.endExport(ctx); err != nil {
		return err
	}
	_, err := atHost[struct{}](ctx, t.at, toHost.DropCheckpoint, host.CheckpointRequest{On: t.on(), VM: t.request.VM, Backup: t.request.Backup})
	return err
}

func (t *taking) copyDisks(ctx workflow.Context) error {
	t.taken.Disks = nil
	for _, each := range t.machine.Volumes {
		request := host.StoreRequest{On: t.on(), Backup: t.request.Backup, Volume: each, Export: t.export.Of(each.Device)}
		if t.plan.Base != nil {
			request.Parent = diskOf(*t.plan.Base, each.Device)
		}
		stored, err := atHost[host.Stored](ctx, t.at, toHost.StoreDisk, request)
		if err != nil {
			return err
		}
		t.taken.Disks = append(t.taken.Disks, stored.Disk)
		t.taken.ReadBytes += stored.ReadBytes
		t.taken.StoredBytes += stored.StoredBytes
		if stored.Whole != "" {
			t.taken.Mode, t.taken.ModeReason = backup.Full, stored.Whole
		}
	}
	if t.taken.Mode == backup.Incremental {
		t.taken.Base = t.plan.Base.ID
	}
	return nil
}

func diskOf(taken backup.Backup, device string) *backup.Disk {
	for _, each := range taken.Disks {
		if each.Device == device {
			return &each
		}
	}
	return nil
}

func (t *taking) deleteData(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, t.at, toHost.DeleteBackupData, host.BackupDataRequest{On: t.on(), Backup: t.request.Backup})
	return err
}

func (t *taking) commitBackup(ctx workflow.Context) (err error) {
	t.taken, err = atControl[backup.Backup](ctx, toControl.CommitBackup, control.TakenBackup{
		Backup: t.taken, Checkpoint: t.export.Checkpoint, Operation: runOf(ctx).operation,
	})
	return err
}

// dropCheckpoints keeps only the newest. A backup of a VM that is off makes none, and the older one stays good.
func (t *taking) dropCheckpoints(ctx workflow.Context) error {
	if !t.export.Checkpoint {
		return nil
	}
	_, err := atHost[struct{}](ctx, t.at, toHost.KeepCheckpoint, host.CheckpointRequest{On: t.on(), VM: t.request.VM, Backup: t.request.Backup})
	return err
}

func (t *taking) expire(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ExpireBackups, control.Expiry{Schedule: t.request.Schedule, By: runOf(ctx).operation})
	return err
}
