package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// fakeWorkflows is the durable side in memory.
type fakeWorkflows struct {
	mutex     sync.Mutex
	moved     *sync.Cond
	started   map[id.Operation]int
	cancelled map[id.Operation]int
	givenUp   map[id.Operation]int
	tuned     []operation.Tuning
	timelines map[id.Operation]operation.Timeline
	schedules map[id.Schedule]backup.Schedule
	triggered map[id.Schedule]int
	slow      time.Duration // how long tuning takes
	failing   error         // what every call fails with, if set
}

var _ api.Workflows = (*fakeWorkflows)(nil)

func newFakeWorkflows() *fakeWorkflows {
	f := &fakeWorkflows{
		started: map[id.Operation]int{}, cancelled: map[id.Operation]int{}, givenUp: map[id.Operation]int{}, timelines: map[id.Operation]operation.Timeline{},
		schedules: map[id.Schedule]backup.Schedule{}, triggered: map[id.Schedule]int{},
	}
	f.moved = sync.NewCond(&f.mutex)
	return f
}

func (f *fakeWorkflows) do(what func()) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.failing != nil {
		return f.failing
	}
	what()
	return nil
}

func (f *fakeWorkflows) fail(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.failing = err
	f.moved.Broadcast()
}

func (f *fakeWorkflows) starts(of id.Operation) int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.started[of]
}

func (f *fakeWorkflows) Ready(context.Context) error { return f.do(func() {}) }

func (f *fakeWorkflows) Start(_ context.Context, accepted operation.Operation) error {
	return f.do(func() { f.started[accepted.ID]++ })
}

func (f *fakeWorkflows) Cancel(_ context.Context, operationID id.Operation) error {
	return f.do(func() { f.cancelled[operationID]++ })
}

func (f *fakeWorkflows) GiveUp(_ context.Context, operationID id.Operation) error {
	return f.do(func() { f.givenUp[operationID]++ })
}

func (f *fakeWorkflows) Tune(ctx context.Context, _ id.Operation, _ string, tuning operation.Tuning) error {
	select {
	case <-time.After(f.slow):
	case <-ctx.Done():
		return ctx.Err()
	}
	return f.do(func() { f.tuned = append(f.tuned, tuning) })
}

func (f *fakeWorkflows) Plan(kind operation.Kind, request json.RawMessage) (operation.Plan, error) {
	if !json.Valid(request) {
		return operation.Plan{}, errors.New("not JSON")
	}
	return operation.Plan{Kind: kind, Steps: []operation.PlannedStep{{Name: "first", Title: "Do it", Undo: "Take it back"}}}, nil
}

func (f *fakeWorkflows) Timeline(_ context.Context, of operation.Operation) (operation.Timeline, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.failing != nil {
		return operation.Timeline{}, f.failing
	}
	found, ok := f.timelines[of.ID]
	if !ok {
		return found, fault.NotFound("not begun")
	}
	return found, nil
}

func (f *fakeWorkflows) WatchTimeline(ctx context.Context, of operation.Operation, after int64) (operation.Timeline, error) {
	defer context.AfterFunc(ctx, f.moved.Broadcast)()
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for f.timelines[of.ID].HistoryAt <= after && ctx.Err() == nil && f.failing == nil {
		f.moved.Wait()
	}
	return f.timelines[of.ID], errors.Join(ctx.Err(), f.failing)
}

// move gives an operation another timeline.
func (f *fakeWorkflows) move(to operation.Timeline) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.timelines[to.Operation] = to
	f.moved.Broadcast()
}

func (f *fakeWorkflows) CreateSchedule(_ context.Context, schedule backup.Schedule) error {
	return f.do(func() { f.schedules[schedule.ID] = schedule })
}

func (f *fakeWorkflows) DeleteSchedule(_ context.Context, schedule id.Schedule) error {
	return f.do(func() { delete(f.schedules, schedule) })
}

func (f *fakeWorkflows) PauseSchedule(_ context.Context, schedule id.Schedule, paused bool) error {
	return f.do(func() {
		found := f.schedules[schedule]
		found.Paused = paused
		f.schedules[schedule] = found
	})
}

func (f *fakeWorkflows) TriggerSchedule(_ context.Context, schedule id.Schedule) error {
	return f.do(func() { f.triggered[schedule]++ })
}

func (f *fakeWorkflows) DescribeSchedule(_ context.Context, schedule id.Schedule) (api.ScheduleInfo, error) {
	var info api.ScheduleInfo
	err := f.do(func() {
		if found := f.schedules[schedule]; !found.Paused {
			info.NextRunAt = time.Now().Add(time.Hour).UTC().Truncate(time.Second)
		}
		info.Skipped = 2
	})
	return info, err
}
