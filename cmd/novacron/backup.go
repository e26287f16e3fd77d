package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

func (p *program) backupCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "backup", Short: "Points in time of VMs that can be restored", Aliases: []string{"backups"}}
	cmd.AddCommand(p.backupCreate(), p.backupList(), p.backupShow(), p.backupVerify(), p.backupRestore(), p.backupDelete())
	return cmd
}

func (p *program) backupCreate() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use: "create VM", Short: "Back a VM up", Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		Long: "create reads what changed since the VM's last backup where that is known, and all of the disk otherwise.",
	}
	flags := operates(cmd)
	cmd.Flags().BoolVar(&full, "full", false, "read all of the disk")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var mode backup.Mode
		if full {
			mode = backup.Full
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.BackupVM(ctx, args[0], mode, how)
		}, whatWasTaken)
	}
	return cmd
}

func whatWasTaken(ctx context.Context, c *client.Client, ended operation.Operation) string {
	request := operation.BackupRequest{}
	if ref, ok := resultOf[operation.BackupRef](ended); ok {
		request.Backup = ref.Backup
	}
	if request.Backup == "" {
		if ref, ok := resultOf[operation.BackupRequest](operation.Operation{Result: ended.Request}); ok {
			request.Backup = ref.Backup
		}
	}
	found, err := c.Backup(ctx, string(request.Backup))
	if err != nil {
		return fmt.Sprintf("VM %s is backed up.", ended.Subject.Name)
	}
	text := fmt.Sprintf("Backup %s of VM %s: %s, %s read, %s stored", found.ID, found.VMName, found.Mode, size(found.ReadBytes), size(found.StoredBytes))
	if found.Frozen {
		text += ", file systems frozen meanwhile"
	}
	if found.ModeReason != "" {
		text += " (in full: " + found.ModeReason + ")"
	}
	return text + "."
}

func (p *program) backupList() *cobra.Command {
	var machine string
	cmd := &cobra.Command{
		Use: "list", Short: "List backups, newest first", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := client.All(func(page client.Page) ([]backup.Backup, string, error) {
				return connected.Backups(cmd.Context(), machine, page)
			})
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{
					string(each.ID), each.VMName, string(each.Mode), string(each.State), size(diskBytes(each)), size(each.ReadBytes), size(each.StoredBytes),
					p.ago(each.CreatedAt), p.ago(each.VerifiedAt),
				})
			}
			return p.table(found, []column{left("id"), left("vm"), left("mode"), left("state"), right("disks"), right("read"), right("stored"), left("taken"), left("verified")},
				rows, "There are no backups. Take one with: novacron backup create VM")
		},
	}
	cmd.Flags().StringVar(&machine, "vm", "", "only backups of this VM (name or ID); it may be gone")
	p.completeFlag(cmd, "vm", p.vmNames)
	return cmd
}

func diskBytes(of backup.Backup) (sum int64) {
	for _, disk := range of.Disks {
		sum += disk.SizeBytes
	}
	return sum
}

func (p *program) backupShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a backup", Args: takes("the backup's ID"), ValidArgsFunction: p.completeOne(p.backupIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Backup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			disks := make([]string, 0, len(found.Disks))
			for _, disk := range found.Disks {
				disks = append(disks, fmt.Sprintf("%s, %s", disk.Device, size(disk.SizeBytes)))
			}
			return p.show(found, facts{
				{"ID", string(found.ID)}, {"VM", fmt.Sprintf("%s (%s)", found.VMName, found.VM)}, {"State", string(found.State)}, {"Damage", found.DamagedDetail},
				{"Mode", string(found.Mode)}, {"Why in full", found.ModeReason}, {"Since", string(found.Base)}, {"Frozen", yes(found.Frozen)},
				{"Disks", strings.Join(disks, "\n")}, {"Read", size(found.ReadBytes)}, {"Stored", size(found.StoredBytes)}, {"Schedule", string(found.Schedule)},
				{"Taken", p.exact(found.CreatedAt)}, {"Verified", p.exact(found.VerifiedAt)},
			})
		},
	}
}

func (p *program) backupVerify() *cobra.Command {
	return p.onBackup("verify ID", "Read a backup and check every hash", (*client.Client).VerifyBackup, "Backup of VM %s is complete and sound.")
}

func (p *program) backupDelete() *cobra.Command {
	return p.onBackup("delete ID", "Delete a backup", (*client.Client).DeleteBackup, "The backup of VM %s is gone.")
}

func (p *program) onBackup(use, short string, call func(*client.Client, context.Context, string, client.Change) (client.Started, error), result string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: takes("the backup's ID"), ValidArgsFunction: p.completeOne(p.backupIDs)}
	flags := operates(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return call(c, ctx, args[0], how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf(result, ended.Subject.Name)
		})
	}
	return cmd
}

func (p *program) backupRestore() *cobra.Command {
	var wanted client.Restore
	var off bool
	cmd := &cobra.Command{
		Use: "restore ID --as NAME", Short: "Make a VM from a backup, or set its VM back to it", Args: takes("the backup's ID"),
		ValidArgsFunction: p.completeOne(p.backupIDs),
		Example:           "  novacron backup restore bkp_… --as web-1-restored\n  novacron backup restore bkp_… --in-place",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&wanted.Name, "as", "", "make a new VM of this name")
	cmd.Flags().BoolVar(&wanted.InPlace, "in-place", false, "set the VM back; what is on its disks now is lost")
	cmd.Flags().StringVar(&wanted.Host, "host", "", "host of the new VM; the placement decides if left out")
	cmd.Flags().StringVar(&wanted.Pool, "pool", "", "storage pool for the disks")
	cmd.Flags().StringVar(&wanted.Network, "network", "", "network of the new VM")
	cmd.Flags().BoolVar(&off, "no-start", false, "leave it off")
	p.completeFlag(cmd, "host", p.hostNames)
	p.completeFlag(cmd, "pool", p.poolNames)
	p.completeFlag(cmd, "network", p.networkNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (wanted.Name == "") == !wanted.InPlace {
			return usage(cmd, "say what to restore to: either --as NAME for a new VM, or --in-place")
		}
		wanted.Start = !off
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.RestoreBackup(ctx, args[0], wanted, how)
		}, whereItRuns)
	}
	return cmd
}
