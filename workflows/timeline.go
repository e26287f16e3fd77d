package workflows

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
)

// Project reads an operation's timeline from its workflow's history, and from what Temporal says of the activities that
// are pending. It is pure: the same history gives the same timeline, now or a year later.
func Project(of operation.Operation, history []*historypb.HistoryEvent, pending []*workflowpb.PendingActivityInfo) operation.Timeline {
	p := projection{
		timeline: operation.Timeline{Operation: of.ID, State: of.State},
		lanes:    map[string]*operation.Step{}, calls: map[int64]*call{}, open: map[string]*call{},
	}
	p.plan(of)
	for _, event := range history {
		p.add(event)
		p.timeline.HistoryAt = event.GetEventId()
	}
	for _, each := range pending {
		p.addPending(each)
	}
	p.close(of)
	return p.timeline
}

// projection is a timeline in the making.
type projection struct {
	timeline operation.Timeline
	order    []string
	lanes    map[string]*operation.Step
	calls    map[int64]*call  // by the event that scheduled them
	open     map[string]*call // by activity ID
}

// call is one activity of a lane.
type call struct {
	lane     *operation.Step
	activity string
}

// plan lays out the lanes that the operation's table foresees.
func (p *projection) plan(of operation.Operation) {
	plan, err := Plan(of.Kind, of.Request)
	if err != nil {
		return // an operation from a version with other requests still shows what its history has
	}
	for _, each := range plan.Steps {
		lane := p.lane(each.Name)
		lane.Title, lane.NoReturn = each.Title, each.NoReturn
	}
}

func (p *projection) lane(name string) *operation.Step {
	if known, ok := p.lanes[name]; ok {
		return known
	}
	shown, undo := strings.CutPrefix(name, undoPrefix)
	lane := &operation.Step{Name: shown, Undo: undo, State: operation.StepPlanned}
	p.lanes[name] = lane
	p.order = append(p.order, name)
	return lane
}

// laneOf takes the number of a repeated call off an activity's ID.
func laneOf(activityID string) string {
	at := strings.LastIndexByte(activityID, '.')
	if at > 0 && strings.Trim(activityID[at+1:], "0123456789") == "" {
		return activityID[:at]
	}
	return activityID
}

func (p *projection) add(event *historypb.HistoryEvent) {
	at := event.GetEventTime().AsTime()
	switch event.GetEventType() {
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		p.scheduled(event, at)
	case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		p.started(event.GetActivityTaskStartedEventAttributes(), at)
	case enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		attributes := event.GetActivityTaskCompletedEventAttributes()
		p.ended(attributes.GetScheduledEventId(), operation.StepDone, at, "")
		p.completed(attributes)
	case enums.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		attributes := event.GetActivityTaskFailedEventAttributes()
		p.ended(attributes.GetScheduledEventId(), operation.StepFailed, at, messageOf(attributes.GetFailure()))
	case enums.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		attributes := event.GetActivityTaskTimedOutEventAttributes()
		p.ended(attributes.GetScheduledEventId(), operation.StepFailed, at, "nobody answered in time: "+messageOf(attributes.GetFailure()))
	case enums.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		p.ended(event.GetActivityTaskCanceledEventAttributes().GetScheduledEventId(), operation.StepCancelled, at, "")
	}
}

func (p *projection) scheduled(event *historypb.HistoryEvent, at time.Time) {
	attributes := event.GetActivityTaskScheduledEventAttributes()
	lane := p.lane(laneOf(attributes.GetActivityId()))
	if title := textOf(event.GetUserMetadata().GetSummary()); title != "" && lane.Title == "" {
		lane.Title = title
	}
	if lane.Calls == 0 {
		lane.ScheduledAt = at
		lane.Input = payloadsText(attributes.GetInput())
	}
	if lane.NoReturn && p.timeline.NoReturn.IsZero() {
		p.timeline.NoReturn = at
	}
	lane.Calls++
	lane.State, lane.Queue, lane.EndedAt = operation.StepQueued, attributes.GetTaskQueue().GetName(), time.Time{}
	known := &call{lane: lane, activity: attributes.GetActivityType().GetName()}
	p.calls[event.GetEventId()] = known
	p.open[attributes.GetActivityId()] = known
	p.decided(known.activity, attributes.GetInput())
}

func (p *projection) started(attributes *historypb.ActivityTaskStartedEventAttributes, at time.Time) {
	known, ok := p.calls[attributes.GetScheduledEventId()]
	if !ok {
		return
	}
	lane := known.lane
	lane.State, lane.Worker = operation.StepRunning, attributes.GetIdentity()
	lane.Attempts += int(attributes.GetAttempt())
	if lane.StartedAt.IsZero() {
		lane.StartedAt = at
	}
	if failure := attributes.GetLastFailure(); failure != nil {
		lane.Error = messageOf(failure)
	}
}

