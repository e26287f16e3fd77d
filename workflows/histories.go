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
	mutex  sync.Mutex
	events []*historypb.HistoryEvent
	token  []byte
	closed bool
	usedAt time.Time
}

const (
	// progressEvery is how often a timeline moves while an activity reports progress and no event arrives.
	progressEvery = time.Second
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
	if err := e.advance(ctx, of.ID, known, after); err != nil {
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

// advance reads what is new: what is there at once, and if nothing is new after that event, what comes within a second.
func (e *Engine) advance(ctx context.Context, of id.Operation, known *watched, after int64) error {
	if known.closed {
		return nil
	}
	for {
		wait := len(known.events) > 0 && known.token != nil
		if wait && known.events[len(known.events)-1].GetEventId() > after && after >= 0 {
			return nil
		}
		patience := progressEvery
		if after < 0 && wait {
			patience = 50 * time.Millisecond // long enough for what is there, too short to be noticed
		}
		moved, err := e.readOn(ctx, of, known, patience)
		if err != nil || known.closed || !moved {
			return err
		}
	}
}

func (e *Engine) readOn(ctx context.Context, of id.Operation, known *watched, patience time.Duration) (moved bool, err error) {
	limited, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if len(known.events) == 0 {
		limited = ctx
	}
	answer, err := e.client.WorkflowService().GetWorkflowExecutionHistory(limited, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: e.namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: string(of)},
		WaitNewEvent: true, NextPageToken: known.token, HistoryEventFilterType: enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	})
	switch {
	case isMissing(err):
		return false, fault.NotFound("the workflow of operation %s has not begun, or its history has expired", of)
	case err != nil && ctx.Err() == nil && (errors.Is(limited.Err(), context.DeadlineExceeded)):
		return false, nil
	case err != nil:
		return false, unavailable(err)
	}
	known.events = append(known.events, answer.GetHistory().GetEvents()...)
	known.token = answer.GetNextPageToken()
	known.closed = len(known.token) == 0
	return len(answer.GetHistory().GetEvents()) > 0, nil
}
