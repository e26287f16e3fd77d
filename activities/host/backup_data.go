package host

import (
	"context"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

type StoreRequest struct {
	On
	Backup id.Backup     `json:"backup_id"`
	Volume volume.Volume `json:"volume"`
	Export Source        `json:"export"`
	Parent *backup.Disk  `json:"parent,omitempty"`
}
type Stored struct {
	Disk        backup.Disk `json:"disk"`
	ReadBytes   int64       `json:"read_bytes"`
	StoredBytes int64       `json:"stored_bytes"`
}
type BackupDataRequest struct {
	On
	Backup    id.Backup     `json:"backup_id"`
	Disks     []backup.Disk `json:"disks,omitempty"`
	Remaining []backup.Disk `json:"remaining,omitempty"`
}
type Verdict struct {
	Damage string `json:"damage,omitempty"`
}
type FillRequest struct {
	On
	Backup id.Backup   `json:"backup_id"`
	Disk   backup.Disk `json:"disk"`
	Pool   string      `json:"pool"`
	Volume id.Volume   `json:"volume_id"`
}
type CopyRequest struct {
	On
	Pool   string    `json:"pool"`
	Volume id.Volume `json:"volume_id"`
	From   string    `json:"from"`
	Ticket string    `json:"ticket"`
}

func (a *Activities) StoreDisk(ctx context.Context, in StoreRequest) (Stored, error) {
	return Stored{}, nil
}
func (a *Activities) DeleteBackupData(ctx context.Context, in BackupDataRequest) error { return nil }
func (a *Activities) VerifyBackupData(ctx context.Context, in BackupDataRequest) (Verdict, error) {
	return Verdict{}, nil
}
func (a *Activities) RestoreDisk(ctx context.Context, in FillRequest) error { return nil }
func (a *Activities) CopyVolume(ctx context.Context, in CopyRequest) error  { return nil }
