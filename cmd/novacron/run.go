package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
)

// surroundings is all that the program takes from the machine it runs on.
type surroundings struct {
	in        io.Reader
	out, err  io.Writer
	env       func(string) string
	home      string
	directory string
	now       func() time.Time
	live      bool // a person looks: progress may move
	screen    func() (columns, rows int)
	secret    func() (string, bool) // reads a password without showing it
	sendPause time.Duration         // between two tries of an upload that broke off
}

// The exit statuses. Scripts rely on them.
const (
	exitDone        = 0
	exitFailed      = 1 // the operation failed, or what was asked could not be done
	exitUsage       = 2 // the command makes no sense
	exitUnreachable = 3 // not allowed, or the server does not answer
	exitDetached    = 130
)

// errDetached ends a wait that the user broke off; the operation goes on.
var errDetached = errors.New("detached")

// usageError is a command that makes no sense.
type usageError struct {
	message string
	command string // whose help would help
}

// Error returns the sentence.
func (e *usageError) Error() string { return e.message }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), command: cmd.CommandPath()}
}

// program is one run of the command line.
type program struct {
	surroundings
	output      string
	project     string
	contextFile string
}

// run does what the arguments say and returns the exit status.
func run(ctx context.Context, machine surroundings, args []string) int {
	p := &program{surroundings: machine}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	status := statusOf(err)
	if status == exitDetached {
		return status
	}
	fmt.Fprintf(p.err, "novacron: %s\n", err.Error())
	if wrong, ok := errors.AsType[*usageError](err); ok && wrong.command != "" {
		fmt.Fprintf(p.err, "See '%s --help'.\n", wrong.command)
	}
	if refused, ok := errors.AsType[*client.Refusal](err); ok && refused.Fault.Kind == fault.KindInternal && refused.RequestID != "" {
		fmt.Fprintf(p.err, "The server's log has the cause under request %s.\n", refused.RequestID)
	}
	return status
}

func statusOf(err error) int {
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if errors.Is(err, errDetached) {
		return exitDetached
	}
	switch fault.KindOf(err) {
	case fault.KindInvalid:
		return exitUsage
	case fault.KindDenied, fault.KindUnavailable:
		return exitUnreachable
	}
	return exitFailed
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "novacron", Short: "Virtual machines on your own hosts", SilenceErrors: true, SilenceUsage: true, Version: version,
		Long: "novacron asks the NovaCron API. Names and IDs both work wherever a thing is named.\n\n" +
			"Exit status: 0 done, 1 the operation failed, 2 the command makes no sense, 3 not allowed or not reachable.",
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"table", "json"}, p.output) {
				return usage(cmd, "-o is table or json, not %q", p.output)
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&p.output, "output", "o", "table", "table for people, json for programs")
	flags.StringVar(&p.project, "project", p.env("NOVACRON_PROJECT"), "project to act in (name or ID)")
	flags.StringVar(&p.contextFile, "context", "", "file with the server's URL and a token")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%s", err) })
	root.AddCommand(p.loginCommand(), p.logoutCommand(), p.whoamiCommand(), p.hostCommands(), p.imageCommands(), p.templateCommands(), p.vmCommands(), p.backupCommands(),
		p.scheduleCommands(), p.capacityCommands(), p.operationCommands(), p.poolCommands(), p.objectStoreCommands(), p.volumeCommands(), p.snapshotCommands(), p.networkCommands())
	group(root)
	return root
}

// group makes commands that only hold others refuse words they do not know.
func group(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		group(child)
	}
	if cmd.HasSubCommands() && cmd.RunE == nil {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			cmd.SuggestionsMinimumDistance = 2
			near := cmd.SuggestionsFor(args[0])
			if len(near) > 0 {
				return usage(cmd, "there is no command %q; did you mean %q?", args[0], near[0])
			}
			return usage(cmd, "there is no command %q", args[0])
		}
	}
}

// takes checks the number of arguments and says what they are.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(cmd, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usage(cmd, "%q is one argument too many", args[len(names)])
		}
		return nil
	}
}
