package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/novacron/novacron/internal/fault"
)

// journal keeps the task tokens of the activities at work as files, so that a worker that was killed can tell Temporal
// when it is back: the next attempt then starts at once, and not when the heartbeat is missed half a minute later. Losing
// the journal costs that time and nothing else.
type journal struct {
	interceptor.WorkerInterceptorBase
	directory string
	log       *slog.Logger
}

func newJournal(directory string, log *slog.Logger) (*journal, error) {
	return &journal{directory: directory, log: log}, os.MkdirAll(directory, 0o700)
}

func (j *journal) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &journalInbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, journal: j}
}

type journalInbound struct {
	interceptor.ActivityInboundInterceptorBase
	journal *journal
}

func (j *journalInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity {
		return j.Next.ExecuteActivity(ctx, in)
	}
	sum := sha256.Sum256(info.TaskToken)
	path := filepath.Join(j.journal.directory, hex.EncodeToString(sum[:16]))
	if err := os.WriteFile(path, info.TaskToken, 0o600); err != nil {
		j.journal.log.Warn("the journal of activities cannot be written", "error", err)
	}
	defer os.Remove(path) // a token that stays behind is refused by Temporal, which is harmless
	return j.Next.ExecuteActivity(ctx, in)
}

// errKilled lets the next attempt begin.
var errKilled = temporal.NewApplicationError("the worker that was at it was killed and has started again", string(fault.KindUnavailable))

// leftoversPatience is how long a worker that has started again tries to tell Temporal before it goes to work all the same.
const leftoversPatience = 20 * time.Second

// failLeftovers fails every activity that an earlier process of this worker left at work.
func (j *journal) failLeftovers(ctx context.Context, connected client.Client) error {
	ctx, stop := context.WithTimeout(ctx, leftoversPatience)
	defer stop()
	left, err := os.ReadDir(j.directory)
	for _, each := range left {
		err = errors.Join(err, failLeftover(ctx, connected, filepath.Join(j.directory, each.Name())))
	}
	return err
}

// failLeftover fails one, and forgets it unless Temporal could not be told. A token that was cut off is as good as none.
func failLeftover(ctx context.Context, connected client.Client, path string) error {
	token, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	err = unlessOver(connected.CompleteActivity(ctx, token, nil, errKilled))
	if _, stale := errors.AsType[*serviceerror.InvalidArgument](err); err != nil && !stale {
		return err
	}
	return os.Remove(path)
}

// failUnwritten fails the activities that Temporal handed to an earlier process of this worker in the moment in which it was
// killed, before it could write them down. It is for workers whose identity is theirs alone, and before they go to work.
func failUnwritten(ctx context.Context, connected client.Client, namespace, identity string) error {
	ctx, stop := context.WithTimeout(ctx, leftoversPatience)
	defer stop()
	for token := []byte(nil); ; {
		page, err := connected.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'", NextPageToken: token})
		if err != nil {
			return err
		}
		for _, each := range page.GetExecutions() {
			if err := failHandedOut(ctx, connected, namespace, identity, each.GetExecution()); err != nil {
				return err
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}

// failHandedOut fails those of one workflow.
func failHandedOut(ctx context.Context, connected client.Client, namespace, identity string, of *commonpb.WorkflowExecution) error {
	described, err := connected.DescribeWorkflowExecution(ctx, of.GetWorkflowId(), of.GetRunId())
	if err != nil {
		return unlessOver(err)
	}
	for _, pending := range described.GetPendingActivities() {
		if pending.GetState() != enums.PENDING_ACTIVITY_STATE_STARTED || pending.GetLastWorkerIdentity() != identity {
			continue
		}
		err := connected.CompleteActivityByID(ctx, namespace, of.GetWorkflowId(), of.GetRunId(), pending.GetActivityId(), nil, errKilled)
		if unlessOver(err) != nil {
			return err
		}
	}
	return nil
}

// unlessOver drops the error that says that nobody waits any more.
func unlessOver(err error) error {
	if _, over := errors.AsType[*serviceerror.NotFound](err); over {
		return nil
	}
	return err
}