func (p *projection) ended(scheduled int64, state operation.StepState, at time.Time, problem string) {
	known, ok := p.calls[scheduled]
	if !ok {
		return
	}
	known.lane.State, known.lane.EndedAt, known.lane.Progress = state, at, nil
	if problem != "" {
		known.lane.Error = problem
	}
}

func (p *projection) completed(attributes *historypb.ActivityTaskCompletedEventAttributes) {
	known, ok := p.calls[attributes.GetScheduledEventId()]
	if !ok {
		return
	}
	known.lane.Result = payloadsText(attributes.GetResult())
	if known.activity != methodName(toHost.AwaitRounds) {
		return
	}
	var report host.RoundsReport
	if json.Unmarshal([]byte(known.lane.Result), &report) != nil {
		return
	}
	moved := p.migration()
	for _, round := range report.Rounds {
		if count := len(moved.Rounds); count > 0 && moved.Rounds[count-1].Iteration == round.Iteration {
			moved.Rounds = moved.Rounds[:count-1]
		}
		moved.Rounds = append(moved.Rounds, round)
		moved.ExpectedMS = round.ExpectedDowntimeMS
	}
	if report.Outcome != nil {
		moved.Outcome = report.Outcome
	}
}

// decided notes what was decided about a migration: it is in what the activity that carried it out was given.
func (p *projection) decided(activity string, input *commonpb.Payloads) {
	if activity != methodName(toHost.TuneMigration) {
		return
	}
	var request host.TuneRequest
	if json.Unmarshal([]byte(payloadsText(input)), &request) == nil {
		p.migration().Decisions = append(p.migration().Decisions, request.Decision)
	}
}

func (p *projection) migration() *operation.Migration {
	if p.timeline.Migration == nil {
		p.timeline.Migration = &operation.Migration{Rounds: []precopy.Round{}, Decisions: []precopy.Applied{}}
	}
	return p.timeline.Migration
}

// addPending shows what a history does not have yet: an activity's start is written when it ends.
func (p *projection) addPending(info *workflowpb.PendingActivityInfo) {
	known, ok := p.open[info.GetActivityId()]
	if !ok {
		return
	}
	lane := known.lane
	lane.Attempts += int(info.GetAttempt())
	if worker := info.GetLastWorkerIdentity(); worker != "" {
		lane.Worker = worker
	}
	if started := info.GetLastStartedTime(); started != nil && lane.StartedAt.IsZero() {
		lane.StartedAt = started.AsTime()
	}
	if failure := info.GetLastFailure(); failure != nil {
		lane.Error = messageOf(failure)
	}
	switch {
	case info.GetState() != enums.PENDING_ACTIVITY_STATE_SCHEDULED:
		lane.State = operation.StepRunning
	case info.GetAttempt() > 1:
		lane.State = operation.StepRetrying
		lane.Next = fmt.Sprintf("attempt %d follows", info.GetAttempt())
		if due := info.GetScheduledTime(); due != nil {
			lane.Next += " at " + due.AsTime().UTC().Format(time.RFC3339)
		}
	default:
		lane.State = operation.StepQueued
		lane.Next = "waits for a worker to take it"
	}
	var beat operation.Progress
	if text := payloadsText(info.GetHeartbeatDetails()); text != "" && json.Unmarshal([]byte(text), &beat) == nil && beat.Unit != "" {
		lane.Progress = &beat
	}
}

func (p *projection) close(of operation.Operation) {
	p.timeline.Steps = make([]operation.Step, 0, len(p.order))
	for _, name := range p.order {
		lane := *p.lanes[name]
		if of.State.Final() && lane.State == operation.StepPlanned {
			lane.State = operation.StepSkipped
		}
		p.timeline.Steps = append(p.timeline.Steps, lane)
	}
}

// payloadsText is the JSON of an activity's only argument or result; empty if it has none.
func payloadsText(payloads *commonpb.Payloads) string {
	if len(payloads.GetPayloads()) == 0 {
		return ""
	}
	return string(payloads.GetPayloads()[0].GetData())
}

func textOf(payload *commonpb.Payload) string {
	var text string
	if json.Unmarshal(payload.GetData(), &text) != nil {
		return ""
	}
	return text
}

// messageOf is the innermost message of a failure: what the activity said.
func messageOf(failure *failurepb.Failure) string {
	for failure.GetApplicationFailureInfo() == nil && failure.GetCause() != nil {
		failure = failure.GetCause()
	}
	return failure.GetMessage()
}
