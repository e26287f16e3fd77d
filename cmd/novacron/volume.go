package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/volume"
)

func (p *program) volumeCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "volume", Short: "Disks with a life of their own", Aliases: []string{"volumes"}}
	cmd.AddCommand(p.volumeList(), p.volumeShow(), p.volumeCreate(), p.volumeGrow(), p.volumeMove(), p.volumeAttach(), p.volumeDetach(), p.volumeDelete(), p.volumeRestore())
	return cmd
}

func (p *program) volumeList() *cobra.Command {
	var query client.VolumeQuery
	cmd := &cobra.Command{Use: "list", Short: "List volumes, those of VMs too", Aliases: []string{"ls"}, Args: takes()}
	cmd.Flags().StringVar(&query.Pool, "pool", "", "only those in this pool")
	cmd.Flags().StringVar((*string)(&query.State), "state", "", "only those in this state: creating, ready, trashed, deleting")
	p.completeFlag(cmd, "pool", p.poolNames)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		found, err := client.All(func(page client.Page) ([]volume.Volume, string, error) {
			query.Page = page
			return connected.Volumes(cmd.Context(), query)
		})
		if err != nil {
			return err
		}
		rows := make([][]string, 0, len(found))
		for _, each := range found {
			rows = append(rows, []string{each.Label(), orDash(each.VMName), orDash(each.Device), each.Pool, orDash(each.HostName), size(each.SizeBytes), p.stateOf(each)})
		}
		return p.table(found, []column{left("name"), left("vm"), left("device"), left("pool"), left("host"), right("size"), left("state")}, rows,
			"There are no volumes. Make one with: novacron volume create NAME --size 10GiB")
	}
	return cmd
}

// stateOf says when one in the trash is deleted.
func (p *program) stateOf(of volume.Volume) string {
	if of.State == volume.Trashed {
		return fmt.Sprintf("trashed until %s", p.exact(of.PurgeAt))
	}
	return string(of.State)
}

func (p *program) volumeShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a volume", Args: takes("the volume's name"), ValidArgsFunction: p.completeOne(p.volumeNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Volume(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.show(found, facts{
				{"Name", found.Name}, {"ID", string(found.ID)}, {"State", p.stateOf(found)}, {"VM", found.VMName}, {"Device", found.Device}, {"Pool", found.Pool},
				{"Host", found.HostName}, {"Size", size(found.SizeBytes)}, {"Format", found.Format}, {"Operation", string(found.Operation)}, {"Made", p.exact(found.CreatedAt)},
			})
		},
	}
}

func (p *program) volumeCreate() *cobra.Command {
	var wanted client.NewVolume
	cmd := &cobra.Command{
		Use: "create NAME --size SIZE", Short: "Make an empty volume that belongs to no VM", Args: takes("the volume's name"),
		Example: "  novacron volume create data-1 --size 10GiB\n  novacron volume create data-1 --size 10GiB --pool ceph",
	}
	flags := operates(cmd)
	readingFlag(cmd.Flags(), &wanted.SizeBytes, "size", "", "SIZE", "how large it is to be", parseSize)
	cmd.Flags().StringVar(&wanted.Pool, "pool", "", "the pool; the placement decides if left out")
	cmd.Flags().StringVar(&wanted.Host, "host", "", "the host, for a pool that each host has its own of")
	p.completeFlag(cmd, "pool", p.poolNames)
	p.completeFlag(cmd, "host", p.hostNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wanted.SizeBytes < 1 {
			return usage(cmd, "--size is missing, such as --size 10GiB")
		}
		wanted.Name = args[0]
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.CreateVolume(ctx, wanted, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Volume %s is there. Attach it with: novacron volume attach %s --to VM", ended.Subject.Name, ended.Subject.Name)
		})
	}
	return cmd
}

func (p *program) volumeGrow() *cobra.Command {
	var bytes int64
	cmd := &cobra.Command{
		Use: "grow NAME --to SIZE", Short: "Make a volume larger that no VM has; see vm grow-disk for others", Args: takes("the volume's name"),
		ValidArgsFunction: p.completeOne(p.volumeNames), Example: "  novacron volume grow data-1 --to 20GiB",
	}
	flags := operates(cmd)
	readingFlag(cmd.Flags(), &bytes, "to", "", "SIZE", "how large it is to be", parseSize)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if bytes < 1 {
			return usage(cmd, "--to is missing, such as --to 20GiB")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.GrowVolume(ctx, args[0], bytes, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Volume %s has %s now.", ended.Subject.Name, size(bytes))
		})
	}
	return cmd
}

