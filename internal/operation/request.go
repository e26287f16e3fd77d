package operation

import (
	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// The requests below are what a workflow is started with. The API mints all IDs in them, so that a workflow never does.

// ProvisionRequest makes a VM from an image.
type ProvisionRequest struct {
	VM        id.VM      `json:"vm_id"`
	Volume    id.Volume  `json:"volume_id"`
	Name      string     `json:"name"`
	Image     id.Image   `json:"image_id"`
	Template  string     `json:"template,omitempty" doc:"The version that it is made from, such as web:3"`
	Spec      vm.Spec    `json:"spec"`
	DiskBytes int64      `json:"disk_bytes"`
	Pool      string     `json:"pool" doc:"Empty: a shared pool if every candidate has one, else local"`
	Network   id.Network `json:"network_id"`
	Host      id.Host    `json:"host_id,omitempty" doc:"Empty: the placement decides"`
}

// CloneRequest makes a VM of the disks of another one.
type CloneRequest struct {
	VM      id.VM       `json:"vm_id"`
	Source  id.VM       `json:"source_vm_id"`
	Volumes []id.Volume `json:"volume_ids" doc:"One new volume for each disk of the source"`
	Name    string      `json:"name"`
	Host    id.Host     `json:"host_id,omitempty" doc:"Empty: the placement decides"`
	Pool    string      `json:"pool,omitempty" doc:"Empty: the placement decides"`
	Start   bool        `json:"start" doc:"Start it when its disks are there"`
	Instant id.Backup   `json:"instant_id,omitempty" doc:"Of a source that runs: names the instant that its disks are copied as of"`
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

// MoveDiskRequest moves a VM's disk to another pool.
type MoveDiskRequest struct {
	VM             id.VM     `json:"vm_id"`
	Volume         id.Volume `json:"volume_id"`     // the disk as it is
	New            id.Volume `json:"new_volume_id"` // what takes its place
	Pool           string    `json:"pool"`
	BandwidthBytes int64     `json:"bandwidth_bytes_per_second,omitempty"` // of a live move; 0: as fast as it goes
}

// GrowDiskRequest makes a VM's disk larger.
type GrowDiskRequest struct {
	VM        id.VM     `json:"vm_id"`
	Volume    id.Volume `json:"volume_id"`
	SizeBytes int64     `json:"size_bytes"`
}

// GrowVolumeRequest makes a volume larger that belongs to no VM.
type GrowVolumeRequest struct {
	Volume    id.Volume `json:"volume_id"`
	SizeBytes int64     `json:"size_bytes"`
}

// MoveVolumeRequest moves a volume to another pool that belongs to no VM.
type MoveVolumeRequest struct {
	Volume id.Volume `json:"volume_id"`     // as it is
	New    id.Volume `json:"new_volume_id"` // what takes its place
	Pool   string    `json:"pool"`
}

// LimitDiskRequest changes what a VM may ask of its disk.
type LimitDiskRequest struct {
	VM     id.VM         `json:"vm_id"`
	Volume id.Volume     `json:"volume_id"`
	Limits volume.Limits `json:"limits"`
}

// ImportImageRequest downloads an image from a URL.
type ImportImageRequest struct {
	Image   id.Image   `json:"image_id"`
	Project id.Project `json:"project_id,omitempty" doc:"Empty for an image that every project may use"`
	Name    string     `json:"name"`
	URL     string     `json:"url"`
	SHA256  string     `json:"sha256,omitempty" doc:"Of the file at the URL; empty if it is not known"`
	Local   bool       `json:"local,omitempty" doc:"The file may lie where only the server can reach"`
}

// PublishTemplateRequest makes a version of a template of a VM's boot disk.
type PublishTemplateRequest struct {
	Template    id.Template          `json:"template_id" doc:"Of the line, if there is none of that name yet"`
	Version     id.TemplateVersion   `json:"version_id"`
	Project     id.Project           `json:"project_id,omitempty" doc:"Empty for a template that every project may use"`
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	Notes       string               `json:"notes,omitempty"`
	Defaults    template.Defaults    `json:"defaults"`
	Generalised template.Generalised `json:"generalised" doc:"agent: the VM's guest is asked to forget who it is, and the VM is switched off"`
	Promote     bool                 `json:"promote,omitempty"`
	VM          id.VM                `json:"vm_id"`
	Image       id.Image             `json:"image_id"` // that its disk becomes
	ImageName   string               `json:"image_name"`
}

// VolumeRef names a volume to make or to delete.
type VolumeRef struct {
	Volume  id.Volume `json:"volume_id"`
	Expired bool      `json:"expired,omitempty"` // its time in the trash is over: leave it alone if it was taken back
}

// AttachRequest gives a VM a volume that belongs to none.
type AttachRequest struct {
	VM     id.VM     `json:"vm_id"`
	Volume id.Volume `json:"volume_id"`
	Device string    `json:"device"` // of the VM's that are free
}

// DetachRequest takes a volume away from its VM.
type DetachRequest struct {
	VM      id.VM     `json:"vm_id"`
	Volume  id.Volume `json:"volume_id"`
	Name    string    `json:"name"`                    // by which it is known from then on
	Unnamed bool      `json:"unnamed,omitempty"`       // it has none yet
	Grace   int       `json:"grace_seconds,omitempty"` // how long the guest may take to let go; 0 means 60
}

// SnapshotRequest takes, or deletes, a snapshot of a VM's disks.
type SnapshotRequest struct {
	VM       id.VM       `json:"vm_id"`
	Snapshot id.Snapshot `json:"snapshot_id"`
}

// RevertRequest sets a VM's disks back to a snapshot.
type RevertRequest struct {
	VM       id.VM       `json:"vm_id"`
	Snapshot id.Snapshot `json:"snapshot_id"`
	Start    bool        `json:"start" doc:"Start it when the disks are back"`
}

// ScanPoolRequest compares a pool with the inventory.
type ScanPoolRequest struct {
	Pool id.Pool `json:"pool_id"`
}

// StrayRequest takes a volume that belongs to nobody into the inventory, or deletes it.
type StrayRequest struct {
	Volume  id.Volume  `json:"volume_id"`
	Pool    string     `json:"pool"`
	Host    id.Host    `json:"host_id"`          // that reaches it
	Shared  bool       `json:"shared,omitempty"` // it is in a shared pool
	Project id.Project `json:"project_id,omitempty"`
	Name    string     `json:"name,omitempty"` // by which it is to be known
}

// RemovePoolRequest gives up a pool that holds no volumes.
type RemovePoolRequest struct {
	Pool   id.Pool `json:"pool_id"`
	Forget bool    `json:"forget,omitempty"` // leave the place as it is
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
