package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/vm"
)

// ScheduleBody asks for backups again and again.
type ScheduleBody struct {
	Name  string      `json:"name"`
	VM    string      `json:"vm" doc:"Name or ID of the VM"`
	Cron  string      `json:"cron,omitempty" example:"0 2 * * *" doc:"Minute, hour, day of month, month, day of week, in UTC; or give every_seconds"`
	Every *int64      `json:"every_seconds,omitempty" doc:"An interval of 10 seconds to a year; or give cron"`
	Keep  backup.Keep `json:"keep,omitempty" doc:"How many backups to leave and for how long; all of them for ever if left out"`
}

type createScheduleInput struct {
	Change
	Body ScheduleBody
}

type scheduleInput struct {
	Scope
	Schedule string `path:"schedule" doc:"Name or ID of the schedule"`
}

type changeScheduleInput struct {
	Change
	Schedule string `path:"schedule" doc:"Name or ID of the schedule"`
}

const (
	shortestEverySeconds = 10
	longestEverySeconds  = 366 * 24 * 3600
	mostKept             = 100_000
)

func (s *Server) scheduleRoutes() {
	tags := []string{"Schedules"}
	add(s, user, huma.Operation{
		OperationID: "list-schedules", Method: http.MethodGet, Path: "/schedules", Tags: tags, Summary: "List backup schedules by name",
	}, s.listSchedules)
	add(s, user, huma.Operation{
		OperationID: "get-schedule", Method: http.MethodGet, Path: "/schedules/{schedule}", Tags: tags, Summary: "Show a backup schedule",
	}, func(ctx context.Context, in *scheduleInput) (*plain[backup.Schedule], error) {
		found, err := s.findSchedule(ctx, in.Scope, in.Schedule)
		if err != nil {
			return nil, err
		}
		return &plain[backup.Schedule]{Body: s.timed(ctx, []backup.Schedule{found})[0]}, nil
	})
	add(s, user, s.answers(huma.Operation{
		OperationID: "create-schedule", Method: http.MethodPost, Path: "/schedules", Tags: tags, Summary: "Back a VM up again and again",
	}, http.StatusCreated, typeOf[backup.Schedule](), "The schedule"), s.createSchedule)
	add(s, user, s.answers(huma.Operation{
		OperationID: "delete-schedule", Method: http.MethodDelete, Path: "/schedules/{schedule}", Tags: tags, Summary: "End a schedule; its backups stay",
	}, http.StatusNoContent, nil, "Deleted"), s.deleteSchedule)
	for _, each := range []struct{ name, summary string }{
		{"pause", "Take no backups until it is unpaused"}, {"unpause", "Take backups again"}, {"trigger", "Take one backup now"},
	} {
		add(s, user, s.answers(huma.Operation{
			OperationID: each.name + "-schedule", Method: http.MethodPost, Path: "/schedules/{schedule}/" + each.name, Tags: tags, Summary: each.summary,
		}, http.StatusOK, typeOf[backup.Schedule](), "The schedule as it is now; with dry_run the plan"),
			func(ctx context.Context, in *changeScheduleInput) (*changeAnswer, error) {
				return s.steerSchedule(ctx, in, each.name, each.summary)
			})
	}
}

func (s *Server) listSchedules(ctx context.Context, in *Scope) (*listed[backup.Schedule], error) {
	where, err := s.reach(ctx, *in)
	if err != nil {
		return nil, err
	}
	found, err := s.store.ListSchedules(ctx, where.listing())
	if err != nil {
		return nil, err
	}
	return page(s.timed(ctx, found), ""), nil
}

const (
	timersAtOnce = 8
	timersBudget = 500 * time.Millisecond
)

// timed adds when each schedule runs next, which only its timer knows. Timers that do not answer at once are left out: the
// list matters more.
func (s *Server) timed(ctx context.Context, found []backup.Schedule) []backup.Schedule {
	ctx, cancel := context.WithTimeout(ctx, timersBudget)
	defer cancel()
	var group sync.WaitGroup
	slots := make(chan struct{}, timersAtOnce)
	for i := range found {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			info, err := s.workflows.DescribeSchedule(ctx, found[i].ID)
			if err != nil {
				return
			}
			found[i].NextRunAt = info.NextRunAt
			if info.LastRunAt.After(found[i].LastRunAt) {
				found[i].LastRunAt = info.LastRunAt
			}
			found[i].Skipped = max(found[i].Skipped, info.Skipped)
		})
	}
	group.Wait()
	return found
}

