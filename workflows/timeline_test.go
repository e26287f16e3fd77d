package workflows

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/novacron/novacron/internal/operation"
)

func scheduledEvent(number int64, activityID string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventId: number, EventTime: timestamppb.New(time.Unix(number, 0)), EventType: enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
				ActivityId: activityID, ActivityType: &commonpb.ActivityType{Name: "Place"},
			},
		},
	}
}

func failedEvent(number, scheduled int64, message string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventId: number, EventTime: timestamppb.New(time.Unix(number, 0)), EventType: enums.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{
			ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
				ScheduledEventId: scheduled, Failure: &failurepb.Failure{Message: "activity error", Cause: &failurepb.Failure{
					Message:     message,
					FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}},
				}},
			},
		},
	}
}

func laneNamed(t *testing.T, of operation.Timeline, name string, undo bool) operation.Step {
	t.Helper()
	for _, each := range of.Steps {
		if each.Name == name && each.Undo == undo {
			return each
		}
	}
	t.Fatalf("there is no lane %s in %+v", name, of.Steps)
	return operation.Step{}
}

func TestTimelineShowsFailuresCallsAndUndo(t *testing.T) {
	shown := Project(operation.Operation{Kind: operation.Provision, State: operation.Failed, Request: json.RawMessage(`{}`)},
		[]*historypb.HistoryEvent{
			scheduledEvent(1, "first"), failedEvent(2, 1, "no room"), scheduledEvent(3, "first.2"), scheduledEvent(4, "undo.first"),
		}, nil)
	first := laneNamed(t, shown, "first", false)
	if first.Calls != 2 || first.State != operation.StepQueued || first.Error != "no room" {
		t.Errorf("the lane is %+v", first)
	}
	if undo := laneNamed(t, shown, "first", true); undo.Calls != 1 {
		t.Errorf("the undoing lane is %+v", undo)
	}
	if shown.Steps[0].State != operation.StepSkipped || shown.HistoryAt != 4 {
		t.Errorf("what was planned is %s, history at %d", shown.Steps[0].State, shown.HistoryAt)
	}
}

func TestTimelineShowsWhatIsPending(t *testing.T) {
	history := []*historypb.HistoryEvent{scheduledEvent(1, "first")}
	for name, each := range map[string]struct {
		pending *workflowpb.PendingActivityInfo
		state   operation.StepState
	}{
		"queued":   {&workflowpb.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 1}, operation.StepQueued},
		"retrying": {&workflowpb.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 3}, operation.StepRetrying},
		"running":  {&workflowpb.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_STARTED, Attempt: 1}, operation.StepRunning},
	} {
		each.pending.ActivityId = "first"
		each.pending.HeartbeatDetails = &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte(`{"done":3,"total":9,"unit":"bytes"}`)}}}
		shown := Project(operation.Operation{State: operation.Running}, history, []*workflowpb.PendingActivityInfo{each.pending})
		lane := laneNamed(t, shown, "first", false)
		if lane.State != each.state || lane.Progress == nil || lane.Progress.Done != 3 || lane.Attempts != int(each.pending.Attempt) {
			t.Errorf("%s is shown as %+v", name, lane)
		}
	}
}

func TestTimelineOfARecordedMigration(t *testing.T) {
	history := readHistory(t, filepath.Join("testdata", "migrate-completed.json"))
	of := operation.Operation{Kind: operation.Migrate, State: operation.Succeeded, Request: json.RawMessage(`{}`)}
	shown := Project(of, history.GetEvents(), nil)
	if shown.Migration == nil || len(shown.Migration.Rounds) == 0 || shown.Migration.Outcome == nil {
		t.Errorf("the migration is %+v", shown.Migration)
	}
	if shown.NoReturn.IsZero() {
		t.Error("the point of no return is not shown")
	}
	for _, each := range shown.Steps {
		if each.State != operation.StepDone && each.State != operation.StepSkipped {
			t.Errorf("%s is %s: %s", each.Name, each.State, each.Error)
		}
	}
}
