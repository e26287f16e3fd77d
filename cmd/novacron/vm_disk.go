package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/volume"
)

func (p *program) vmDisks() *cobra.Command {
	return &cobra.Command{
		Use: "disks NAME", Short: "List a VM's disks and the pools they are in", Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Disks(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{each.Device, each.Pool, size(each.SizeBytes), each.Format, string(each.State), limitsOf(each.Limits), cmp.Or(each.Name, string(each.ID))})
			}
			return p.table(found, []column{left("device"), left("pool"), right("size"), left("format"), left("state"), left("limits"), left("volume")}, rows, "It has no disks.")
		},
	}
}

func (p *program) vmMoveDisk() *cobra.Command {
	var wanted client.DiskMove
	device := "vda"
	cmd := &cobra.Command{
		Use: "move-disk NAME --to POOL", Short: "Move a disk to another pool, while the VM runs or while it is off", Args: takes("the VM's name"),
		ValidArgsFunction: p.completeOne(p.vmNames), Example: "  novacron vm move-disk web-1 --to ceph\n  novacron vm move-disk web-1 --device vdb --to nas --bandwidth 50",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&wanted.Pool, "to", "", "the pool")
	cmd.Flags().StringVar(&device, "device", device, "the disk")
	readingFlag(cmd.Flags(), &wanted.BandwidthBytes, "bandwidth", "", "RATE", "the most that a live move may take, in MiB/s or with a unit; no limit if left out", parseBandwidth)
	p.completeFlag(cmd, "to", p.poolNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if wanted.Pool == "" {
			return usage(cmd, "--to is missing; see: novacron pool list")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.MoveDisk(ctx, args[0], device, wanted, how)
		}, whereDiskIs)
	}
	return cmd
}

func whereDiskIs(_ context.Context, _ *client.Client, ended operation.Operation) string {
	var result struct {
		Device string `json:"device"`
		From   string `json:"from_pool"`
		To     string `json:"to_pool"`
		Live   bool   `json:"live"`
	}
	if json.Unmarshal(ended.Result, &result) != nil || result.To == "" {
		return fmt.Sprintf("The disk of VM %s was moved.", ended.Subject.Name)
	}
	how := "while it was off"
	if result.Live {
		how = "while it ran"
	}
	return fmt.Sprintf("Disk %s of VM %s moved from pool %s to %s %s.", result.Device, ended.Subject.Name, result.From, result.To, how)
}

func (p *program) vmGrowDisk() *cobra.Command {
	var bytes int64
	device := "vda"
	cmd := &cobra.Command{
		Use: "grow-disk NAME --to SIZE", Short: "Make a disk larger, while the VM runs or while it is off", Args: takes("the VM's name"),
		ValidArgsFunction: p.completeOne(p.vmNames), Example: "  novacron vm grow-disk web-1 --to 20GiB",
	}
	flags := operates(cmd)
	readingFlag(cmd.Flags(), &bytes, "to", "", "SIZE", "how large it is to be", parseSize)
	cmd.Flags().StringVar(&device, "device", device, "the disk")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if bytes < 1 {
			return usage(cmd, "--to is missing, such as --to 20GiB")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.GrowDisk(ctx, args[0], device, bytes, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Disk %s of VM %s has %s now. Its guest has to enlarge partition and file system.", device, ended.Subject.Name, size(bytes))
		})
	}
	return cmd
}

// limitsOf says limits in words, a dash for none.
func limitsOf(limits volume.Limits) string {
	var said []string
	if limits.IOPS > 0 {
		said = append(said, fmt.Sprintf("%d IOPS", limits.IOPS))
	}
	if limits.BytesPerSecond > 0 {
		said = append(said, size(limits.BytesPerSecond)+"/s")
	}
	return orDash(strings.Join(said, ", "))
}

func (p *program) vmLimitDisk() *cobra.Command {
	var limits volume.Limits
	var none bool
	device := "vda"
	cmd := &cobra.Command{
		Use: "limit-disk NAME", Short: "Limit what a VM may ask of a disk, while it runs or while it is off", Args: takes("the VM's name"),
		ValidArgsFunction: p.completeOne(p.vmNames), Example: "  novacron vm limit-disk web-1 --iops 500 --bandwidth 50\n  novacron vm limit-disk web-1 --none",
	}
	flags := operates(cmd)
	cmd.Flags().StringVar(&device, "device", device, "the disk")
	cmd.Flags().Int64Var(&limits.IOPS, "iops", 0, "requests a second; no limit if left out")
	readingFlag(cmd.Flags(), &limits.BytesPerSecond, "bandwidth", "", "RATE", "in MiB/s or with a unit; no limit if left out", parseBandwidth)
	cmd.Flags().BoolVar(&none, "none", false, "take the limits away")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if none == (limits != volume.Limits{}) {
			return usage(cmd, "give --iops, --bandwidth or both, or --none to take the limits away")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.LimitDisk(ctx, args[0], device, limits, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			if none {
				return fmt.Sprintf("Disk %s of VM %s has no limits.", device, ended.Subject.Name)
			}
			return fmt.Sprintf("Disk %s of VM %s is limited to %s.", device, ended.Subject.Name, limitsOf(limits))
		})
	}
	return cmd
}