func (s *Server) findSchedule(ctx context.Context, scope Scope, ref string) (backup.Schedule, error) {
	where, err := s.reach(ctx, scope)
	if err != nil {
		return backup.Schedule{}, err
	}
	return s.store.GetSchedule(ctx, where.toward(ref), ref)
}

// createSchedule records the schedule and starts its timer, or does neither.
func (s *Server) createSchedule(ctx context.Context, in *createScheduleInput) (*changeAnswer, error) {
	made, err := s.judgeSchedule(ctx, in)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("create_schedule", "Back VM "+made.VMName+" up again and again")), nil
	}
	if err := s.store.InsertSchedule(ctx, made); err != nil {
		return nil, err
	}
	if err := s.workflows.CreateSchedule(ctx, made); err != nil {
		calm := context.WithoutCancel(ctx)
		if undo := s.store.DeleteSchedule(calm, made.ID); undo != nil {
			s.log.ErrorContext(ctx, "a schedule without a timer stays behind", "schedule", made.ID, "cause", causeOf(undo))
		}
		s.behind(func(ctx context.Context) { _ = s.workflows.DeleteSchedule(ctx, made.ID) })
		return nil, err
	}
	now := s.timed(ctx, []backup.Schedule{made})[0]
	return &changeAnswer{Status: http.StatusCreated, Location: basePath + "/schedules/" + string(made.ID), Body: now}, nil
}

func (s *Server) judgeSchedule(ctx context.Context, in *createScheduleInput) (backup.Schedule, error) {
	body := in.Body
	if err := project.CheckName(body.Name); err != nil {
		return backup.Schedule{}, err
	}
	if err := checkTimes(body); err != nil {
		return backup.Schedule{}, err
	}
	if body.Keep.Last < 0 || body.Keep.Last > mostKept || body.Keep.WithinHours < 0 || body.Keep.WithinHours > mostKept {
		return backup.Schedule{}, fault.Invalid("keep.last and keep.within_hours are between 0 (no limit) and %d", mostKept).At("keep")
	}
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return backup.Schedule{}, err
	}
	found, err := s.store.GetVM(ctx, where.toward(body.VM), body.VM)
	if err != nil {
		return backup.Schedule{}, unknown(err, "vm", "VM", body.VM)
	}
	if found.State == vm.Deleting {
		return backup.Schedule{}, fault.Conflict("VM %s is being deleted", found.Name).At("vm")
	}
	return backup.Schedule{
		ID: id.New[id.Schedule](), Project: found.Project, VM: found.ID, VMName: found.Name, Name: body.Name, Cron: body.Cron,
		Every: or(body.Every, 0), Keep: body.Keep, CreatedAt: s.now().UTC(),
	}, nil
}

func checkTimes(body ScheduleBody) error {
	if (body.Cron == "") == (body.Every == nil) {
		return fault.Invalid("say when: either cron, such as \"0 2 * * *\", or every_seconds").At("cron")
	}
	if body.Cron != "" {
		return checkCron(body.Cron)
	}
	if *body.Every < shortestEverySeconds || *body.Every > longestEverySeconds {
		return fault.Invalid("every_seconds is between %d and %d, not %d", shortestEverySeconds, longestEverySeconds, *body.Every).At("every_seconds")
	}
	return nil
}

func (s *Server) deleteSchedule(ctx context.Context, in *changeScheduleInput) (*changeAnswer, error) {
	found, err := s.findSchedule(ctx, in.Scope, in.Schedule)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("delete_schedule", "End schedule "+found.Name)), nil
	}
	if err := s.workflows.DeleteSchedule(ctx, found.ID); err != nil {
		return nil, err
	}
	if err := s.store.DeleteSchedule(ctx, found.ID); err != nil {
		return nil, err
	}
	return gone(), nil
}

func (s *Server) steerSchedule(ctx context.Context, in *changeScheduleInput, action, summary string) (*changeAnswer, error) {
	found, err := s.findSchedule(ctx, in.Scope, in.Schedule)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo(action+"_schedule", summary+": "+found.Name)), nil
	}
	if action == "trigger" {
		err = s.workflows.TriggerSchedule(ctx, found.ID)
	} else if err = s.workflows.PauseSchedule(ctx, found.ID, action == "pause"); err == nil {
		err = s.store.SetSchedulePaused(ctx, found.ID, action == "pause")
	}
	if err != nil {
		return nil, err
	}
	now, err := s.store.GetSchedule(ctx, found.Project, string(found.ID))
	if err != nil {
		return nil, err
	}
	return changed(http.StatusOK, s.timed(ctx, []backup.Schedule{now})[0], ""), nil
}
