package workflows

import (
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// Limits on activities. One on a host, or one that fetches an image, may last for days, so what bounds it is its heartbeat.
const (
	heartbeatTimeout = 30 * time.Second // above a restart of Temporal, so that no second attempt starts beside a living one
	hostLongest      = 7 * 24 * time.Hour
	hostPickUp       = 2 * time.Minute  // how long a step may wait for a host's worker before the operation is undone
	controlLongest   = 30 * time.Second // they are short; what a killed worker held is taken up again after this
	controlPickUp    = time.Hour
	askEvery         = 15 * time.Second // how often a patient call looks whether its host is silent
	hostAttempts     = 12
)

// ControlQueue is the task queue of the control plane's own activities and of all workflows.
const ControlQueue = "control"

// nextID names an activity after its step, so that the history reads as the timeline.
func (r *run) nextID() string {
	r.calls[r.name]++
	if count := r.calls[r.name]; count > 1 {
		return fmt.Sprintf("%s.%d", r.name, count)
	}
	return r.name
}

// atControl runs an activity of the control plane as part of the current step.
func atControl[R any](ctx workflow.Context, activity any, input any) (R, error) {
	r := runOf(ctx)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: ControlQueue, Summary: r.title, StartToCloseTimeout: controlLongest, ScheduleToStartTimeout: controlPickUp,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	})
	var result R
	if r.patient {
		return result, r.insist(ctx, "", activity, input, &result)
	}
	ctx = workflow.WithActivityOptions(ctx, r.named(ctx))
	return result, workflow.ExecuteActivity(ctx, activity, input).Get(ctx, &result)
}

// atControlAtLength runs an activity of the control plane that may last for days, so that what bounds it is its heartbeat.
func atControlAtLength[R any](ctx workflow.Context, activity any, input any) (R, error) {
	r := runOf(ctx)
	options := lengthy(r)
	options.TaskQueue, options.ScheduleToStartTimeout = ControlQueue, controlPickUp
	options.ActivityID = r.nextID()
	ctx = workflow.WithActivityOptions(ctx, options)
	var result R
	return result, workflow.ExecuteActivity(ctx, activity, input).Get(ctx, &result)
}

// lengthy are the options of an activity that heartbeats.
func lengthy(r *run) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		Summary: r.title, StartToCloseTimeout: hostLongest, HeartbeatTimeout: heartbeatTimeout, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second, MaximumAttempts: hostAttempts,
		},
	}
}

// atHost runs an activity on a host as part of the current step. While going forward, a host that stays silent or refuses
// fails the step. While taking back, or past the point of no return, the call insists: it waits for the host, and tries
// again what failed, as long as it takes. The operation then says what it waits for, until somebody tells it to give up.
func atHost[R any](ctx workflow.Context, on id.Host, activity any, input any) (R, error) {
	r := runOf(ctx)
	options := lengthy(r)
	options.TaskQueue, options.ScheduleToStartTimeout = host.TaskQueue(on), hostPickUp
	var result R
	if r.patient {
		options.ScheduleToStartTimeout = 0
		options.RetryPolicy.MaximumAttempts = 0
		return result, r.insist(workflow.WithActivityOptions(ctx, options), on, activity, input, &result)
	}
	options.ActivityID = r.nextID()
	ctx = workflow.WithActivityOptions(ctx, options)
	err := workflow.ExecuteActivity(ctx, activity, input).Get(ctx, &result)
	return result, r.nameSilence(ctx, on, err)
}

// named completes the options in ctx with the next activity ID of the step.
func (r *run) named(ctx workflow.Context) workflow.ActivityOptions {
	options := workflow.GetActivityOptions(ctx)
	options.ActivityID = r.nextID()
	return options
}

