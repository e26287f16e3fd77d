package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// run is one execution of an operation's table.
type run struct {
	header
	context  workflow.Context
	name     string // of the step at work, with "undo." in front while taking back
	title    string
	calls    map[string]int // how often each step has called an activity
	patient  bool           // calls wait for a silent host without end instead of failing
	taking   bool           // taking back
	noReturn bool
	failure  error // of an unsettled step; for the settling one to judge
	leaks    []operation.Leak
	giveUp   workflow.ReceiveChannel
	question string
	hosts    map[id.Host]string
}

type runKey struct{}

// GiveUpSignal tells an operation that waits for a host to stop waiting and to report what it leaves behind.
const GiveUpSignal = "give_up"

func newRun(ctx workflow.Context, task header) *run {
	r := &run{header: task, calls: map[string]int{}, giveUp: workflow.GetSignalChannel(ctx, GiveUpSignal), hosts: map[id.Host]string{}}
	r.context = workflow.WithValue(ctx, runKey{}, r)
	return r
}

func runOf(ctx workflow.Context) *run {
	found, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		panic("BUG: a step was run outside perform")
	}
	return found
}

func (r *run) enter(name, title string) { r.name, r.title = name, title }

func (r *run) enterUndo(name, title string) { r.name, r.title = undoPrefix+name, title }

// undoPrefix marks the activity IDs of undo steps in a history.
const undoPrefix = "undo."

var (
	toControl *control.Activities
	toHost    *host.Activities
)

// record runs a short piece of book-keeping as a local activity: no lane in the timeline, no round trip to a queue.
func (r *run) record(ctx workflow.Context, activity any, args ...any) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	})
	return workflow.ExecuteLocalActivity(ctx, methodName(activity), args...).Get(ctx, nil)
}

// methodName is the name an activity is registered under. Local activities are started by name, since a method of a nil
// pointer could not be called.
func methodName(method any) string {
	full := runtime.FuncForPC(reflect.ValueOf(method).Pointer()).Name()
	return strings.TrimSuffix(full[strings.LastIndex(full, ".")+1:], "-fm")
}

func (r *run) begin(ctx workflow.Context) error {
	info := workflow.GetInfo(ctx)
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return r.record(ctx, toControl.Begin, control.Beginning{Operation: r.operation, RunID: info.WorkflowExecution.RunID})
}

// settling makes one step deaf to cancellation and patient with silent hosts.
func (r *run) settling(ctx workflow.Context) workflow.Context {
	r.patient = true
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	return ctx
}

// passNoReturn makes the rest of the operation deaf to cancellation and patient with silent hosts.
func (r *run) passNoReturn(ctx workflow.Context) workflow.Context {
	if r.noReturn {
		return ctx
	}
	r.patient, r.noReturn = true, true
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	// Nothing is undone for want of this mark; it only tells people that cancelling has no effect from here.
	_ = r.record(ctx, toControl.MarkNoReturn, r.operation)
	return ctx
}

func (r *run) undoing() workflow.Context {
	ctx, _ := workflow.NewDisconnectedContext(r.context)
	r.patient, r.taking = true, true
	_ = r.record(ctx, toControl.SetState, control.Standing{Operation: r.operation, State: operation.Undoing})
	return ctx
}

func (r *run) succeed(ctx workflow.Context, result any) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	encoded, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("BUG: encoding the result: %w", err)
	}
	return r.record(ctx, toControl.Finish, control.Finishing{
		Operation: r.operation, State: operation.Succeeded, Result: encoded, Leaks: r.leaks,
	})
}

func (r *run) fail(ctx workflow.Context, problem operation.Problem, failure error) error {
	state := operation.Failed
	if temporal.IsCanceledError(failure) {
		state = operation.Cancelled
		problem.Message = "it was cancelled, and what it had done was taken back"
	}
	err := r.record(ctx, toControl.Finish, control.Finishing{
		Operation: r.operation, State: state, Problem: &problem, Leaks: r.leaks,
	})
	if err != nil {
		return err
	}
	if state == operation.Cancelled {
		return temporal.NewCanceledError()
	}
	return temporal.NewNonRetryableApplicationError(problem.Message, string(problem.Kind), nil)
}

// problemOf turns an error of a step into what users read.
func (r *run) problemOf(err error) operation.Problem {
	problem := operation.Problem{Kind: fault.KindInternal, Message: err.Error(), Step: r.name}
	if explained, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		problem.Kind, problem.Message = fault.Kind(explained.Type()), explained.Message()
		if explained.Type() == givenUpType {
			problem.Kind = fault.KindUnavailable
		}
	} else if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		problem.Kind = fault.KindUnavailable
		problem.Message = fmt.Sprintf("%s: nobody answered in time (%s); see whether the host and its worker are up, then try again", r.title, timeout.TimeoutType())
	} else if found, ok := errors.AsType[*fault.Error](err); ok {
		problem.Kind, problem.Message = found.Kind, found.Message
	} else if temporal.IsCanceledError(err) {
		problem.Kind, problem.Message = fault.KindConflict, "it was cancelled"
	}
	// Hosts know things by their IDs, people by their names.
	if r.subject.ID != "" && r.subject.Name != "" {
		problem.Message = strings.ReplaceAll(problem.Message, r.subject.ID, r.subject.Name)
	}
	return problem
}

// refuse fails a step for a reason that workflow code itself finds.
func refuse(problem *fault.Error) error {
	return temporal.NewNonRetryableApplicationError(problem.Message, string(problem.Kind), nil)
}

func silent(hostName, title string) *fault.Error {
	return fault.Unavailable("host %s did not answer when it was asked to %s; see whether it and its worker are up", hostName, lowerFirst(title))
}

func lowerFirst(text string) string {
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// givenUpType marks what was not done because somebody told the operation to go on without it.
const givenUpType = "given_up"

func givenUp(why string) error {
	return temporal.NewNonRetryableApplicationError(why, givenUpType, nil)
}

func isGivenUp(err error) bool {
	explained, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && explained.Type() == givenUpType
}
