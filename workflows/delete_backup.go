package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
)

// DeleteBackup removes a backup and the chunks that no other backup needs.
func DeleteBackup(ctx workflow.Context, task Task[operation.BackupRef]) error {
	return perform(ctx, task.header(), deleteBackupSteps, &kept{request: task.Request}, (*kept).result)
}

var deleteBackupSteps = []step[kept]{
	{name: "read", title: "Read the backup from the inventory and choose a host that reaches the repository", do: (*kept).read},
	{name: "mark", title: "Mark it as going, so that nobody restores it", do: (*kept).mark, noReturn: true},
	{name: "drop_checkpoint", title: "Stop tracking what changes after it", do: (*kept).dropCheckpoint, needless: (*kept).untracked},
	{name: "delete_data", title: "Delete the chunks that no other backup needs", do: (*kept).deleteData},
	{name: "forget", title: "Remove it from the inventory", do: (*kept).forget},
}

func (k *kept) mark(ctx workflow.Context) (err error) {
	k.at, err = atControl[control.BackupAt](ctx, toControl.MarkBackupDeleting, k.request.Backup)
	return err
}

// untracked is true once it is known that nothing tracks changes since this backup, or that the host where something does
// is silent: the VM's next backup drops what this one cannot.
func (k *kept) untracked() bool { return k.at.Backup.ID != "" && k.at.Tracker == "" }

func (k *kept) dropCheckpoint(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, k.at.Tracker, toHost.DropCheckpoint, host.CheckpointRequest{
		On: host.On{Host: k.at.Tracker}, VM: k.at.Backup.VM, Backup: k.request.Backup,
	})
	return err
}

func (k *kept) deleteData(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, k.at.Host, toHost.DeleteBackupData, host.BackupDataRequest{
		On: host.On{Host: k.at.Host}, Backup: k.request.Backup,
	})
	return err
}

func (k *kept) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetBackup, k.request.Backup)
	return err
}