func (p *program) volumeMove() *cobra.Command {
	var pool string
	cmd := &cobra.Command{
		Use: "move NAME --to POOL", Short: "Move a volume to another pool that no VM has; see vm move-disk for others", Args: takes("the volume's name"),
		ValidArgsFunction: p.completeOne(p.volumeNames), Example: "  novacron volume move data-1 --to ceph",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&pool, "to", "", "the pool")
	p.completeFlag(cmd, "to", p.poolNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if pool == "" {
			return usage(cmd, "--to is missing; see: novacron pool list")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.MoveVolume(ctx, args[0], pool, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Volume %s is in pool %s now.", ended.Subject.Name, pool)
		})
	}
	return cmd
}

func (p *program) volumeAttach() *cobra.Command {
	var machine, bus string
	cmd := &cobra.Command{
		Use: "attach NAME --to VM", Short: "Give a VM a volume, while the VM runs or while it is off", Args: takes("the volume's name"),
		ValidArgsFunction: p.completeOne(p.volumeNames), Example: "  novacron volume attach data-1 --to web-1",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&machine, "to", "", "the VM")
	cmd.Flags().StringVar(&bus, "bus", "", "how it is plugged in: virtio (if left out) or scsi")
	p.completeFlag(cmd, "to", p.vmNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if machine == "" {
			return usage(cmd, "--to is missing; see: novacron vm list")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.AttachVolume(ctx, machine, args[0], bus, how)
		}, func(ctx context.Context, c *client.Client, ended operation.Operation) string {
			found, err := c.Volume(ctx, args[0])
			if err != nil {
				return fmt.Sprintf("VM %s has volume %s.", ended.Subject.Name, args[0])
			}
			return fmt.Sprintf("VM %s has volume %s as disk %s.", ended.Subject.Name, found.Label(), found.Device)
		})
	}
	return cmd
}

func (p *program) volumeDetach() *cobra.Command {
	var wanted client.Detaching
	var grace int64
	cmd := &cobra.Command{
		Use: "detach NAME", Short: "Take a volume from its VM; what is on it stays", Args: takes("the volume's name, or VM/DEVICE"),
		ValidArgsFunction: p.completeOne(p.volumeNames), Example: "  novacron volume detach data-1\n  novacron volume detach web-1/vdb --name data-2",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&wanted.Name, "name", "", "by which it is known from then on, if it has no name yet")
	readingFlag(cmd.Flags(), &grace, "grace", "60s", "TIME", "how long the guest may take to let go of it", parseSpan)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wanted.GraceSeconds = int(grace)
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			if machine, device, given := strings.Cut(args[0], "/"); given {
				return c.DetachDisk(ctx, machine, device, wanted, how)
			}
			found, err := c.Volume(ctx, args[0])
			if err != nil {
				return client.Started{}, err
			}
			if err := found.Can(volume.Detach); found.VM == "" {
				return client.Started{}, err
			}
			return c.DetachDisk(ctx, string(found.VM), found.Device, wanted, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("VM %s no longer has volume %s.", ended.Subject.Name, cmp.Or(wanted.Name, args[0]))
		})
	}
	return cmd
}

func (p *program) volumeDelete() *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Put a volume into the trash, from where it is deleted after a while", Aliases: []string{"rm"}, Args: takes("the volume's name"),
		ValidArgsFunction: p.completeOne(p.volumeNames), Example: "  novacron volume delete data-1\n  novacron volume delete data-1 --purge",
	}
	flags := operates(cmd)
	cmd.Flags().BoolVar(&purge, "purge", false, "delete it for good, now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if purge {
			return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
				return c.PurgeVolume(ctx, args[0], how)
			}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
				return fmt.Sprintf("Volume %s is gone.", ended.Subject.Name)
			})
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		now, err := connected.TrashVolume(cmd.Context(), args[0], flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, now, "Volume %s is in the trash until %s. Take it back with: novacron volume restore %s",
			now.Value.Name, p.exact(now.Value.PurgeAt), now.Value.Name)
	}
	return cmd
}

func (p *program) volumeRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restore NAME", Short: "Take a volume out of the trash", Args: takes("the volume's name"), ValidArgsFunction: p.completeOne(p.volumeNames),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		now, err := connected.RestoreVolume(cmd.Context(), args[0], flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, now, "Volume %s is out of the trash.", now.Value.Name)
	}
	return cmd
}
