package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

func (p *program) operationCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "operation", Short: "Long-running work: what was asked, how far it is, how it ended", Aliases: []string{"operations", "op"}}
	cmd.AddCommand(p.operationList(), p.operationShow(), p.operationWatch(), p.operationCancel(), p.operationTune(), p.operationGiveUp())
	return cmd
}

func (p *program) operationList() *cobra.Command {
	var query client.OperationQuery
	var kind, state string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List operations, newest first", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 500 {
				return usage(cmd, "--limit is between 1 and 500")
			}
			connected, err := p.connect()
			if err != nil {
				return err
			}
			query.Kind, query.State, query.Limit = operation.Kind(kind), operation.State(state), limit
			found, _, err := connected.Operations(cmd.Context(), query)
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{string(each.ID), string(each.Kind), orDash(each.Subject.Name), string(each.State), elapsedOf(each, p.now()), each.Actor, p.ago(each.CreatedAt)})
			}
			return p.table(found, []column{left("id"), left("kind"), left("on"), left("state"), right("took"), left("by"), left("asked")}, rows, "There are no such operations.")
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only operations of this kind, such as migrate")
	cmd.Flags().StringVar(&state, "state", "", "only operations in this state")
	cmd.Flags().StringVar(&query.Subject, "on", "", "only operations on this thing (name or ID)")
	cmd.Flags().BoolVar(&query.Open, "open", false, "only operations that have not ended")
	cmd.Flags().IntVar(&limit, "limit", 50, "the most to list")
	return cmd
}

func (p *program) operationShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show an operation step by step", Args: takes("the operation's ID"), ValidArgsFunction: p.completeOne(p.operationIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Operation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			timeline, err := connected.Timeline(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if p.output == "json" {
				return p.json(struct {
					operation.Operation
					Timeline operation.Timeline `json:"timeline"`
				}{found, timeline})
			}
			return p.showOperation(found, timeline, p.hostBook(cmd.Context(), connected))
		},
	}
}

func (p *program) showOperation(found operation.Operation, timeline operation.Timeline, hosts hostBook) error {
	problem := ""
	if found.Error != nil {
		problem = found.Error.Message
	}
	leaks := make([]string, 0, len(found.Leaks))
	for _, leak := range found.Leaks {
		leaks = append(leaks, fmt.Sprintf("%s %s: %s", leak.Kind, leak.ID, leak.Detail))
	}
	err := p.show(found, facts{
		{"ID", string(found.ID)}, {"Kind", string(found.Kind)}, {"On", fmt.Sprintf("%s %s", found.Subject.Kind, found.Subject.Name)}, {"State", string(found.State)},
		{"Waits for", found.Question}, {"Error", problem}, {"Left behind", strings.Join(leaks, "\n")}, {"By", found.Actor}, {"Part of", string(found.Parent)},
		{"Asked", p.exact(found.CreatedAt)}, {"Took", elapsedOf(found, p.now())},
	})
	p.say("Steps:")
	for _, step := range timeline.Steps {
		p.say("  %s", stepLine(step, hosts, p.now()))
		if step.Error != "" {
			p.say("      %s", step.Error)
		}
		if step.Name == "rounds" && timeline.Migration != nil {
			for _, line := range roundLines(*timeline.Migration, 1000) {
				p.say("%s", line)
			}
		}
	}
	return err
}

func (p *program) operationWatch() *cobra.Command {
	return &cobra.Command{
		Use: "watch ID", Short: "Follow an operation until it has ended", Args: takes("the operation's ID"), ValidArgsFunction: p.completeOne(p.operationIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Operation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.follow(cmd.Context(), connected, found, nil)
		},
	}
}

func (p *program) operationCancel() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cancel ID", Short: "Stop an operation and take back what it did", Args: takes("the operation's ID"), ValidArgsFunction: p.completeOne(p.operationIDs),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.Cancel(cmd.Context(), args[0], flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Operation %s stops at its next step and takes back what it did.", args[0])
	}
	return cmd
}

func (p *program) operationTune() *cobra.Command {
	var wish operation.Tuning
	cmd := &cobra.Command{
		Use: "tune ID", Short: "Steer a live migration while it runs", Args: takes("the operation's ID"), ValidArgsFunction: p.completeOne(p.operationIDs),
		Example: "  novacron operation tune op_… --max-downtime 1000\n  novacron operation tune op_… --post-copy",
	}
	flags := changes(cmd)
	readingFlag(cmd.Flags(), &wish.BandwidthBytes, "bandwidth", "", "MiB/s", "the most to send", parseBandwidth)
	readingFlag(cmd.Flags(), &wish.MaxDowntimeMS, "max-downtime", "", "MS", "the longest pause that is acceptable", parseMilliseconds)
	cmd.Flags().BoolVar(&wish.PostCopy, "post-copy", false, "switch over now and fetch the rest of the memory on demand")
	cmd.Flags().BoolVar(&wish.Abort, "abort", false, "stop; the VM stays where it is")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wish == (operation.Tuning{}) {
			return usage(cmd, "say what to change: --bandwidth, --max-downtime, --post-copy or --abort")
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.Tune(cmd.Context(), args[0], wish, flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Operation %s has taken the change.", args[0])
	}
	return cmd
}

func (p *program) operationGiveUp() *cobra.Command {
	cmd := &cobra.Command{
		Use: "give-up ID", Short: "Let an operation go on without a host that is lost for good", Args: takes("the operation's ID"),
		ValidArgsFunction: p.completeOne(p.operationIDs),
		Long: "give-up is for an operation that waits for a host which will never answer again. It stops waiting for that host and reports\n" +
			"what may be left on it. On a host that only pauses this may leave things behind.",
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.GiveUp(cmd.Context(), args[0], flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Operation %s no longer waits for its host.", args[0])
	}
	return cmd
}
