package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
)

func (p *program) vmClone() *cobra.Command {
	var wanted client.Clone
	var off bool
	cmd := &cobra.Command{
		Use: "clone NAME --as NEW", Short: "Make a VM with copies of another one's disks, while that runs or while it is off", Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		Example: "  novacron vm clone web-1 --as web-2 --host h2 --pool local",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&wanted.Name, "as", "", "the clone's name")
	cmd.Flags().StringVar(&wanted.Host, "host", "", "host (name or ID); the placement decides if left out")
	cmd.Flags().StringVar(&wanted.Pool, "pool", "", "storage pool of its disks; the placement decides if left out")
	cmd.Flags().StringVar(&wanted.Network, "network", "", "network (name or ID); that of the VM if left out")
	cmd.Flags().StringVar(&wanted.Description, "description", "", "what it is for")
	cmd.Flags().BoolVar(&off, "no-start", false, "leave it off")
	p.completeFlag(cmd, "host", p.hostNames)
	p.completeFlag(cmd, "pool", p.poolNames)
	p.completeFlag(cmd, "network", p.networkNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wanted.Name == "" {
			return usage(cmd, "--as is missing: say what the clone is called")
		}
		wanted.Start = !off
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.CloneVM(ctx, args[0], wanted, how)
		}, whereItRuns)
	}
	return cmd
}
