package operation

import (
	"encoding/json"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Kind is what an operation does; also its workflow's type.
type Kind string

// The kinds, one workflow file each.
const (
	Provision       Kind = "provision"
	Start           Kind = "start"
	Stop            Kind = "stop"
	Restart         Kind = "restart"
	Pause           Kind = "pause"
	Resume          Kind = "resume"
	Delete          Kind = "delete"
	Migrate         Kind = "migrate"
	Drain           Kind = "drain"
	TakeBackup      Kind = "backup"
	VerifyBackup    Kind = "verify_backup"
	DeleteBackup    Kind = "delete_backup"
	Restore         Kind = "restore"
	Capacity        Kind = "capacity"
	ScanPool        Kind = "scan_pool"
	AdoptVolume     Kind = "adopt_volume"
	DiscardVolume   Kind = "discard_volume"
	RemovePool      Kind = "remove_pool"
	MoveDisk        Kind = "move_disk"
	GrowDisk        Kind = "grow_disk"
	LimitDisk       Kind = "limit_disk"
	CreateVolume    Kind = "create_volume"
	DeleteVolume    Kind = "delete_volume"
	GrowVolume      Kind = "grow_volume"
	MoveVolume      Kind = "move_volume"
	AttachVolume    Kind = "attach_volume"
	DetachVolume    Kind = "detach_volume"
	TakeSnapshot    Kind = "take_snapshot"
	RevertSnapshot  Kind = "revert_snapshot"
	DeleteSnapshot  Kind = "delete_snapshot"
	ImportImage     Kind = "import_image"
	PublishTemplate Kind = "publish_template"
	CloneVM         Kind = "clone_vm"
)

// State is how far an operation is.
type State string

// The states. Succeeded, Failed and Cancelled are final.
const (
	Accepted  State = "accepted"  // recorded; its workflow has not begun
	Running   State = "running"   // going forward
	Undoing   State = "undoing"   // taking back what it did
	Waiting   State = "waiting"   // it cannot go on until what Question says has happened
	Succeeded State = "succeeded" // done, and the result was checked
	Failed    State = "failed"    // could not be done; what it did was undone, but for what Leaks names
	Cancelled State = "cancelled" // stopped on request; undone likewise
)

// Final reports whether nothing more will happen.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Cancelled }

// Subject is the thing an operation works on.
type Subject struct {
	Kind string `json:"kind" example:"vm"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Operation is a piece of work as the inventory records it.
type Operation struct {
	ID              id.Operation    `json:"id"`
	Project         id.Project      `json:"project_id"`
	Kind            Kind            `json:"kind"`
	State           State           `json:"state"`
	Subject         Subject         `json:"subject"`
	Parent          id.Operation    `json:"parent_id,omitempty" doc:"The operation that started this one, such as a drain"`
	Actor           string          `json:"actor" doc:"Who asked: a user's name, or schedule:ID"`
	Request         json.RawMessage `json:"request" doc:"What was asked, as accepted"`
	Result          json.RawMessage `json:"result,omitempty" doc:"What came of it"`
	Error           *Problem        `json:"error,omitempty" doc:"Why it failed"`
	Question        string          `json:"question,omitempty" doc:"What a waiting operation waits for, and what can be done about it"`
	Leaks           []Leak          `json:"leaks,omitempty" doc:"What could not be undone"`
	NoReturn        bool            `json:"no_return" doc:"Past the point of no return: it can no longer be cancelled"`
	CancelRequested bool            `json:"cancel_requested"`
	RunID           string          `json:"run_id,omitempty" doc:"Temporal's run, for its web UI"`
	CreatedAt       time.Time       `json:"created_at"`
	StartedAt       time.Time       `json:"started_at,omitzero"`
	EndedAt         time.Time       `json:"ended_at,omitzero"`
	ExpectedSeconds float64         `json:"expected_seconds,omitempty" doc:"Median of recent operations of this kind; 0 if there were none"`
}

// Problem is a failure as users see it.
type Problem struct {
	Kind    fault.Kind `json:"kind"`
	Message string     `json:"message"`
	Step    string     `json:"step,omitempty" doc:"The step that failed"`
}

// Leak is something that an operation left behind because undoing it failed or was given up.
type Leak struct {
	Kind   string  `json:"kind" example:"volume"`
	ID     string  `json:"id"`
	Host   id.Host `json:"host_id,omitempty"`
	Detail string  `json:"detail"`
}

// CanCancel says whether a cancellation would do anything; the error is fault.Conflict.
func (o Operation) CanCancel() error {
	switch {
	case o.State.Final():
		return fault.Conflict("operation %s has already %s; there is nothing to cancel", o.ID, ended(o.State))
	case o.State == Undoing:
		return fault.Conflict("operation %s is already taking back what it did", o.ID)
	case o.NoReturn:
		return fault.Conflict("operation %s is past its point of no return and will end by itself; cancelling now could lose the VM", o.ID)
	}
	return nil
}

func ended(state State) string {
	if state == Cancelled {
		return "been cancelled"
	}
	return string(state)
}
