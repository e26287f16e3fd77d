package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/snapshot"
)

func (p *program) snapshotCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "snapshot", Short: "What VMs' disks were", Aliases: []string{"snapshots"}}
	cmd.AddCommand(p.snapshotList(), p.snapshotShow(), p.snapshotTake(), p.snapshotRevert(), p.snapshotDelete())
	return cmd
}

func (p *program) snapshotList() *cobra.Command {
	return &cobra.Command{
		Use: "list VM", Short: "List a VM's snapshots as a tree", Aliases: []string{"ls"}, Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Snapshots(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var rows [][]string
			for _, each := range snapshot.Tree(found) {
				rows = append(rows, []string{
					strings.Repeat("  ", each.Depth) + each.Name, string(each.State), yes(each.Quiesced), yes(each.Current), fmt.Sprint(len(each.Disks)), p.ago(each.CreatedAt),
					orDash(each.Description),
				})
			}
			return p.table(found, []column{left("name"), left("state"), left("quiesced"), left("current"), right("disks"), left("taken"), left("description")}, rows,
				"It has no snapshots. Take one with: novacron snapshot take "+args[0]+" NAME")
		},
	}
}

func (p *program) snapshotShow() *cobra.Command {
	return &cobra.Command{
		Use: "show VM NAME", Short: "Show a snapshot", Args: takes("the VM's name", "the snapshot's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Snapshot(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			disks := make([]string, 0, len(found.Disks))
			for _, each := range found.Disks {
				disks = append(disks, fmt.Sprintf("%s, %s, %s", each.Device, size(each.SizeBytes), each.Volume))
			}
			return p.show(found, facts{
				{"Name", found.Name}, {"ID", string(found.ID)}, {"State", string(found.State)}, {"Description", found.Description}, {"Quiesced", yes(found.Quiesced)},
				{"Current", yes(found.Current)}, {"Parent", string(found.Parent)}, {"Disks", strings.Join(disks, "\n")}, {"Taken", p.exact(found.CreatedAt)},
			})
		},
	}
}

func (p *program) snapshotTake() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use: "take VM NAME", Short: "Keep all disks of a VM as they are", Aliases: []string{"create"}, Args: takes("the VM's name", "the snapshot's name"),
		ValidArgsFunction: p.completeOne(p.vmNames), Example: "  novacron snapshot take web-1 before-upgrade",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.TakeSnapshot(ctx, args[0], args[1], description, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			how := "as after a power cut: its guest did not freeze its file systems"
			if taken, ok := resultOf[struct{ Quiesced bool }](ended); ok && taken.Quiesced {
				how = "with its file systems at rest"
			}
			return fmt.Sprintf("Snapshot %s of VM %s is taken, %s.", args[1], ended.Subject.Name, how)
		})
	}
	return cmd
}

func (p *program) snapshotRevert() *cobra.Command {
	var start, stay bool
	cmd := &cobra.Command{
		Use: "revert VM NAME", Short: "Set a VM's disks back to a snapshot; the VM is off meanwhile", Args: takes("the VM's name", "the snapshot's name"),
		ValidArgsFunction: p.completeOne(p.vmNames), Example: "  novacron snapshot revert web-1 before-upgrade",
	}
	flags := operates(cmd)
	cmd.Flags().BoolVar(&start, "start", false, "start it when the disks are back, even if it is off now")
	cmd.Flags().BoolVar(&stay, "no-start", false, "leave it off, even if it is on now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if start && stay {
			return usage(cmd, "--start and --no-start exclude each other")
		}
		var wanted *bool
		if start || stay {
			wanted = &start
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.RevertSnapshot(ctx, args[0], args[1], wanted, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("The disks of VM %s are what they were at snapshot %s.", ended.Subject.Name, args[1])
		})
	}
	return cmd
}

func (p *program) snapshotDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete VM NAME", Short: "Delete a snapshot; the disks and other snapshots stay as they are", Aliases: []string{"rm"},
		Args: takes("the VM's name", "the snapshot's name"), ValidArgsFunction: p.completeOne(p.vmNames),
	}
	flags := operates(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.DeleteSnapshot(ctx, args[0], args[1], how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Snapshot %s of VM %s is gone.", args[1], ended.Subject.Name)
		})
	}
	return cmd
}
