package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
)

// ScheduleRun is the end of one run of a schedule.
type ScheduleRun struct {
	At      time.Time
	Result  string // in words
	Skipped bool   // left out because the run before was still at work
}

// scheduleFacts is the data of a schedule's events.
type scheduleFacts struct {
	Name   string `json:"name"`
	VM     string `json:"vm_id"`
	Result string `json:"result,omitempty"`
}

func (c *change) emitSchedule(happened, project string, scheduleID id.Schedule, facts scheduleFacts) {
	c.emit(event.Event{Type: happened, Project: project, SubjectKind: "schedule", SubjectID: string(scheduleID)}, facts)
}

// InsertSchedule records a schedule; Conflict at "name" if the name is taken, NotFound if its VM is gone.
func (s *Store) InsertSchedule(ctx context.Context, added backup.Schedule) error {
	if err := project.CheckName(added.Name); err != nil {
		return err
	}
	return s.change(ctx, func(c *change) error {
		c.emitSchedule("schedule.created", string(added.Project), added.ID, scheduleFacts{Name: added.Name, VM: string(added.VM)})
		return nameTaken(c.InsertSchedule(ctx, db.InsertScheduleParams{
			ID: string(added.ID), ProjectID: string(added.Project), VMID: string(added.VM), Name: added.Name, Cron: added.Cron,
			EverySeconds: added.Every, KeepLast: int32(added.Keep.Last), KeepHours: added.Keep.WithinHours, Paused: added.Paused,
		}), "a schedule in this project", added.Name)
	})
}

// GetSchedule finds a schedule by name or ID.
func (s *Store) GetSchedule(ctx context.Context, project id.Project, ref string) (backup.Schedule, error) {
	rows, err := s.queries.FindSchedule(ctx, ref, string(project))
	switch {
	case err != nil:
		return backup.Schedule{}, translate(err)
	case len(rows) == 0:
		return backup.Schedule{}, fault.NotFound("there is no schedule %s in this project; list them with novacron schedule list", ref)
	case len(rows) > 1:
		return backup.Schedule{}, ambiguous("schedule", ref)
	}
	return scheduleOf(rows[0])
}

func scheduleOf(row db.ScheduleRecord) (backup.Schedule, error) {
	return backup.Schedule{
		ID: id.Schedule(row.ID), Project: id.Project(row.ProjectID), VM: id.VM(row.VMID), VMName: row.VMName, Name: row.Name,
		Cron: row.Cron, Every: row.EverySeconds, Keep: backup.Keep{Last: int(row.KeepLast), WithinHours: row.KeepHours},
		Paused: row.Paused, LastRunAt: timeFromNull(row.LastRunAt), LastResult: row.LastResult, Skipped: row.Skipped,
		CreatedAt: row.CreatedAt,
	}, nil
}

// ListSchedules returns the project's schedules by name.
func (s *Store) ListSchedules(ctx context.Context, project id.Project) ([]backup.Schedule, error) {
	rows, err := s.queries.ListSchedules(ctx, string(project), "")
	return mapRows(rows, err, scheduleOf)
}

// SchedulesOf returns a VM's schedules by name.
func (s *Store) SchedulesOf(ctx context.Context, machine id.VM) ([]backup.Schedule, error) {
	rows, err := s.queries.ListSchedules(ctx, "", string(machine))
	return mapRows(rows, err, scheduleOf)
}

// SetSchedulePaused records whether the schedule is paused.
func (s *Store) SetSchedulePaused(ctx context.Context, scheduleID id.Schedule, paused bool) error {
	return s.change(ctx, func(c *change) error {
		row, err := c.SetSchedulePaused(ctx, paused, string(scheduleID))
		if err != nil {
			return noSchedule(err, scheduleID)
		}
		happened := "schedule.unpaused"
		if paused {
			happened = "schedule.paused"
		}
		c.emitSchedule(happened, row.ProjectID, scheduleID, scheduleFacts{Name: row.Name, VM: row.VMID})
		return nil
	})
}

func noSchedule(err error, scheduleID id.Schedule) error {
	return missing(err, "there is no schedule %s; it may have been deleted", scheduleID)
}

// RecordScheduleRun records how a run ended; a skipped one leaves the time of the last run as it is. The event is
// schedule.ran or schedule.skipped.
func (s *Store) RecordScheduleRun(ctx context.Context, scheduleID id.Schedule, run ScheduleRun) error {
	return s.change(ctx, func(c *change) error {
		row, err := c.RecordScheduleRun(ctx, db.RecordScheduleRunParams{
			Skipped: run.Skipped, At: run.At, LastResult: run.Result, ID: string(scheduleID),
		})
		if err != nil {
			return noSchedule(err, scheduleID)
		}
		happened := "schedule.ran"
		if run.Skipped {
			happened = "schedule.skipped"
		}
		c.emitSchedule(happened, row.ProjectID, scheduleID, scheduleFacts{Name: row.Name, VM: row.VMID, Result: run.Result})
		return nil
	})
}

// DeleteSchedule forgets a schedule; one that is gone is fine. Its backups stay.
func (s *Store) DeleteSchedule(ctx context.Context, scheduleID id.Schedule) error {
	return s.change(ctx, func(c *change) error {
		row, err := c.DeleteSchedule(ctx, string(scheduleID))
		if err != nil {
			return gone(err)
		}
		c.emitSchedule("schedule.deleted", row.ProjectID, scheduleID, scheduleFacts{Name: row.Name, VM: row.VMID})
		return nil
	})
}