// insist calls until it works or somebody gives up; the error is then givenUp.
func (r *run) insist(ctx workflow.Context, on id.Host, activity, input, result any) error {
	defer r.ask(ctx, "")
	for pause := time.Second; ; pause = min(2*pause, insistAtMost) {
		called := workflow.WithActivityOptions(ctx, r.named(ctx))
		err := r.wait(called, on, activity, input, result)
		if err == nil || isGivenUp(err) {
			return err
		}
		r.ask(ctx, fmt.Sprintf("%s failed: %s; it is tried again until it works. To go on without it: novacron operation give-up %s",
			r.title, r.problemOf(err).Message, r.operation))
		if r.gaveUp(ctx, pause) {
			return givenUp(r.problemOf(err).Message)
		}
	}
}

// insistAtMost is the longest pause between two tries of something that must be done.
const insistAtMost = 30 * time.Second

// gaveUp waits, and reports whether somebody gave up meanwhile.
func (r *run) gaveUp(ctx workflow.Context, pause time.Duration) bool {
	given, _ := r.giveUp.ReceiveWithTimeout(ctx, pause, nil)
	return given
}

// wait waits for an activity, and meanwhile says so if its host is silent.
func (r *run) wait(ctx workflow.Context, on id.Host, activity, input, result any) error {
	called, stop := workflow.WithCancel(ctx)
	pending := workflow.ExecuteActivity(called, activity, input)
	for {
		finished, given := false, false
		timed, disarm := workflow.WithCancel(ctx)
		next := workflow.NewSelector(ctx).
			AddFuture(pending, func(workflow.Future) { finished = true }).
			AddFuture(workflow.NewTimer(timed, askEvery), func(workflow.Future) {})
		if r.question != "" {
			next.AddReceive(r.giveUp, func(channel workflow.ReceiveChannel, _ bool) { channel.Receive(ctx, nil); given = true })
		}
		next.Select(ctx)
		disarm()
		switch {
		case finished:
			return pending.Get(ctx, result)
		case given:
			stop()
			_ = pending.Get(ctx, nil) // its end is awaited, its outcome no longer matters
			return givenUp(silent(r.hostName(ctx, on), r.title).Message)
		case on != "":
			r.ask(ctx, r.questionAbout(ctx, on))
		}
	}
}

// questionAbout says what the operation waits for if the host is silent, and nothing if it is at work.
func (r *run) questionAbout(ctx workflow.Context, on id.Host) string {
	var standing control.HostStanding
	if err := r.look(ctx, on, &standing); err != nil || standing.Answers {
		return ""
	}
	return fmt.Sprintf("Host %s does not answer; this operation goes on with %q by itself when the host is back. "+
		"If the host is lost for good, give up on it: novacron operation give-up %s", standing.Name, r.title, r.operation)
}

func (r *run) look(ctx workflow.Context, on id.Host, standing *control.HostStanding) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 2},
	})
	return workflow.ExecuteLocalActivity(ctx, methodName(toControl.HostStanding), on).Get(ctx, standing)
}

// ask puts a question on the operation's record, or takes it off.
func (r *run) ask(ctx workflow.Context, question string) {
	if question == r.question {
		return
	}
	if r.question == "" {
		for r.giveUp.ReceiveAsync(nil) { // what was said before this was asked is no answer to it
		}
	}
	standing := control.Standing{Operation: r.operation, State: operation.Waiting, Question: question}
	if question == "" {
		standing.State = operation.Running
		if r.taking {
			standing.State = operation.Undoing
		}
	}
	if r.record(ctx, toControl.SetState, standing) == nil {
		r.question = question
	}
}

// nameSilence says which host it was that did not answer.
func (r *run) nameSilence(ctx workflow.Context, on id.Host, err error) error {
	timeout, late := errors.AsType[*temporal.TimeoutError](err)
	if !late || timeout.TimeoutType() == enums.TIMEOUT_TYPE_START_TO_CLOSE {
		return err
	}
	return refuse(silent(r.hostName(ctx, on), r.title))
}

func (r *run) hostName(ctx workflow.Context, on id.Host) string {
	if name, known := r.hosts[on]; known {
		return name
	}
	var standing control.HostStanding
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if err := r.look(ctx, on, &standing); err != nil || standing.Name == "" {
		return string(on)
	}
	r.hosts[on] = standing.Name
	return standing.Name
}
