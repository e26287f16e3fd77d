package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
)

// ScheduleRun is the end of one run of a schedule.
type ScheduleRun struct {
	At      time.Time
	Result  string // in words
	Skipped bool   // left out because the run before was still at work
}

// InsertSchedule records a schedule; Conflict at "name" if the name is taken, NotFound if its VM is gone.
func (s *Store) InsertSchedule(ctx context.Context, added backup.Schedule) error { return errUnbuilt }

// GetSchedule finds a schedule by name or ID.
func (s *Store) GetSchedule(ctx context.Context, project id.Project, ref string) (backup.Schedule, error) {
	return backup.Schedule{}, errUnbuilt
}

// ListSchedules returns the project's schedules by name.
func (s *Store) ListSchedules(ctx context.Context, project id.Project) ([]backup.Schedule, error) {
	return nil, errUnbuilt
}

// SchedulesOf returns a VM's schedules by name.
func (s *Store) SchedulesOf(ctx context.Context, machine id.VM) ([]backup.Schedule, error) {
	return nil, errUnbuilt
}

// SetSchedulePaused records whether the schedule is paused.
func (s *Store) SetSchedulePaused(ctx context.Context, scheduleID id.Schedule, paused bool) error {
	return errUnbuilt
}

// RecordScheduleRun records how a run ended; a skipped one leaves the time of the last run as it is.
func (s *Store) RecordScheduleRun(ctx context.Context, scheduleID id.Schedule, run ScheduleRun) error {
	return errUnbuilt
}

// DeleteSchedule forgets a schedule; one that is gone is fine. Its backups stay.
func (s *Store) DeleteSchedule(ctx context.Context, scheduleID id.Schedule) error { return errUnbuilt }
