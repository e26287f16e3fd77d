package api

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// timelineOf is an operation's timeline now: the archived one once it has ended, the history's while it runs, and the
// plan before that.
func (s *Server) timelineOf(ctx context.Context, found operation.Operation) (operation.Timeline, error) {
	if found.State.Final() {
		if archived, ok, err := s.archived(ctx, found.ID); err != nil || ok {
			return presentable(archived, found), err
		}
	}
	live, err := s.workflows.Timeline(ctx, found)
	switch {
	case err == nil:
		return presentable(live, found), nil
	case fault.Is(err, fault.KindNotFound) || fault.Is(err, fault.KindUnavailable):
		return s.withoutHistory(ctx, found, err)
	}
	return operation.Timeline{}, err
}

// withoutHistory answers while the history cannot be read: what was archived, or else the steps that are planned.
func (s *Server) withoutHistory(ctx context.Context, found operation.Operation, failure error) (operation.Timeline, error) {
	if archived, ok, err := s.archived(ctx, found.ID); err != nil || ok {
		return presentable(archived, found), err
	}
	if found.State != operation.Accepted && fault.Is(failure, fault.KindUnavailable) {
		return operation.Timeline{}, failure
	}
	plan, err := s.workflows.Plan(found.Kind, found.Request)
	if err != nil {
		return operation.Timeline{}, err
	}
	state := operation.StepPlanned
	if found.State.Final() {
		state = operation.StepSkipped
	}
	timeline := operation.Timeline{}
	for _, step := range plan.Steps {
		timeline.Steps = append(timeline.Steps, operation.Step{Name: step.Name, Title: step.Title, NoReturn: step.NoReturn, State: state})
	}
	return presentable(timeline, found), nil
}

func (s *Server) archived(ctx context.Context, operationID id.Operation) (operation.Timeline, bool, error) {
	encoded, err := s.store.Timeline(ctx, operationID)
	if err != nil || len(encoded) == 0 {
		return operation.Timeline{}, false, err
	}
	var timeline operation.Timeline
	if err := json.Unmarshal(encoded, &timeline); err != nil {
		return operation.Timeline{}, false, fault.Internal("the archived timeline cannot be read").Because(err)
	}
	return timeline, true, nil
}

// presentable fills in what the inventory knows better, and makes its lists lists.
func presentable(timeline operation.Timeline, found operation.Operation) operation.Timeline {
	timeline.Operation = found.ID
	if timeline.State == "" || found.State.Final() {
		timeline.State = found.State
	}
	if timeline.Steps == nil {
		timeline.Steps = []operation.Step{}
	}
	return timeline
}

// watchPause is how long a watcher rests when the history could not be read.
const watchPause = time.Second

// watchOnce waits until the timeline has moved past after. It is what one watcher does again and again.
func (s *Server) watchOnce(ctx context.Context, operationID id.Operation, after int64) (operation.Timeline, error) {
	found, err := s.store.GetOperation(ctx, "", operationID)
	if err != nil {
		return operation.Timeline{}, err
	}
	if after < 0 || found.State.Final() {
		return s.timelineOf(ctx, found)
	}
	moved, err := s.workflows.WatchTimeline(ctx, found, after)
	if err != nil {
		return operation.Timeline{}, err
	}
	if now, err := s.store.GetOperation(ctx, "", operationID); err == nil {
		found = now
	}
	if found.State.Final() {
		return s.timelineOf(ctx, found)
	}
	return presentable(moved, found), nil
}

// watchers follows operations for all sockets: one goroutine an operation, however many look.
type watchers struct {
	once    func(ctx context.Context, operationID id.Operation, after int64) (operation.Timeline, error)
	mutex   sync.Mutex
	running map[id.Operation]*watcher
}

type watcher struct {
	stop    context.CancelFunc
	viewers map[*viewer]bool
	latest  []byte // the last push, for those who come later
}

// viewer is one socket's view of the operations it watches: the latest push of each that it has not sent yet. A slow
// viewer misses steps between, never the last one.
type viewer struct {
	mutex   sync.Mutex
	pending map[id.Operation][]byte
	wake    chan struct{}
}

func newWatchers(once func(context.Context, id.Operation, int64) (operation.Timeline, error)) *watchers {
	return &watchers{once: once, running: map[id.Operation]*watcher{}}
}

func newViewer() *viewer {
	return &viewer{pending: map[id.Operation][]byte{}, wake: make(chan struct{}, 1)}
}

func (v *viewer) offer(operationID id.Operation, push []byte) {
	v.mutex.Lock()
	v.pending[operationID] = push
	v.mutex.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// take returns what has not been sent yet.
func (v *viewer) take() [][]byte {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	taken := make([][]byte, 0, len(v.pending))
	for operationID, push := range v.pending {
		taken = append(taken, push)
		delete(v.pending, operationID)
	}
	return taken
}

// watch makes the viewer see the operation from now on, beginning with how it is.
func (w *watchers) watch(operationID id.Operation, by *viewer) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	found, ok := w.running[operationID]
	if !ok {
		ctx, stop := context.WithCancel(context.Background())
		found = &watcher{stop: stop, viewers: map[*viewer]bool{}}
		w.running[operationID] = found
		go w.follow(ctx, operationID, found)
	}
	found.viewers[by] = true
	if found.latest != nil {
		by.offer(operationID, found.latest)
	}
}

// leave ends the viewer's interest; the last one to leave ends the watcher.
func (w *watchers) leave(operationID id.Operation, by *viewer) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	found, ok := w.running[operationID]
	if !ok {
		return
	}
	delete(found.viewers, by)
	if len(found.viewers) == 0 {
		found.stop()
		delete(w.running, operationID)
	}
}

// timelinePush is what a socket sends when a timeline has moved.
type timelinePush struct {
	Type     string             `json:"type" enum:"operation.timeline"`
	Timeline operation.Timeline `json:"timeline"`
}

// follow pushes the timeline whenever it moves, until the operation has ended or nobody looks any more.
func (w *watchers) follow(ctx context.Context, operationID id.Operation, self *watcher) {
	after := int64(-1)
	for ctx.Err() == nil {
		timeline, err := w.once(ctx, operationID, after)
		if err != nil {
			if fault.Is(err, fault.KindNotFound) && after < 0 {
				return
			}
			after = -1
			select {
			case <-ctx.Done():
			case <-time.After(watchPause):
			}
			continue
		}
		push, err := json.Marshal(timelinePush{Type: "operation.timeline", Timeline: timeline})
		if err != nil {
			return
		}
		w.deliver(operationID, self, push)
		if timeline.State.Final() {
			return
		}
		if after < 0 && timeline.HistoryAt == 0 {
			// Not begun yet: there is no history to wait on.
			select {
			case <-ctx.Done():
			case <-time.After(watchPause / 4):
			}
			continue
		}
		after = timeline.HistoryAt
	}
}

// deliver hands the push to every viewer, unless it is what they have seen already.
func (w *watchers) deliver(operationID id.Operation, self *watcher, push []byte) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if string(self.latest) == string(push) {
		return
	}
	self.latest = push
	for each := range self.viewers {
		each.offer(operationID, push)
	}
}
