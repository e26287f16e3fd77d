package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
)

func (p *program) poolScan() *cobra.Command {
	cmd := &cobra.Command{
		Use: "scan NAME", Short: "Compare a pool with the inventory: what belongs to nobody, and what is missing", Args: takes("the pool's name"),
		ValidArgsFunction: p.completeOne(p.poolNames),
	}
	flags := operates(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.ScanPool(ctx, args[0], how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			survey, ok := resultOf[pool.Survey](ended)
			if !ok {
				return fmt.Sprintf("Pool %s was compared with the inventory.", ended.Subject.Name)
			}
			return surveyed(ended.Subject.Name, survey)
		})
	}
	return cmd
}

func surveyed(name string, survey pool.Survey) string {
	if survey.Clean() {
		return fmt.Sprintf("Pool %s holds %d volumes, and all is as the inventory has it.", name, survey.Held)
	}
	var lines []string
	for _, each := range survey.Strays {
		place := name
		if each.HostName != "" {
			place = each.HostName
		}
		lines = append(lines, fmt.Sprintf("Belongs to nobody: %s on %s, a disk of %s that takes %s.", each.Volume, place, size(each.SizeBytes), size(each.AllocatedBytes)))
	}
	for _, each := range survey.Missing {
		lines = append(lines, fmt.Sprintf("Missing: %s (%s), which should be there.", each.Label(), each.ID))
	}
	if len(survey.Strays) > 0 {
		lines = append(lines, fmt.Sprintf("Take one in with: novacron pool adopt %s VOLUME --name NAME; delete it with: novacron pool discard %s VOLUME", name, name))
	}
	return strings.Join(lines, "\n")
}

func (p *program) poolAdopt() *cobra.Command {
	var on, name string
	cmd := &cobra.Command{
		Use: "adopt NAME VOLUME --name NAME", Short: "Take a volume that belongs to nobody into the inventory", Args: takes("the pool's name", "the volume's ID"),
		ValidArgsFunction: p.completeOne(p.poolNames),
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&name, "name", "", "by which it is to be known")
	cmd.Flags().StringVar(&on, "host", "", "the host that it is on, for a pool that each host has its own of")
	p.completeFlag(cmd, "host", p.hostNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if name == "" {
			return usage(cmd, "--name is missing")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.AdoptVolume(ctx, args[0], args[1], on, name, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Volume %s is in the inventory.", ended.Subject.Name)
		})
	}
	return cmd
}

func (p *program) poolDiscard() *cobra.Command {
	var on string
	cmd := &cobra.Command{
		Use: "discard NAME VOLUME", Short: "Delete a volume that belongs to nobody", Args: takes("the pool's name", "the volume's ID"),
		ValidArgsFunction: p.completeOne(p.poolNames),
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&on, "host", "", "the host that it is on, for a pool that each host has its own of")
	p.completeFlag(cmd, "host", p.hostNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.DiscardVolume(ctx, args[0], args[1], on, how)
		}, func(_ context.Context, _ *client.Client, _ operation.Operation) string {
			return fmt.Sprintf("Volume %s is gone.", args[1])
		})
	}
	return cmd
}
