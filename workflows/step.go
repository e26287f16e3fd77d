package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/operation"
)

// step is one row of an operation's table. Its undo is registered before it runs, since it may have done half its work
// when it fails; so an undo must cope with nothing, half and all of it having been done.
type step[S any] struct {
	name  string // snake_case; names the lane in the timeline
	title string // what it does, for people

	do       func(state *S, ctx workflow.Context) error
	undo     func(state *S, ctx workflow.Context) error // nil: it leaves nothing behind
	undoes   string                                     // what the undo does, for people
	leak     func(state *S) operation.Leak              // what stays behind if the undo is given up; nil: nothing
	needless func(state *S) bool                        // nil: always needed

	// unsettles: once this step has begun, only the next step that settles can say what came of it; an error or a
	// cancellation from here on leads there. settles: that step. It runs whatever happened, waits for silent hosts, reads
	// the failure in run.failure, and the operation goes on if it returns nil and is taken back if it does not.
	unsettles, settles bool
	// noReturn: from this step on the operation can be neither cancelled nor undone, only finished.
	noReturn bool
}

// planned translates a table for a dry run, leaving out what the state already shows to be needless.
func planned[S any](steps []step[S], state *S) []operation.PlannedStep {
	var plan []operation.PlannedStep
	for _, each := range steps {
		if each.needless != nil && each.needless(state) {
			continue
		}
		plan = append(plan, operation.PlannedStep{Name: each.name, Title: each.title, Undo: each.undoes, NoReturn: each.noReturn})
	}
	return plan
}

// perform runs an operation's table: it begins the record, runs each step, takes back what was done if one fails, and
// ends the record in a state that says which it was. result is read when all is done.
func perform[S any](ctx workflow.Context, task header, steps []step[S], state *S, result func(*S) any) error {
	r := newRun(ctx, task)
	ctx = r.context
	if bound, ok := any(state).(interface{ bind(*run) }); ok {
		bound.bind(r)
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	done, failure := forward(ctx, r, steps, state)
	if failure == nil {
		return r.succeed(ctx, result(state))
	}
	return takeBack(r, done, state, failure)
}

// forward runs the steps in turn and returns those that began, with the failure that ended it.
func forward[S any](ctx workflow.Context, run *run, steps []step[S], state *S) (done []step[S], failure error) {
	unsettled := false
	for _, each := range steps {
		if run.failure != nil && !each.settles || each.needless != nil && each.needless(state) {
			continue
		}
		here := ctx
		switch {
		case each.noReturn:
			ctx = run.passNoReturn(ctx)
			here = ctx
		case each.settles:
			here = run.settling(ctx)
		}
		err := here.Err()
		if err == nil || len(done) == 0 {
			done = append(done, each) // the first step's undo also takes back what accepting the request recorded
		}
		if err == nil {
			unsettled = unsettled || each.unsettles
			run.enter(each.name, each.title)
			err = each.do(state, here)
		}
		switch {
		case each.settles && err == nil:
			run.failure, unsettled = nil, false
		case err != nil && unsettled && !each.settles:
			run.failure = err
		case run.noReturn && isGivenUp(err):
			run.leaks = append(run.leaks, leakOf(run, each, state, each.title, err))
		case err != nil:
			return done, err
		}
	}
	return done, run.failure
}

func takeBack[S any](run *run, done []step[S], state *S, failure error) error {
	problem := run.problemOf(failure)
	if run.noReturn {
		return run.fail(run.context, problem, failure)
	}
	ctx := run.undoing()
	for i := len(done) - 1; i >= 0; i-- {
		each := done[i]
		if each.undo == nil {
			continue
		}
		run.enterUndo(each.name, each.undoes)
		if err := each.undo(state, ctx); err != nil {
			run.leaks = append(run.leaks, leakOf(run, each, state, each.undoes, err))
		}
	}
	return run.fail(ctx, problem, failure)
}

// leakOf names what stays behind because something was not done.
func leakOf[S any](run *run, of step[S], state *S, what string, err error) operation.Leak {
	leak := operation.Leak{Kind: "step", ID: of.name}
	if of.leak != nil {
		leak = of.leak(state)
	}
	leak.Detail = what + ": " + run.problemOf(err).Message
	return leak
}
