package operation

import (
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
)

// StepState is how far a step is.
type StepState string

// The states of a step.
const (
	StepPlanned   StepState = "planned"   // not reached yet
	StepQueued    StepState = "queued"    // waits for a worker
	StepRunning   StepState = "running"   // a worker is at it
	StepRetrying  StepState = "retrying"  // an attempt failed, the next one is due
	StepDone      StepState = "done"      //
	StepFailed    StepState = "failed"    //
	StepCancelled StepState = "cancelled" //
	StepSkipped   StepState = "skipped"   // the operation ended, or did not need it
)

// Plan is what an operation would do; the answer to a dry run, and the head of its timeline.
type Plan struct {
	Kind  Kind          `json:"kind"`
	Steps []PlannedStep `json:"steps"`
	Host  id.Host       `json:"host_id,omitempty" doc:"Where the placement would put the VM now"`
	Notes []string      `json:"notes,omitempty" doc:"What is worth knowing before doing it"`
}

// PlannedStep is one row of an operation's table of steps.
type PlannedStep struct {
	Name     string `json:"name" example:"create_disk"`
	Title    string `json:"title" example:"Create the disk from the image"`
	Undo     string `json:"undo,omitempty" doc:"How it is taken back; empty if it leaves nothing behind"`
	NoReturn bool   `json:"no_return,omitempty" doc:"From here on the operation can no longer be cancelled or undone"`
}

// Timeline is an operation step by step, projected from its workflow's history while it runs and kept afterwards.
type Timeline struct {
	Operation id.Operation `json:"operation_id"`
	State     State        `json:"state"`
	Steps     []Step       `json:"steps"`
	Migration *Migration   `json:"migration,omitempty"`
	NoReturn  time.Time    `json:"no_return_at,omitzero" doc:"When the point of no return was passed"`
	HistoryAt int64        `json:"history_at" doc:"The last event of the history that is in it"`
}

// Step is one lane of the timeline. A step that runs more than once (awaiting rounds) is one lane with Calls > 1.
type Step struct {
	Name        string    `json:"name"`
	Title       string    `json:"title"`
	Undo        bool      `json:"undo,omitempty" doc:"This lane takes back the step of the same name"`
	NoReturn    bool      `json:"no_return,omitempty"`
	State       StepState `json:"state"`
	Queue       string    `json:"queue,omitempty" doc:"Task queue: control, or host. and the host's ID"`
	HostName    string    `json:"host_name,omitempty"`
	Worker      string    `json:"worker,omitempty" doc:"Identity of the process that did it"`
	Calls       int       `json:"calls"`
	Attempts    int       `json:"attempts" doc:"Over all calls"`
	ScheduledAt time.Time `json:"scheduled_at,omitzero"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	Input       string    `json:"input,omitempty" doc:"JSON of what it was given"`
	Result      string    `json:"result,omitempty" doc:"JSON of what came of it"`
	Error       string    `json:"error,omitempty"`
	Next        string    `json:"next,omitempty" doc:"What happens next after an error"`
	Progress    *Progress `json:"progress,omitempty"`
}

// Progress is how far a running step is.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Unit  string `json:"unit" enum:"bytes,chunks,vms"`
}

// Migration is what a migration's timeline adds.
type Migration struct {
	Rounds     []precopy.Round   `json:"rounds"`
	Decisions  []precopy.Applied `json:"decisions"`
	Outcome    *precopy.Outcome  `json:"outcome,omitempty"`
	ExpectedMS int64             `json:"expected_downtime_ms,omitempty" doc:"Downtime that the last round predicted"`
}
