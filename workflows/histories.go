package workflows

import (
	"context"
	"errors"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// histories keeps the histories that are being watched, so that each new event is fetched once.
type histories struct {
	mutex   sync.Mutex
	watched map[id.Operation]*watched
}

// watched is one history as far as it is known, and where to go on.
type watched struct {
	mutex   sync.Mutex
	events  []*historypb.HistoryEvent
	token   []byte
	closed  bool
	usedAt  time.Time
	waiting chan struct{} // of the one wait for more that is under way; closed when it has ended, nil without one
	failure error         // of the last wait
}

const (
	// progressEvery is how often a timeline moves while an activity reports progress and no event arrives.
	progressEvery = time.Second
	// whatIsThere is long enough to read what a history has, and too short to be noticed.
	whatIsThere = 50 * time.Millisecond
	// waitForMore is how long one wait for new events lasts. Temporal answers at once, and with nothing, when a wait has
	// less than a few seconds (DefaultLongPollBuffer in its common package): a shorter one would ask without a pause.
	waitForMore = 20 * time.Second
	// forgetAfter is how long a history is kept that nobody looks at.
	forgetAfter = 5 * time.Minute
)

func (h *histories) of(operationID id.Operation) *watched {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.watched == nil {
		h.watched = map[id.Operation]*watched{}
	}
	for known, each := range h.watched {
		if each.mutex.TryLock() {
			if time.Since(each.usedAt) > forgetAfter && known != operationID {
				delete(h.watched, known)
			}
			each.mutex.Unlock()
		}
	}
	if h.watched[operationID] == nil {
		h.watched[operationID] = &watched{usedAt: time.Now()}
	}
	return h.watched[operationID]
}

// Timeline projects an operation's timeline from the history as it is now.
func (e *Engine) Timeline(ctx context.Context, of operation.Operation) (operation.Timeline, error) {
	return e.WatchTimeline(ctx, of, -1)
}

// WatchTimeline waits until the history has moved past the event after, or a second has passed, or it has ended.
func (e *Engine) WatchTimeline(ctx context.Context, of operation.Operation, after int64) (operation.Timeline, error) {
	known := e.histories.of(of.ID)
	known.mutex.Lock()
	defer known.mutex.Unlock()
	known.usedAt = time.Now()
	var err error
	if after < 0 || len(known.events) == 0 {
		err = e.readAll(ctx, of.ID, known)
	} else {
		err = e.awaitMore(ctx, of.ID, known, after)
	}
	if err != nil {
		return operation.Timeline{}, err
	}
	described, err := e.client.DescribeWorkflowExecution(ctx, string(of.ID), "")
	if isMissing(err) {
		return Project(of, known.events, nil), nil
	}
	if err != nil {
		return operation.Timeline{}, unavailable(err)
	}
	return Project(of, known.events, described.PendingActivities), nil
}

// readAll reads what is there now.
func (e *Engine) readAll(ctx context.Context, of id.Operation, known *watched) error {
	for !known.closed {
		limited, stop := context.WithTimeout(ctx, whatIsThere)
		if len(known.events) == 0 {
			limited = ctx
		}
		answer, err := e.read(limited, of, known.token)
		late := errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil
		stop()
		if err != nil && late {
			return nil
		}
		if err != nil {
			return err
		}
		known.take(answer)
		if len(answer.GetHistory().GetEvents()) == 0 {
			return nil
		}
	}
	return nil
}

// awaitMore waits a second at most for what comes after that event. The wait for it goes on without this caller, so that
// the next one joins it.
func (e *Engine) awaitMore(ctx context.Context, of id.Operation, known *watched, after int64) error {
	patience := time.NewTimer(progressEvery)
	defer patience.Stop()
	for !known.closed && known.last() <= after {
		if err := known.failure; err != nil {
			known.failure = nil
			return err
		}
		if known.waiting == nil {
			known.waiting = make(chan struct{})
			go e.wait(context.WithoutCancel(ctx), of, known, known.token, known.last())
		}
		waiting := known.waiting
		known.mutex.Unlock()
		over := false
		select {
		case <-waiting:
		case <-patience.C:
			over = true
		case <-ctx.Done():
			over = true
		}
		known.mutex.Lock()
		if over {
			return ctx.Err()
		}
	}
	return nil
}

// wait is one wait for events after last, to which token leads.
func (e *Engine) wait(ctx context.Context, of id.Operation, known *watched, token []byte, last int64) {
	ctx, stop := context.WithTimeout(ctx, waitForMore)
	defer stop()
	answer, err := e.read(ctx, of, token)
	known.mutex.Lock()
	defer known.mutex.Unlock()
	close(known.waiting)
	known.waiting = nil
	switch {
	case ctx.Err() != nil:
	case err != nil:
		known.failure = err
	case known.last() == last: // else somebody else has read on meanwhile
		known.take(answer)
	}
}

func (w *watched) last() int64 { return w.events[len(w.events)-1].GetEventId() }

func (w *watched) take(answer *workflowservice.GetWorkflowExecutionHistoryResponse) {
	w.events = append(w.events, answer.GetHistory().GetEvents()...)
	w.token = answer.GetNextPageToken()
	w.closed = len(w.token) == 0
}

func (e *Engine) read(ctx context.Context, of id.Operation, token []byte) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	answer, err := e.client.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: e.namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: string(of)},
		WaitNewEvent: true, NextPageToken: token, HistoryEventFilterType: enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	})
	if isMissing(err) {
		return nil, fault.NotFound("the workflow of operation %s has not begun, or its history has expired", of)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return answer, nil
}
