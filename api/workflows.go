package api

import (
	"context"
	"encoding/json"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// Workflows is what the API needs of the durable side. workflows/starter.go is it; tests have a fake. Errors are faults.
type Workflows interface {
	Operations
	Timelines
	Schedules
	// Ready says whether workflows could be started now; the error is fault.Unavailable.
	Ready(ctx context.Context) error
}

// Operations starts and steers operations.
type Operations interface {
	// Start begins the operation's workflow at once, as best it can. A workflow that was begun before is fine. When it
	// fails, the outbox of the control role begins it later.
	Start(ctx context.Context, accepted operation.Operation) error
	// Cancel asks a workflow to stop and take back what it did, and returns at once.
	Cancel(ctx context.Context, operationID id.Operation) error
	// GiveUp tells an operation that waits to go on without what it waits for; Conflict if it does not run.
	GiveUp(ctx context.Context, operationID id.Operation) error
	// Tune hands an operator's wish to a running migration and waits until it was taken or refused: Conflict if the
	// operation cannot be tuned now, Invalid for a wish that makes no sense.
	Tune(ctx context.Context, operationID id.Operation, by string, tuning operation.Tuning) error
	// Plan is the table of steps that an operation of that kind and request would take.
	Plan(kind operation.Kind, request json.RawMessage) (operation.Plan, error)
}

// Timelines projects histories while they grow.
type Timelines interface {
	// Timeline is the operation's timeline now; NotFound if its workflow has not begun.
	Timeline(ctx context.Context, of operation.Operation) (operation.Timeline, error)
	// WatchTimeline waits until the timeline has moved past the history event after, or until a second has passed while a
	// step reports progress, or until the operation has ended. NotFound if its workflow has not begun.
	WatchTimeline(ctx context.Context, of operation.Operation, after int64) (operation.Timeline, error)
}

// Schedules keeps the timers of backup schedules.
type Schedules interface {
	CreateSchedule(ctx context.Context, schedule backup.Schedule) error
	// DeleteSchedule removes the timer; a missing one is fine.
	DeleteSchedule(ctx context.Context, schedule id.Schedule) error
	PauseSchedule(ctx context.Context, schedule id.Schedule, paused bool) error
	// TriggerSchedule makes it run once, now.
	TriggerSchedule(ctx context.Context, schedule id.Schedule) error
	DescribeSchedule(ctx context.Context, schedule id.Schedule) (ScheduleInfo, error)
}

// ScheduleInfo is what the timer knows of a schedule.
type ScheduleInfo = backup.ScheduleInfo
