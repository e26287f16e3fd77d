package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// VerifyBackup reads every chunk of a backup and compares it with its hash. A backup that cannot be restored is marked as
// damaged, and the operation fails with what was found.
func VerifyBackup(ctx workflow.Context, task Task[operation.BackupRef]) error {
	return perform(ctx, task.header(), verifySteps, &kept{request: task.Request}, (*kept).result)
}

// kept is the state of operations on a backup that exists.
type kept struct {
	request operation.BackupRef
	at      control.BackupAt
	damage  string
}

// BackupResult names the backup that was worked on.
type BackupResult struct {
	Backup id.Backup `json:"backup_id"`
	Damage string    `json:"damage,omitempty"`
}

func (k *kept) result() any { return BackupResult{Backup: k.request.Backup, Damage: k.damage} }

var verifySteps = []step[kept]{
	{name: "read", title: "Read the backup from the inventory and choose a host that reaches the repository", do: (*kept).read},
	{name: "verify", title: "Read and check every chunk", do: (*kept).verify},
	{name: "commit", title: "Record what was found", do: (*kept).commit},
}

func (k *kept) read(ctx workflow.Context) (err error) {
	k.at, err = atControl[control.BackupAt](ctx, toControl.ReadBackup, k.request.Backup)
	return err
}

func (k *kept) verify(ctx workflow.Context) error {
	found, err := atHost[host.Verdict](ctx, k.at.Host, toHost.VerifyBackupData, host.BackupDataRequest{
		On: host.On{Host: k.at.Host}, Backup: k.request.Backup, Disks: k.at.Backup.Disks,
	})
	k.damage = found.Damage
	return err
}

func (k *kept) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.RecordVerification, control.Verification{Backup: k.request.Backup, Damage: k.damage})
	if err != nil {
		return err
	}
	if k.damage != "" {
		return refuse(fault.Conflict("the backup is damaged and cannot be restored: %s", k.damage))
	}
	return nil
}
