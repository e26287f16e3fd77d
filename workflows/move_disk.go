package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
)

// MoveDisk moves a VM's disk to another pool: while the VM goes on, or while it is off. Whatever happens on the way, the VM
// has one of the two volumes for its disk, and the other one is gone.
func MoveDisk(ctx workflow.Context, task Task[operation.MoveDiskRequest]) error {
	return perform(ctx, task.header(), moveDiskSteps, &diskMove{request: task.Request}, (*diskMove).result)
}

type diskMove struct {
	seat
	request operation.MoveDiskRequest
	plan    control.DiskMovePlan
	run     *run
}

func (d *diskMove) bind(r *run) { d.run = r }

// MoveDiskResult is where the disk was and is.
type MoveDiskResult struct {
	VM     id.VM     `json:"vm_id"`
	Device string    `json:"device"`
	From   string    `json:"from_pool"`
	To     string    `json:"to_pool"`
	Volume id.Volume `json:"volume_id"`
	Live   bool      `json:"live"`
}

func (d *diskMove) result() any {
	return MoveDiskResult{
		VM: d.request.VM, Device: d.plan.Old.Device, From: d.plan.Old.Pool, To: d.plan.New.Pool, Volume: d.plan.New.ID, Live: d.plan.Online,
	}
}

var moveDiskSteps = []step[diskMove]{
	{
		name: "read", title: "Read the VM and see that its host reaches the other pool", do: (*diskMove).read,
		undo: (*diskMove).forgetNew, undoes: "Remove the new volume from the inventory",
	},
	{
		name: "create_volume", title: "Create a volume in the other pool", do: (*diskMove).create,
		undo: (*diskMove).deleteNew, undoes: "Delete the volume in the other pool", leak: (*diskMove).newLeak,
	},
	{
		name: "copy", title: "Copy the disk", do: (*diskMove).copy,
		undo: (*diskMove).abort, undoes: "End the copying; the VM stays with the disk that it has",
	},
	{name: "switch", title: "Let the VM go on with the copy", do: (*diskMove).switchOver, unsettles: true, needless: (*diskMove).isOff},
	{name: "verify", title: "Ask the host which volume the VM has", do: (*diskMove).verify, settles: true, needless: (*diskMove).isOff},
	{name: "commit", title: "Record the new place", do: (*diskMove).commit, noReturn: true},
	{name: "drop_checkpoints", title: "Drop the checkpoints of backups, which did not move along", do: (*diskMove).dropCheckpoints},
	{name: "delete_old", title: "Delete the volume in the old pool", do: (*diskMove).deleteOld, leak: (*diskMove).oldLeak},
}

func (d *diskMove) read(ctx workflow.Context) (err error) {
	d.plan, err = atControl[control.DiskMovePlan](ctx, toControl.PlanDiskMove, d.request)
	d.machine, d.at = d.plan.Machine, d.plan.Machine.VM.Host
	return err
}

// isOff is true once it is known that the VM is off; a dry run knows nothing yet and shows what a running one takes.
func (d *diskMove) isOff() bool { return d.plan.New.ID != "" && !d.plan.Online }

func (d *diskMove) forgetNew(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetVolumes, []id.Volume{d.request.New})
	return err
}

func (d *diskMove) create(ctx workflow.Context) error {
	_, err := atHost[storage.Volume](ctx, d.at, toHost.CreateVolume, host.VolumeRequest{On: d.on(), Pool: d.plan.New.Pool, Spec: storage.VolumeSpec{
		Volume: d.plan.New.ID, SizeBytes: d.plan.New.SizeBytes, Format: d.plan.New.Format,
	}})
	return err
}

func (d *diskMove) deleteNew(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, d.at, toHost.DeleteVolume, host.VolumeRequest{
		On: d.on(), Pool: d.plan.New.Pool, Spec: storage.VolumeSpec{Volume: d.plan.New.ID},
	})
	return err
}

func (d *diskMove) newLeak() operation.Leak {
	return operation.Leak{Kind: "volume", ID: string(d.request.New), Host: d.at}
}

func (d *diskMove) oldLeak() operation.Leak {
	return operation.Leak{Kind: "volume", ID: string(d.request.Volume), Host: d.at}
}

func (d *diskMove) asked() host.MoveDiskRequest {
	return host.MoveDiskRequest{On: d.on(), VM: d.request.VM, From: d.plan.Old, To: d.plan.New, BandwidthBytes: d.request.BandwidthBytes}
}

func (d *diskMove) copy(ctx workflow.Context) error {
	activity := toHost.CopyDisk
	if d.isOff() {
		activity = toHost.CopyIdleDisk
	}
	_, err := atHost[struct{}](ctx, d.at, activity, d.asked())
	return err
}

func (d *diskMove) abort(ctx workflow.Context) error {
	if d.isOff() {
		return nil
	}
	_, err := atHost[struct{}](ctx, d.at, toHost.AbortDiskCopy, d.asked())
	return err
}

func (d *diskMove) switchOver(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, d.at, toHost.SwitchDisk, d.asked())
	return err
}

// verify decides by what the host says, whatever the switch reported.
func (d *diskMove) verify(ctx workflow.Context) error {
	uses, err := atHost[bool](ctx, d.at, toHost.UsesDisk, d.asked())
	switch {
	case err != nil:
		return err
	case uses:
		return nil
	case d.run.failure != nil:
		return d.run.failure
	}
	return refuse(fault.Conflict("VM %s did not take the copy of disk %s; it goes on with the disk that it had", d.machine.VM.Name, d.plan.Old.Device))
}

func (d *diskMove) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitDiskMove, control.DiskSwap{VM: d.request.VM, Old: d.request.Volume, New: d.request.New})
	return err
}

func (d *diskMove) dropCheckpoints(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, d.at, toHost.KeepCheckpoint, host.CheckpointRequest{On: d.on(), VM: d.request.VM})
	return err
}

func (d *diskMove) deleteOld(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, d.at, toHost.DeleteVolume, host.VolumeRequest{
		On: d.on(), Pool: d.plan.Old.Pool, Spec: storage.VolumeSpec{Volume: d.plan.Old.ID},
	})
	if err != nil {
		return err
	}
	_, err = atControl[struct{}](ctx, toControl.ForgetVolumes, []id.Volume{d.request.Volume})
	return err
}
