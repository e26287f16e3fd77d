package main

import (
	"context"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	history "go.temporal.io/api/history/v1"

	"github.com/novacron/novacron/internal/id"
)

const lookEvery = 10 * time.Millisecond

// await waits for a moment of an operation by its workflow's history. It returns false if the operation ended without it.
func (s *stand) await(ctx context.Context, op id.Operation, step string, when moment) (bool, error) {
	for {
		seen, closed, err := s.reached(ctx, op, step, when)
		if seen {
			return true, nil
		}
		if err == nil && closed {
			return false, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		time.Sleep(lookEvery)
	}
}

// reached looks once. An error is a workflow that has not begun yet or a Temporal that does not answer now.
func (s *stand) reached(ctx context.Context, op id.Operation, step string, when moment) (seen, closed bool, err error) {
	described, err := s.temporal.DescribeWorkflowExecution(ctx, string(op), "")
	if err != nil {
		return false, false, err
	}
	closed = described.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	for _, each := range described.GetPendingActivities() {
		if stepOf(each.GetActivityId()) == step && (when == scheduled || when == started && each.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED) {
			return true, closed, nil
		}
	}
	of := map[int64]string{}
	events := s.temporal.GetWorkflowHistory(ctx, string(op), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return false, false, err
		}
		if tells(event, of, step, when) {
			return true, closed, nil
		}
	}
	return false, closed, nil
}

// tells reports whether an event says that the moment has come. An activity that was too quick to be seen at work counts
// as seen, since its result has not been acted on for long.
func tells(event *history.HistoryEvent, of map[int64]string, step string, when moment) bool {
	if begun := event.GetActivityTaskScheduledEventAttributes(); begun != nil {
		of[event.GetEventId()] = stepOf(begun.GetActivityId())
		return when == scheduled && of[event.GetEventId()] == step
	}
	if done := event.GetActivityTaskCompletedEventAttributes(); done != nil {
		return of[done.GetScheduledEventId()] == step
	}
	if lost := event.GetActivityTaskFailedEventAttributes(); lost != nil {
		return of[lost.GetScheduledEventId()] == step
	}
	return false
}

// undone is in front of a step's name where it is taken back.
const undone = "undo."

// stepOf is the step that an activity's ID belongs to: "rounds" of "rounds.3", "undo.define" of "undo.define.2".
func stepOf(activity string) string {
	name, taking := strings.CutPrefix(activity, undone)
	name, _, _ = strings.Cut(name, ".")
	if taking {
		return undone + name
	}
	return name
}
