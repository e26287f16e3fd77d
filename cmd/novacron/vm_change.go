package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
)

func (p *program) vmCreate() *cobra.Command {
	var wanted client.NewVM
	cmd := &cobra.Command{
		Use: "create NAME (--image IMAGE | --template NAME[:NUMBER])", Short: "Make a VM from an image or a template and start it",
		Args: takes("the VM's name"), Example: "  novacron vm create web-1 --image debian-12 --cpus 2 --memory 512MiB --disk 4GiB\n  novacron vm create web-2 --template web\n" +
			"  novacron vm create web-3 --image debian-12 --user-data web.yaml --ssh-key ~/.ssh/id_ed25519.pub",
	}
	flags, told := operates(cmd), tells(cmd)
	cmd.Flags().StringVar(&wanted.Image, "image", "", "image that its disk is made from (name or ID)")
	cmd.Flags().StringVar(&wanted.Template, "template", "", "template whose current version it is made from, or a version of it, such as web:3")
	cmd.Flags().IntVar(&wanted.CPUs, "cpus", 1, "virtual CPUs; with --template what that says if left out, as with memory, disk and network")
	wanted.MemoryBytes = 128 << 20
	readingFlag(cmd.Flags(), &wanted.MemoryBytes, "memory", "128MiB", "SIZE", "memory, such as 512MiB", parseSize)
	readingFlag(cmd.Flags(), &wanted.DiskBytes, "disk", "1GiB", "SIZE", "disk, such as 4GiB; at least the image's own size", parseSize)
	cmd.Flags().StringVar(&wanted.Pool, "pool", "", "storage pool; the placement decides if left out")
	cmd.Flags().StringVar(&wanted.Network, "network", "", `network (name or ID); "default" if left out`)
	cmd.Flags().StringVar(&wanted.Host, "host", "", "host (name or ID); the placement decides if left out")
	cmd.Flags().StringVar(&wanted.Description, "description", "", "what it is for")
	p.completeFlag(cmd, "image", p.imageNames)
	p.completeFlag(cmd, "template", p.versionNames)
	p.completeFlag(cmd, "host", p.hostNames)
	p.completeFlag(cmd, "pool", p.poolNames)
	p.completeFlag(cmd, "network", p.networkNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wanted.Name = args[0]
		switch {
		case wanted.Image == "" && wanted.Template == "":
			return usage(cmd, "--image or --template is missing; see: novacron image list, novacron template list")
		case wanted.Image != "" && wanted.Template != "":
			return usage(cmd, "--image and --template exclude each other")
		case wanted.CPUs < 1:
			return usage(cmd, "--cpus is at least 1")
		case wanted.MemoryBytes < 1:
			return usage(cmd, "--memory is more than nothing, such as 128MiB")
		case cmd.Flags().Changed("disk") && wanted.DiskBytes < 1:
			return usage(cmd, "--disk is more than nothing, such as 1GiB")
		}
		if wanted.Template != "" && !cmd.Flags().Changed("cpus") {
			wanted.CPUs = 0
		}
		if wanted.Template != "" && !cmd.Flags().Changed("memory") {
			wanted.MemoryBytes = 0
		}
		var err error
		if wanted.CloudInit, err = told.read(cmd); err != nil {
			return err
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.CreateVM(ctx, wanted, how)
		}, whereItRuns)
	}
	return cmd
}

// whereItRuns says where a VM is and how to reach it.
func whereItRuns(ctx context.Context, c *client.Client, ended operation.Operation) string {
	found, err := c.VM(ctx, ended.Subject.ID)
	if err != nil {
		return fmt.Sprintf("VM %s is ready.", ended.Subject.Name)
	}
	text := fmt.Sprintf("VM %s is %s", found.Name, found.State)
	if found.HostName != "" {
		text += " on " + found.HostName
	}
	if at := addresses(found); at != "" {
		text += " at " + at
	}
	return text + "."
}

func (p *program) vmSwitch(action vm.Action, use, short, now string) *cobra.Command {
	var force bool
	var grace int64
	cmd := &cobra.Command{Use: use, Short: short, Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames)}
	flags := operates(cmd)
	if action == vm.Stop || action == vm.Restart {
		cmd.Flags().BoolVar(&force, "force", false, "cut the power at once")
		readingFlag(cmd.Flags(), &grace, "grace", "60s", "TIME", "how long the guest may take before its power is cut", parseSpan)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.SwitchVM(ctx, args[0], action, client.Power{Force: force, GraceSeconds: int(grace)}, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("VM %s %s.", ended.Subject.Name, now)
		})
	}
	return cmd
}

func (p *program) vmDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Remove a VM with its disks and addresses; its backups stay", Aliases: []string{"rm"},
		Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
	}
	flags := operates(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.DeleteVM(ctx, args[0], how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("VM %s is gone.", ended.Subject.Name)
		})
	}
	return cmd
}

func (p *program) vmMigrate() *cobra.Command {
	var wanted client.Migration
	cmd := &cobra.Command{
		Use: "migrate NAME", Short: "Move a VM to another host, live or cold", Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		Example: "  novacron vm migrate web-1 --to h2 --bandwidth 100 --max-downtime 300",
	}
	flags := operates(cmd)
	limits := &wanted.Limits
	cmd.Flags().StringVar(&wanted.To, "to", "", "host (name or ID); the placement decides if left out")
	cmd.Flags().BoolVar(&wanted.Cold, "cold", false, "move it while it is off")
	readingFlag(cmd.Flags(), &limits.BandwidthBytes, "bandwidth", "", "MiB/s", "the most to send; as fast as it goes if left out", parseBandwidth)
	readingFlag(cmd.Flags(), &limits.MaxDowntimeMS, "max-downtime", "500", "MS", "the longest pause at the end that is acceptable", parseMilliseconds)
	readingFlag(cmd.Flags(), &limits.TimeoutSeconds, "timeout", "800s", "TIME", "when to give up", parseSpan)
	cmd.Flags().BoolVar(&limits.AllowPostCopy, "post-copy", false, "allow switching over before all memory is there, if nothing else helps")
	cmd.Flags().BoolVar(&limits.AllowThrottle, "throttle", false, "allow slowing the guest down, if it dirties memory too fast")
	p.completeFlag(cmd, "to", p.hostNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wanted.Cold && *limits != (precopy.Limits{}) {
			return usage(cmd, "a cold migration sends no memory, so it has no bandwidth, downtime, time-out, post-copy or throttle to set")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.MigrateVM(ctx, args[0], wanted, how)
		}, howItMoved)
	}
	return cmd
}

// moved is the part of a migration's result that people want to know.
type moved struct {
	Rounds  int64            `json:"rounds"`
	Outcome *precopy.Outcome `json:"outcome"`
}

func howItMoved(ctx context.Context, c *client.Client, ended operation.Operation) string {
	text := whereItRuns(ctx, c, ended)
	if result, ok := resultOf[moved](ended); ok && result.Outcome != nil {
		text += fmt.Sprintf("\nMoved in %.1f s and %d rounds, %s sent; no host ran it for %d ms.",
			float64(result.Outcome.TotalMS)/1000, max(result.Rounds, result.Outcome.Iterations), size(result.Outcome.TransferredBytes), result.Outcome.DowntimeMS)
		if result.Outcome.PostCopy {
			text += " It was finished by post-copy."
		}
	}
	return text
}
