package operation

import (
	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
)

// The requests below are what a workflow is started with. The API mints all IDs in them, so that a workflow never does.

// ProvisionRequest makes a VM from an image.
type ProvisionRequest struct {
	VM        id.VM      `json:"vm_id"`
	Volume    id.Volume  `json:"volume_id"`
	Name      string     `json:"name"`
	Image     id.Image   `json:"image_id"`
	Spec      vm.Spec    `json:"spec"`
	DiskBytes int64      `json:"disk_bytes"`
	Pool      string     `json:"pool" doc:"Empty: a shared pool if every candidate has one, else local"`
	Network   id.Network `json:"network_id"`
	Host      id.Host    `json:"host_id,omitempty" doc:"Empty: the placement decides"`
}

// PowerRequest starts, stops, restarts, pauses or resumes a VM.
type PowerRequest struct {
	VM           id.VM `json:"vm_id"`
	Force        bool  `json:"force,omitempty" doc:"Stop and restart: cut the power at once"`
	GraceSeconds int   `json:"grace_seconds,omitempty" doc:"Stop and restart: how long the guest may take before its power is cut; 0 means 60"`
}

// DeleteRequest removes a VM with its disks, addresses and, if asked, its backups.
type DeleteRequest struct {
	VM id.VM `json:"vm_id"`
}

// MigrateRequest moves a VM to another host.
type MigrateRequest struct {
	VM     id.VM          `json:"vm_id"`
	To     id.Host        `json:"to_host_id,omitempty" doc:"Empty: the placement decides"`
	Cold   bool           `json:"cold,omitempty" doc:"Move it while it is off"`
	Limits precopy.Limits `json:"limits"`
}

// DrainRequest cordons a host and moves all its VMs away.
type DrainRequest struct {
	Host id.Host `json:"host_id"`
}

// BackupRequest takes a backup of a VM.
type BackupRequest struct {
	VM       id.VM       `json:"vm_id"`
	Backup   id.Backup   `json:"backup_id"`
	Mode     backup.Mode `json:"mode,omitempty" doc:"Empty: incremental where possible, else full"`
	Schedule id.Schedule `json:"schedule_id,omitempty"`
}

// BackupRef names a backup to verify or delete.
type BackupRef struct {
	Backup id.Backup `json:"backup_id"`
}

// RestoreRequest makes a VM from a backup, or sets one back to it.
type RestoreRequest struct {
	Backup  id.Backup   `json:"backup_id"`
	VM      id.VM       `json:"vm_id" doc:"The new VM, or with in_place the existing one"`
	Volumes []id.Volume `json:"volume_ids" doc:"One new volume for each disk of the backup"`
	Name    string      `json:"name,omitempty" doc:"The new VM's name"`
	InPlace bool        `json:"in_place,omitempty"`
	Pool    string      `json:"pool,omitempty"`
	Network id.Network  `json:"network_id,omitempty"`
	Host    id.Host     `json:"host_id,omitempty"`
	Start   bool        `json:"start" doc:"Start it when the disks are back"`
}

// CapacityRequest asks for a capacity plan.
type CapacityRequest struct {
	HorizonDays int `json:"horizon_days" doc:"How far ahead to look; 0 means 90"`
}

// Tuning is an operator's hand on a migration that runs. Zero fields leave things as they are.
type Tuning struct {
	BandwidthBytes int64 `json:"bandwidth_bytes_per_second,omitempty" minimum:"0"`
	MaxDowntimeMS  int64 `json:"max_downtime_ms,omitempty" minimum:"0"`
	PostCopy       bool  `json:"post_copy,omitempty" doc:"Switch to post-copy now"`
	Abort          bool  `json:"abort,omitempty" doc:"Stop; the VM stays where it is"`
}
