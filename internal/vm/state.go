package vm

import (
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// State is what was last seen to be true of a VM. What is being done to it is not a state: it is the operation that
// holds the VM's claim, so that no VM is ever "migrating" with nobody at work.
type State string

// The states.
const (
	Provisioning State = "provisioning" // being made for the first time; becomes running or is removed
	Running      State = "running"
	Paused       State = "paused" // its CPUs stand still, its memory is kept
	Stopped      State = "stopped"
	Crashed      State = "crashed"  // it stopped without being asked to; its disk is where it was
	Unknown      State = "unknown"  // its host does not answer; it may or may not run
	Deleting     State = "deleting" // being removed; becomes nothing
)

// Halt is why a hypervisor itself stopped a VM's processors, which its state calls paused.
type Halt string

// The halts. A guest that is stopped for want of room has lost nothing: its write is tried again when it goes on.
const (
	NotHalted Halt = ""
	NoSpace   Halt = "no_space" // what it writes to is full
	DiskError Halt = "disk_error"
)

// Action is something that a person can ask of a VM.
type Action string

// The actions.
const (
	Start           Action = "start"
	Stop            Action = "stop"
	Restart         Action = "restart"
	Pause           Action = "pause"
	Resume          Action = "resume"
	Migrate         Action = "migrate"
	MigrateCold     Action = "migrate_cold"
	TakeBackup      Action = "backup"
	RestoreInPlace  Action = "restore_in_place"
	MoveDisk        Action = "move_disk"
	GrowDisk        Action = "grow_disk"
	LimitDisk       Action = "limit_disk"
	AttachVolume    Action = "attach_volume"
	DetachVolume    Action = "detach_volume"
	TakeSnapshot    Action = "take_snapshot"
	RevertSnapshot  Action = "revert_snapshot"
	DeleteSnapshot  Action = "delete_snapshot"
	PublishTemplate Action = "publish_template"
	CloneVM         Action = "clone_vm"
	Delete          Action = "delete"
	OpenConsole     Action = "console"
)

// Transition is a row of the table: an action, the states it may start from, the state it ends in when all goes well
// ("" means the state does not change), and the word for it while it lasts.
type Transition struct {
	Action    Action  `json:"action"`
	From      []State `json:"from"`
	To        State   `json:"to,omitempty"`
	Doing     string  `json:"doing,omitempty"`
	WhileBusy bool    `json:"while_busy" doc:"Allowed while an operation holds the VM"`
	Loses     bool    `json:"loses_snapshots" doc:"Refused while the VM has snapshots, which would not follow"`
	Advice    string  `json:"advice" doc:"What to do when the state does not allow it"`
}

var transitions = []Transition{
	{Action: Start, From: []State{Stopped, Crashed}, To: Running, Doing: "starting", Advice: "only a VM that is off can be started"},
	{Action: Stop, From: []State{Running, Paused}, To: Stopped, Doing: "stopping", Advice: "only a VM that is on can be stopped"},
	{Action: Restart, From: []State{Running, Paused}, To: Running, Doing: "restarting", Advice: "start it instead"},
	{Action: Pause, From: []State{Running}, To: Paused, Doing: "pausing", Advice: "only a running VM can be paused"},
	{Action: Resume, From: []State{Paused}, To: Running, Doing: "resuming", Advice: "only a paused VM can be resumed"},
	{Action: Migrate, From: []State{Running, Paused}, Doing: "migrating", Advice: "live migration needs it on; move it with a cold migration (--cold)"},
	{Action: MigrateCold, From: []State{Stopped, Crashed}, Doing: "moving", Advice: "a cold migration needs it off; stop it first, or migrate it live"},
	{Action: TakeBackup, From: []State{Running, Paused, Stopped, Crashed}, Doing: "backing up", Advice: "wait until it has been made"},
	{Action: RestoreInPlace, From: []State{Running, Paused, Stopped, Crashed}, Loses: true, Doing: "restoring", Advice: "wait until it has been made"},
	{Action: MoveDisk, From: []State{Running, Paused, Stopped, Crashed}, Loses: true, Doing: "moving a disk of", Advice: "wait until it has been made"},
	{Action: GrowDisk, From: []State{Running, Paused, Stopped, Crashed}, Loses: true, Doing: "growing a disk of", Advice: "wait until it has been made"},
	{Action: LimitDisk, From: []State{Running, Paused, Stopped, Crashed}, Doing: "limiting a disk of", Advice: "wait until it has been made"},
	{Action: AttachVolume, From: []State{Running, Paused, Stopped, Crashed}, Doing: "attaching a volume to", Advice: "wait until it has been made"},
	{Action: DetachVolume, From: []State{Running, Stopped, Crashed}, Loses: true, Doing: "detaching a volume from", Advice: "its guest has to let go: resume it, or stop it"},
	{Action: TakeSnapshot, From: []State{Running, Paused, Stopped, Crashed}, Doing: "taking a snapshot of", Advice: "wait until it has been made"},
	{Action: RevertSnapshot, From: []State{Running, Paused, Stopped, Crashed}, Doing: "setting back", Advice: "wait until it has been made"},
	{Action: DeleteSnapshot, From: []State{Running, Paused, Stopped, Crashed}, Doing: "deleting a snapshot of", Advice: "its host must answer first"},
	{Action: PublishTemplate, From: []State{Running, Stopped}, Doing: "publishing", Advice: "a template is made of a disk that was shut down properly: start it, or stop it"},
	{Action: CloneVM, From: []State{Running, Paused, Stopped, Crashed}, Doing: "cloning", Advice: "wait until it has been made"},
	{Action: Delete, From: []State{Running, Paused, Stopped, Crashed}, To: Deleting, Doing: "deleting", Advice: "its host must answer first, or be removed as lost"},
	{Action: OpenConsole, From: []State{Running, Paused}, WhileBusy: true, Advice: "start it first"},
}

// Transitions returns a copy of the table.
func Transitions() []Transition { return slices.Clone(transitions) }

// TransitionOf returns the row of an action; false if there is no such action.
func TransitionOf(action Action) (Transition, bool) {
	at := slices.IndexFunc(transitions, func(t Transition) bool { return t.Action == action })
	if at < 0 {
		return Transition{}, false
	}
	return transitions[at], true
}

// Can says whether the action is allowed now. The error is fault.Conflict and names the operation in the way or what
// to do about the state; fault.Invalid for an unknown action.
func (v VM) Can(action Action) error {
	row, known := TransitionOf(action)
	if !known {
		return fault.Invalid("there is no action %q on a VM", action)
	}
	if v.Operation != "" && !row.WhileBusy {
		return fault.Conflict("VM %s is busy: operation %s (%s) is working on it; wait for it or cancel it", v.Name, v.Operation, v.OperationOf)
	}
	if row.Loses && v.Snapshots > 0 {
		return fault.Conflict("VM %s has %d snapshots, which would not follow its disks; delete them first", v.Name, v.Snapshots)
	}
	if !slices.Contains(row.From, v.State) {
		return fault.Conflict("VM %s is %s, so it cannot %s: %s", v.Name, v.State, strings.ReplaceAll(string(action), "_", " "), row.Advice)
	}
	return nil
}
