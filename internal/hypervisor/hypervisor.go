package hypervisor

import (
	"context"
	"net/netip"
	"time"

	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// Host runs VMs. A context that ends interrupts the wait, not what was begun.
type Host interface {
	// Facts describes the host but for its pools; those belong to storage.
	Facts(ctx context.Context) (host.Facts, error)
	// List returns every VM that is defined or running here, ours and others'; others have an empty VM field.
	List(ctx context.Context) ([]Machine, error)
	// Inspect returns one VM; NotFound if it is not defined here.
	Inspect(ctx context.Context, machine id.VM) (Machine, error)
	// Define records the VM so that it can be started; a second call with another definition replaces the first while
	// the VM is off and is a Conflict while it is on.
	Define(ctx context.Context, definition Definition) error
	// Undefine forgets a VM that is off, with every piece of metadata. A VM that is not defined is fine; one that is on is
	// a Conflict.
	Undefine(ctx context.Context, machine id.VM) error
	// SetPower brings the VM to On, Off or Suspended, at once and unasked; see Guest for the polite way.
	SetPower(ctx context.Context, machine id.VM, power Power) error
	// Sample reads the counters of every running VM of ours in one bulk call.
	Sample(ctx context.Context) ([]Sample, error)
	// Close lets go of the hypervisor; its VMs stay as they are.
	Close() error
}

// Power is what a VM's virtual machine does.
type Power string

// The powers. Receiving is a target that waits for an incoming migration; it runs nothing yet.
const (
	On        Power = "on"
	Suspended Power = "suspended"
	Off       Power = "off"
	Receiving Power = "receiving"
)

// Machine is a VM as a host sees it.
type Machine struct {
	VM      id.VM   `json:"vm_id,omitempty"`
	Name    string  `json:"name"`
	Power   Power   `json:"power"`
	Crashed bool    `json:"crashed,omitempty"` // off because it or its process died
	Halted  vm.Halt `json:"halted,omitempty"`  // suspended, and nobody asked for it
	Job     Job     `json:"job,omitempty"`
	Disks   []Disk  `json:"disks"`
}

// State translates what a host sees into the inventory's word.
func (m Machine) State() vm.State {
	switch {
	case m.Power == On:
		return vm.Running
	case m.Power == Suspended:
		return vm.Paused
	case m.Crashed:
		return vm.Crashed
	default:
		return vm.Stopped
	}
}

// Job is a long job that the hypervisor itself is doing on a VM.
type Job string

// The jobs.
const (
	NoJob        Job = ""
	MigrationOut Job = "migration_out"
	MigrationIn  Job = "migration_in"
	BackupJob    Job = "backup"
	OtherJob     Job = "other"
	LostJob      Job = "lost" // the hypervisor lost what it was about to do, and begins nothing else until the VM has been off
)

// Disk is a virtual disk's place on this host.
type Disk struct {
	Volume id.Volume     `json:"volume_id"`
	Device string        `json:"device"` // vda, vdb, …
	Path   string        `json:"path"`   // of a file, or a location in a Ceph cluster (volume.RBD)
	Format string        `json:"format"` // qcow2 or raw
	Shared bool          `json:"shared"` // other hosts see the same bytes at the same path
	Limits volume.Limits `json:"limits,omitzero"`
}

// Definition is everything needed to make a VM on a host.
type Definition struct {
	VM         id.VM             `json:"vm_id"`
	Name       string            `json:"name"`
	Spec       vm.Spec           `json:"spec"`
	Disks      []Disk            `json:"disks"`
	Interfaces []BridgedCard     `json:"interfaces"`
	Seed       string            `json:"seed,omitempty"` // image that the guest reads who it is from; at the same path on every host
	Labels     map[string]string `json:"labels,omitempty"`
}

// BridgedCard is a network card and the bridge it is plugged into.
type BridgedCard struct {
	MAC    string `json:"mac"`
	Bridge string `json:"bridge"`
	MTU    int    `json:"mtu"`
}

// Sample is one reading of a VM's counters. Counters grow from the VM's start and begin again when it restarts.
type Sample struct {
	VM              id.VM     `json:"vm_id"`
	At              time.Time `json:"at"`
	CPUNanoseconds  int64     `json:"cpu_ns"`
	CPUs            int       `json:"cpus"`
	MemoryBytes     int64     `json:"memory_bytes"`      // what the guest has
	MemoryUsedBytes int64     `json:"memory_used_bytes"` // what the guest uses; what the host holds for it if the guest does not say
	DiskReadBytes   int64     `json:"disk_read_bytes"`
	DiskWriteBytes  int64     `json:"disk_write_bytes"`
	DiskReads       int64     `json:"disk_reads"`
	DiskWrites      int64     `json:"disk_writes"`
	NetReceiveBytes int64     `json:"net_receive_bytes"`
	NetSendBytes    int64     `json:"net_send_bytes"`
	DiskUsedBytes   int64     `json:"disk_used_bytes"` // allocated in its pools
}

// Secret opens what a server guards for the hypervisor: a user's key of a Ceph cluster.
type Secret struct {
	UUID string // as disks' locations name it
	User string // of cephx, without "client."; for people who list secrets
	Key  string // in base64; never logged, never part of a definition
}

// SecretKeeper is the optional power to open disks that need a secret.
type SecretKeeper interface {
	// KeepSecret makes the secret known to the hypervisor from now on, also to a daemon that has begun anew, and replaces
	// the one of the same UUID. It is kept in memory only. Invalid for a secret that is none.
	KeepSecret(ctx context.Context, secret Secret) error
}

// Guest is the optional power to ask the system inside a VM.
type Guest interface {
	// Shutdown asks the guest to switch itself off and returns at once.
	Shutdown(ctx context.Context, machine id.VM) error
	// GuestInfo asks the guest's agent; Unavailable while no agent answers.
	GuestInfo(ctx context.Context, machine id.VM) (GuestInfo, error)
	// Freeze flushes and freezes the guest's file systems until Thaw, returning how many; Unavailable without an agent.
	Freeze(ctx context.Context, machine id.VM) (int, error)
	// Thaw is safe to call on a guest that is not frozen, and on a VM that is off.
	Thaw(ctx context.Context, machine id.VM) error
	// Run executes a program in the guest through its agent and waits for it; used by tests and demos to ask a guest
	// about its integrity.
	Run(ctx context.Context, machine id.VM, program string, args ...string) (RunResult, error)
}

// GuestInfo is what an agent says of its guest.
type GuestInfo struct {
	Hostname  string       `json:"hostname"`
	Addresses []netip.Addr `json:"addresses"`
}

// RunResult is a program's end in a guest.
type RunResult struct {
	ExitCode int    `json:"exit_code"`
	Output   string `json:"output"`
}

// Migrator is the optional power to move a running VM to another host of the same driver.
type Migrator interface {
	// StartMigration begins to send the VM, or finds that it is being sent already, and returns once the job is under way.
	// The hypervisors speak to each other, so it goes on when this process dies.
	StartMigration(ctx context.Context, request Migration) error
	// MigrationStatus reads the job; the job may have been started by a process that is gone.
	MigrationStatus(ctx context.Context, machine id.VM) (MigrationStatus, error)
	// TuneMigration changes a running job; zero fields stay as they are. NotFound if no job runs.
	TuneMigration(ctx context.Context, machine id.VM, tuning Tuning) error
	// AbortMigration ends the job and returns when it has ended; the VM goes on here. No job is fine; a job in post-copy
	// is a Conflict.
	AbortMigration(ctx context.Context, machine id.VM) error
	// PrepareIncoming removes what an earlier, failed migration may have left on a target: a domain that is not running.
	// Conflict if the VM runs here, Unavailable while it is being received.
	PrepareIncoming(ctx context.Context, machine id.VM) error
	// Checkpoints reads the definitions of a VM's backup checkpoints, oldest first, to take them to another host.
	Checkpoints(ctx context.Context, machine id.VM) ([]Checkpoint, error)
	// AdoptCheckpoints defines checkpoints whose bitmaps came with the disks, and drops those whose bitmaps did not;
	// it returns the names that are valid.
	AdoptCheckpoints(ctx context.Context, machine id.VM, checkpoints []Checkpoint) ([]string, error)
}

// Migration is a request to send a VM.
type Migration struct {
	VM             id.VM    `json:"vm_id"`
	TargetAddress  string   `json:"target_address"` // the other host's migration address
	CopyDisks      []string `json:"copy_disks"`     // devices whose bytes must be sent; their files exist on the target
	BandwidthBytes int64    `json:"bandwidth_bytes_per_second"`
	DowntimeMS     int64    `json:"downtime_ms"`
	AllowPostCopy  bool     `json:"allow_post_copy"`
	AllowThrottle  bool     `json:"allow_throttle"` // auto-converge from the start; QEMU steps it
}

// MigrationPhase is how far a migration is.
type MigrationPhase string

// The phases. Gone means that this host neither runs nor sends the VM any more and cannot say why: ask the target.
const (
	MigrationNone     MigrationPhase = "none" // the VM is here and no job runs
	MigrationActive   MigrationPhase = "active"
	MigrationPostCopy MigrationPhase = "post_copy" // the target runs the VM and fetches what is missing
	MigrationDone     MigrationPhase = "done"
	MigrationFailed   MigrationPhase = "failed"
	MigrationGone     MigrationPhase = "gone"
)

// MigrationStatus is a reading of a migration. Rounds holds one entry for each iteration this process has seen, oldest
// first; a process that re-attached knows only those since. The last entry changes until the next iteration begins; an
// iteration that is over says what it left to do.
type MigrationStatus struct {
	Phase   MigrationPhase   `json:"phase"`
	Rounds  []precopy.Round  `json:"rounds"`
	Outcome *precopy.Outcome `json:"outcome,omitempty"` // with MigrationDone, if it could be learnt; with MigrationNone on a host where the VM arrived
	Error   string           `json:"error,omitempty"`   // with MigrationFailed
}

// Tuning changes a running migration.
type Tuning struct {
	BandwidthBytes int64 `json:"bandwidth_bytes_per_second,omitempty"`
	DowntimeMS     int64 `json:"downtime_ms,omitempty"`
	PostCopy       bool  `json:"post_copy,omitempty"`
	Throttle       bool  `json:"throttle,omitempty"` // switch auto-converge on, where the driver can do so late
}

// Checkpoint is the definition of a point in time since which a disk's changes are tracked.
type Checkpoint struct {
	Name       string `json:"name"`
	Definition string `json:"definition"` // opaque to everyone but the driver
}

// Snapshotter is the optional power to export a running VM's disks as they were at one instant.
type Snapshotter interface {
	// BeginExport takes the instant, creates the checkpoint, and serves each disk over NBD on a unix socket until
	// EndExport. With Since it also exports which blocks changed since that checkpoint; NotFound if that checkpoint or its
	// bitmap is missing or broken. A second call with the same checkpoint name finds the export that runs; if that export
	// has died, it takes another instant. A VM that is off is a Conflict: nothing writes to its disks, so read those.
	BeginExport(ctx context.Context, request Export) (ExportInfo, error)
	// EndExport stops serving and removes the scratch files; no export is fine.
	EndExport(ctx context.Context, machine id.VM) error
	// DeleteCheckpoint forgets a checkpoint, its bitmap included; a missing one is fine. Bitmaps of later ones stay valid.
	DeleteCheckpoint(ctx context.Context, machine id.VM, name string) error
}

// Export is a request to read a VM's disks.
type Export struct {
	VM         id.VM  `json:"vm_id"`
	Checkpoint string `json:"checkpoint"`      // to create at this instant
	Since      string `json:"since,omitempty"` // a checkpoint to compare with; empty for all of the disk
}

// ExportInfo says where to read.
type ExportInfo struct {
	Socket string       `json:"socket"` // unix socket of the NBD server
	Disks  []ExportDisk `json:"disks"`
}

// ExportDisk is one NBD export.
type ExportDisk struct {
	Device      string `json:"device"`
	Export      string `json:"export"`                 // NBD export name
	MetaContext string `json:"meta_context,omitempty"` // NBD metadata context of the changed blocks, such as qemu:dirty-bitmap:…
	SizeBytes   int64  `json:"size_bytes"`
}

// DiskMover is the optional power to move a disk of a running VM to another place while the VM goes on.
type DiskMover interface {
	// StartDiskCopy begins to copy a disk, with all that it stands on, onto the volume at another place, which exists and has
	// the same size; it finds a copying to there that is under way. The hypervisor goes on with it when this process dies, and
	// it is lost when the VM goes off. Conflict if the VM is off, busy with another job, or its disk is being copied elsewhere.
	StartDiskCopy(ctx context.Context, request DiskCopy) error
	// DiskCopyStatus reads how far it is.
	DiskCopyStatus(ctx context.Context, machine id.VM, device string) (DiskCopyStatus, error)
	// SwitchDisk lets the VM go on with the copy, which must be ready, and ends the copying; it returns when the VM uses the
	// copy. A VM that uses it already is fine.
	SwitchDisk(ctx context.Context, machine id.VM, to Disk) error
	// AbortDiskCopy ends the copying; the VM stays with the disk that it has. No copying is fine.
	AbortDiskCopy(ctx context.Context, machine id.VM, device string) error
}

// DiskGrower is the optional power to make a disk of a running VM larger.
type DiskGrower interface {
	// GrowDisk makes the disk that large; its guest sees it at once. One that is so large already is fine, one that is larger a
	// Conflict. A VM that is off is a Conflict: its volume is made larger without the hypervisor.
	GrowDisk(ctx context.Context, machine id.VM, device string, bytes int64) error
}

// DiskAttacher is the optional power to give a VM a disk, and to take one away.
type DiskAttacher interface {
	// AttachDisk plugs a disk in, for now and for the next start; its guest sees it at once. One that the VM has is fine,
	// another one by that device's name a Conflict.
	AttachDisk(ctx context.Context, machine id.VM, disk Disk) error
	// DetachDisk unplugs a disk, for now and for the next start. Unavailable while the guest of a VM that is on has not let
	// go, which may be for ever: then the VM keeps it. A device that the VM does not have is fine. Afterwards the hypervisor has
	// the volume open no longer.
	DetachDisk(ctx context.Context, machine id.VM, disk Disk) error
}

// DiskLimiter is the optional power to change what a VM may ask of a disk.
type DiskLimiter interface {
	// LimitDisk sets the limits of a disk, for now and for the next start. Invalid if the VM has no such disk.
	LimitDisk(ctx context.Context, machine id.VM, device string, limits volume.Limits) error
}

// DiskSnapshotter is the optional power to keep disks of a running VM as they are at one instant, within their files.
type DiskSnapshotter interface {
	// SnapshotDisks takes one instant of all these devices, whose files are qcow2; those that have the snapshot already stay as
	// they are. Conflict if the VM is off: its volumes are snapshotted without the hypervisor.
	SnapshotDisks(ctx context.Context, machine id.VM, devices []string, snapshot id.Snapshot) error
	// DropDiskSnapshot forgets a snapshot of a disk; a missing one is fine. Conflict if the VM is off.
	DropDiskSnapshot(ctx context.Context, machine id.VM, device string, snapshot id.Snapshot) error
}

// DiskCopy is a request to copy a disk.
type DiskCopy struct {
	VM             id.VM `json:"vm_id"`
	To             Disk  `json:"to"` // its Device says which disk
	BandwidthBytes int64 `json:"bandwidth_bytes_per_second,omitempty"`
}

// DiskCopyStatus is a reading of a copying. Ready says that both are the same, and that what is written goes to both.
type DiskCopyStatus struct {
	Active     bool  `json:"active"`
	Ready      bool  `json:"ready"`
	DoneBytes  int64 `json:"done_bytes"`
	TotalBytes int64 `json:"total_bytes"`
}

// Screen is the optional power to show a VM's display.
type Screen interface {
	// VNCSocket returns the path of the unix socket that speaks RFB; Conflict while the VM is off.
	VNCSocket(ctx context.Context, machine id.VM) (string, error)
}

// Watcher is the optional power to be told of changes that nobody here asked for.
type Watcher interface {
	// Watch calls notify with the VM whenever its power changes, until ctx ends. Calls may be dropped or doubled: they are
	// a hint to Inspect.
	Watch(ctx context.Context, notify func(id.VM)) error
}
