package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
)

// GrowDisk makes a VM's disk larger, while the VM runs or while it is off. Its content is not touched: that is the guest's.
func GrowDisk(ctx workflow.Context, task Task[operation.GrowDiskRequest]) error {
	return perform(ctx, task.header(), growDiskSteps, &diskGrowth{request: task.Request}, (*diskGrowth).result)
}

type diskGrowth struct {
	seat
	request operation.GrowDiskRequest
	plan    control.DiskGrowPlan
}

// GrowDiskResult is what the disk was and is.
type GrowDiskResult struct {
	operation.GrowDiskRequest
	Device    string `json:"device"`
	FromBytes int64  `json:"from_bytes"`
}

func (d *diskGrowth) result() any {
	return GrowDiskResult{GrowDiskRequest: d.request, Device: d.plan.Disk.Device, FromBytes: d.plan.Disk.SizeBytes}
}

var growDiskSteps = []step[diskGrowth]{
	{name: "read", title: "Read the VM and see that the pool may promise so much", do: (*diskGrowth).read},
	{name: "drop_checkpoints", title: "Drop the checkpoints of backups, which cannot follow", do: (*diskGrowth).dropCheckpoints},
	// A disk is never made smaller again, so once it may have grown it is recorded.
	{name: "grow", title: "Make the disk larger", do: (*diskGrowth).grow, noReturn: true},
	{name: "commit", title: "Record its size", do: (*diskGrowth).commit},
}

func (d *diskGrowth) read(ctx workflow.Context) (err error) {
	d.plan, err = atControl[control.DiskGrowPlan](ctx, toControl.PlanDiskGrow, d.request)
	d.machine, d.at = d.plan.Machine, d.plan.Machine.VM.Host
	return err
}

func (d *diskGrowth) grow(ctx workflow.Context) error {
	_, err := atHost[storage.Volume](ctx, d.at, toHost.GrowDisk, host.GrowDiskRequest{
		On: d.on(), VM: d.request.VM, Disk: d.plan.Disk, SizeBytes: d.request.SizeBytes,
	})
	return err
}

func (d *diskGrowth) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitDiskGrow, d.request)
	return err
}
