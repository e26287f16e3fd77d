// Package backup is the noun for a point in time of a VM that can be restored, and for the schedules that make them.
//
// The package never reads a disk or a repository.
package backup

import (
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// Mode is how a backup was read: all of the disk, or what changed since another one.
type Mode string

// The modes.
const (
	Full        Mode = "full"
	Incremental Mode = "incremental"
)

// State is where a backup is in its life.
type State string

// The states.
const (
	Creating State = "creating"
	Ready    State = "ready"
	Damaged  State = "damaged" // a verification found that it cannot be restored
	Deleting State = "deleting"
)

// Backup is a restorable point in time. Each one is complete in itself: an incremental one names every chunk of the
// disk, and stores only those that changed.
type Backup struct {
	ID            id.Backup    `json:"id"`
	Project       id.Project   `json:"project_id"`
	VM            id.VM        `json:"vm_id"`
	VMName        string       `json:"vm_name" doc:"The VM's name when the backup was taken; the VM may be gone"`
	Mode          Mode         `json:"mode"`
	ModeReason    string       `json:"mode_reason,omitempty" doc:"Why it was read in full although an incremental one was possible in principle"`
	Base          id.Backup    `json:"base_id,omitempty" doc:"The backup whose checkpoint an incremental one was read against"`
	State         State        `json:"state"`
	Frozen        bool         `json:"frozen" doc:"The guest's file systems were frozen at the instant of the backup"`
	Checkpoint    bool         `json:"checkpoint" doc:"The VM's disks track what changed since it, so the next one can be incremental"`
	Schedule      id.Schedule  `json:"schedule_id,omitempty"`
	Disks         []Disk       `json:"disks"`
	Spec          vm.Spec      `json:"spec" doc:"The VM's hardware, to make it again"`
	CloudInit     id.CloudInit `json:"cloud_init_id,omitempty" doc:"What the VM's guest was told at its first start, for a VM that is made of the backup"`
	ReadBytes     int64        `json:"read_bytes" doc:"Bytes read from the guest's disks"`
	StoredBytes   int64        `json:"stored_bytes" doc:"Bytes added to the repository"`
	CreatedAt     time.Time    `json:"created_at"`
	VerifiedAt    time.Time    `json:"verified_at,omitzero"`
	ReferencedBy  int          `json:"referenced_by" doc:"Operations that are using it now"`
	DamagedDetail string       `json:"damaged_detail,omitempty"`
}

// Disk is one disk of a backup.
type Disk struct {
	Device    string `json:"device" example:"vda"`
	SizeBytes int64  `json:"size_bytes"`
	Manifest  string `json:"manifest" doc:"Key of its list of chunks in the repository"`
	SHA256    string `json:"sha256" doc:"Hash of that list; the list holds the hash of each chunk"`
}

// Schedule takes backups of one VM again and again. The timer is a Temporal Schedule of the same ID.
type Schedule struct {
	ID         id.Schedule `json:"id"`
	Project    id.Project  `json:"project_id"`
	VM         id.VM       `json:"vm_id"`
	VMName     string      `json:"vm_name,omitempty"`
	Name       string      `json:"name"`
	Cron       string      `json:"cron,omitempty" example:"0 2 * * *" doc:"Five fields, UTC; or give every_seconds"`
	Every      int64       `json:"every_seconds,omitempty" doc:"An interval in seconds; or give cron"`
	Keep       Keep        `json:"keep"`
	Paused     bool        `json:"paused"`
	NextRunAt  time.Time   `json:"next_run_at,omitzero"`
	LastRunAt  time.Time   `json:"last_run_at,omitzero"`
	LastResult string      `json:"last_result,omitempty" doc:"How the last run ended, in words"`
	Skipped    int64       `json:"skipped" doc:"Runs left out because the one before was still at work"`
	CreatedAt  time.Time   `json:"created_at"`
}

// Keep is how many backups a schedule leaves and for how long; zero means no limit of that kind.
type Keep struct {
	Last        int   `json:"last,omitempty" minimum:"0" doc:"Keep the newest so many"`
	WithinHours int64 `json:"within_hours,omitempty" minimum:"0" doc:"Keep those younger than this"`
}

// ScheduleInfo is what the timer of a schedule knows that the inventory does not.
type ScheduleInfo struct {
	NextRunAt time.Time // zero while it is paused
	LastRunAt time.Time // zero if it never ran
	Skipped   int64     // runs left out because the one before was still at work
}
