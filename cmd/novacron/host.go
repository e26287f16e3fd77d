package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/operation"
)

func (p *program) hostCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "host", Short: "Machines that run VMs", Aliases: []string{"hosts"}}
	cmd.AddCommand(p.hostList(), p.hostShow(), p.hostAdd(), p.hostCordon(true), p.hostCordon(false), p.hostDrain(), p.hostRemove())
	return cmd
}

func (p *program) hostList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List hosts", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Hosts(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{
					each.Name, string(each.State), fmt.Sprint(each.VMs), fmt.Sprintf("%d of %d", each.Promised.CPUs, each.Facts.CPUs*host.CPUOvercommit),
					fmt.Sprintf("%s of %s", size(each.Promised.MemoryBytes), size(each.Facts.MemoryBytes-host.ReservedMemoryBytes)),
					percent(each.Use.CPUFraction), size(each.Use.MemoryUsedBytes), p.ago(each.LastSeenAt),
				})
			}
			return p.table(found, []column{left("name"), left("state"), right("vms"), right("cpus promised"), right("memory promised"),
				right("cpu use"), right("memory use"), left("seen")}, rows, "There are no hosts. Add one with: novacron host add")
		},
	}
}

func (p *program) hostShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a host", Args: takes("the host's name"), ValidArgsFunction: p.completeOne(p.hostNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Host(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			free := found.Free()
			return p.show(found, facts{
				{"Name", found.Name}, {"ID", string(found.ID)}, {"State", string(found.State)}, {"VMs", fmt.Sprint(found.VMs)},
				{"CPUs", fmt.Sprintf("%d %s (%s), %s in use, %d virtual ones free", found.Facts.CPUs, found.Facts.CPUModel, found.Facts.Architecture, percent(found.Use.CPUFraction), free.CPUs)},
				{"Memory", fmt.Sprintf("%s, %s in use, %s free to promise", size(found.Facts.MemoryBytes), size(found.Use.MemoryUsedBytes), size(free.MemoryBytes))},
				{"Pools", strings.Join(poolLines(found.Facts.Pools), "\n")},
				{"Software", fmt.Sprintf("libvirt %s, QEMU %s (%s), worker %s", found.Facts.LibvirtVersion, found.Facts.HypervisorVersion, found.Facts.Acceleration, found.Facts.WorkerVersion)},
				{"Address", found.Facts.MigrationAddress}, {"Operation", string(found.Operation)},
				{"Seen", p.exact(found.LastSeenAt)}, {"Enrolled", p.exact(found.CreatedAt)},
			})
		},
	}
}

func poolLines(pools []host.PoolFact) []string {
	lines := make([]string, 0, len(pools))
	for _, pool := range pools {
		line := fmt.Sprintf("%s (%s", pool.Name, pool.Driver)
		if pool.Shared {
			line += ", shared"
		}
		line += fmt.Sprintf("): %s of %s used", size(pool.UsedBytes), size(pool.CapacityBytes))
		if !pool.Available {
			line += ", not available: " + orDash(pool.Detail)
		}
		lines = append(lines, line)
	}
	return lines
}

func (p *program) hostAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add", Short: "Make a one-time token and show how to start the worker on a new host", Args: takes(),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		made, err := connected.EnrolmentToken(cmd.Context(), flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, made, `On the new host, as root, with libvirtd running and novacron-worker installed:

  NOVACRON_SERVER=%s \
  NOVACRON_TEMPORAL_ADDRESS=%s \
  NOVACRON_MIGRATION_ADDRESS=ADDRESS-OF-THIS-HOST \
  NOVACRON_ENROL_TOKEN=%s \
  novacron-worker

The token lets one host in and is good until %s. Once enrolled, the worker keeps its own token
and needs NOVACRON_ENROL_TOKEN no more.`,
			connected.URL(), temporalBeside(connected.URL()), made.Value.Token, made.Value.ExpiresAt.Local().Format("2 January 15:04"))
	}
	return cmd
}

func (p *program) hostCordon(cordoned bool) *cobra.Command {
	use, short, now := "cordon NAME", "Let a host keep its VMs and take no new ones", "takes no new VMs"
	if !cordoned {
		use, short, now = "uncordon NAME", "Let a host take VMs again", "takes VMs again"
	}
	cmd := &cobra.Command{Use: use, Short: short, Args: takes("the host's name"), ValidArgsFunction: p.completeOne(p.hostNames)}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.CordonHost(cmd.Context(), args[0], cordoned, flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Host %s %s.", args[0], now)
	}
	return cmd
}

func (p *program) hostDrain() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drain NAME", Short: "Cordon a host and move all its VMs away", Args: takes("the host's name"), ValidArgsFunction: p.completeOne(p.hostNames),
	}
	flags := operates(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.DrainHost(ctx, args[0], how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Host %s is empty and cordoned.", ended.Subject.Name)
		})
	}
	return cmd
}

func (p *program) hostRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Forget a host that has no VMs", Aliases: []string{"rm"}, Args: takes("the host's name"),
		ValidArgsFunction: p.completeOne(p.hostNames),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.RemoveHost(cmd.Context(), args[0], flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Host %s is forgotten.", args[0])
	}
	return cmd
}
