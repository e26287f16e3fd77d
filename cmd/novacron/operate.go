package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
)

// changing holds the flags of every command that changes something.
type changing struct {
	dryRun bool
	key    string
	wait   bool
	noWait bool
}

func (c *changing) how() client.Change { return client.Change{DryRun: c.dryRun, Key: c.key} }

// changes gives a command the flags of a change that is done at once.
func changes(cmd *cobra.Command) *changing {
	flags := &changing{}
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "check everything and say what would be done, but do nothing")
	cmd.Flags().StringVar(&flags.key, "idempotency-key", "", "your own name for this request: repeated, it is done once")
	return flags
}

// operates gives a command the flags of a change that is an operation.
func operates(cmd *cobra.Command) *changing {
	flags := changes(cmd)
	cmd.Flags().BoolVar(&flags.wait, "wait", true, "wait until the operation has ended, showing what it does")
	cmd.Flags().BoolVar(&flags.noWait, "no-wait", false, "return as soon as the operation is accepted")
	return flags
}

// ask starts an operation.
type ask func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error)

// tell says, in a sentence, what came of an operation that succeeded.
type tell func(ctx context.Context, c *client.Client, ended operation.Operation) string

// operate starts an operation and sees it through as the flags say.
func (p *program) operate(cmd *cobra.Command, flags *changing, start ask, result tell) error {
	connected, err := p.connect()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	started, err := start(ctx, connected, flags.how())
	if err != nil {
		return err
	}
	if started.Plan != nil {
		return p.plan(ctx, connected, *started.Plan)
	}
	if flags.noWait || !flags.wait {
		if p.output == "json" {
			return p.json(started.Operation)
		}
		p.say("%s", started.Operation.ID)
		fmt.Fprintf(p.err, "%s of %s was accepted. Watch it: novacron operation watch %s\n", started.Operation.Kind, started.Operation.Subject.Name, started.Operation.ID)
		return nil
	}
	return p.follow(ctx, connected, started.Operation, result)
}

// follow waits for an operation and reports how it ended. Breaking off does not touch the operation.
func (p *program) follow(ctx context.Context, connected *client.Client, of operation.Operation, result tell) error {
	display := p.display(of, p.hostBook(ctx, connected))
	ended, err := connected.Watch(ctx, of.ID, display)
	display.end(ended)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			fmt.Fprintf(p.err, "Stopped watching; operation %s goes on.\n  Watch it again: novacron operation watch %s\n  Stop it:        novacron operation cancel %s\n", of.ID, of.ID, of.ID)
			return errDetached
		}
		return err
	}
	if p.output == "json" {
		if err := p.json(ended); err != nil {
			return err
		}
	}
	return p.conclude(ctx, connected, ended, result)
}

// conclude says what came of it. An operation that did not succeed is an error with the operation's own kind, but ends
// with status 1 whatever that is: the command made sense and was allowed.
func (p *program) conclude(ctx context.Context, connected *client.Client, ended operation.Operation, result tell) error {
	for _, leak := range ended.Leaks {
		fmt.Fprintf(p.err, "left behind: %s %s on %s: %s\n", leak.Kind, leak.ID, connected.HostName(ctx, leak.Host), leak.Detail)
	}
	switch {
	case ended.State == operation.Succeeded:
		if result != nil && p.output != "json" {
			p.say("%s", result(ctx, connected, ended))
		}
		return nil
	case ended.State == operation.Cancelled:
		return fault.New(fault.KindConflict, fmt.Sprintf("%s of %s was cancelled; what it had done was taken back", ended.Kind, ended.Subject.Name))
	case ended.Error == nil:
		return fault.New(fault.KindConflict, fmt.Sprintf("%s of %s failed; see: novacron operation show %s", ended.Kind, ended.Subject.Name, ended.ID))
	}
	where := ""
	if ended.Error.Step != "" {
		where = " at step " + ended.Error.Step
	}
	return fault.New(fault.KindConflict, fmt.Sprintf("%s of %s failed%s: %s", ended.Kind, ended.Subject.Name, where, ended.Error.Message))
}

// plan prints what would be done.
func (p *program) plan(ctx context.Context, connected *client.Client, plan operation.Plan) error {
	if p.output == "json" {
		return p.json(plan)
	}
	p.say("This would be done (nothing was changed):")
	for i, step := range plan.Steps {
		line := fmt.Sprintf("%3d. %s", i+1, step.Title)
		if step.Undo != "" {
			line += "  [undo: " + step.Undo + "]"
		}
		if step.NoReturn {
			line += "  [no way back from here]"
		}
		p.say("%s", line)
	}
	if plan.Host != "" {
		p.say("Host: %s", connected.HostName(ctx, plan.Host))
	}
	for _, note := range plan.Notes {
		p.say("Note: %s", note)
	}
	return nil
}

// done finishes a change that was done at once: the plan of a dry run, JSON, or a sentence.
func done[T any](ctx context.Context, p *program, connected *client.Client, changed client.Changed[T], format string, args ...any) error {
	if changed.Plan != nil {
		return p.plan(ctx, connected, *changed.Plan)
	}
	if p.output == "json" {
		return p.json(changed.Value)
	}
	p.say(format, args...)
	return nil
}

// resultOf reads an operation's result; false if it is not there or of another form.
func resultOf[T any](ended operation.Operation) (T, bool) {
	var result T
	return result, len(ended.Result) > 0 && json.Unmarshal(ended.Result, &result) == nil
}
