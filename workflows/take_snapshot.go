package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// TakeSnapshot keeps a VM's disks as they are at one instant, while the VM goes on or while it is off.
func TakeSnapshot(ctx workflow.Context, task Task[operation.SnapshotRequest]) error {
	return perform(ctx, task.header(), takeSnapshotSteps, &keeping{request: task.Request}, (*keeping).result)
}

// keeping is a snapshot that an operation takes or deletes.
type keeping struct {
	seat
	request operation.SnapshotRequest
	plan    control.SnapshotPlan
	taken   host.SnapshotTaken
}

// SnapshotResult is which snapshot it was.
type SnapshotResult struct {
	VM       id.VM       `json:"vm_id"`
	Snapshot id.Snapshot `json:"snapshot_id"`
	Name     string      `json:"name"`
	Quiesced bool        `json:"quiesced,omitempty"`
}

func (k *keeping) result() any {
	return SnapshotResult{VM: k.request.VM, Snapshot: k.request.Snapshot, Name: k.plan.Snapshot.Name, Quiesced: k.taken.Quiesced}
}

var takeSnapshotSteps = []step[keeping]{
	{
		name: "read", title: "Read the VM and its disks", do: (*keeping).read,
		undo: (*keeping).forget, undoes: "Remove the snapshot from the inventory, which frees its name",
	},
	{
		name: "take", title: "Keep all disks as they are at one instant", do: (*keeping).take,
		undo: (*keeping).untake, undoes: "Forget what was kept, and let the VM go on", leak: (*keeping).leak,
	},
	{name: "commit", title: "Record the snapshot", do: (*keeping).commit, noReturn: true},
}

func (k *keeping) read(ctx workflow.Context) (err error) {
	k.plan, err = atControl[control.SnapshotPlan](ctx, toControl.PlanSnapshot, k.request)
	k.machine, k.at = k.plan.Machine, k.plan.Machine.VM.Host
	return err
}

func (k *keeping) asked() host.SnapshotRequest {
	return host.SnapshotRequest{On: k.on(), VM: k.request.VM, Snapshot: k.request.Snapshot, Disks: k.plan.Volumes}
}

// askedToGoOn also lets a VM go on that stands still because of us.
func (k *keeping) askedToGoOn() host.SnapshotRequest {
	asked := k.asked()
	asked.Ran = k.machine.VM.State == vm.Running
	return asked
}

func (k *keeping) take(ctx workflow.Context) (err error) {
	k.taken, err = atHost[host.SnapshotTaken](ctx, k.at, toHost.TakeSnapshot, k.askedToGoOn())
	return err
}

func (k *keeping) untake(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, k.at, toHost.DropSnapshot, k.askedToGoOn())
	return err
}

func (k *keeping) drop(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, k.at, toHost.DropSnapshot, k.asked())
	return err
}

func (k *keeping) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.KeepSnapshot, control.Kept{Snapshot: k.request.Snapshot, Quiesced: k.taken.Quiesced})
	return err
}

func (k *keeping) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetSnapshot, k.request.Snapshot)
	return err
}

func (k *keeping) leak() operation.Leak {
	return operation.Leak{Kind: "snapshot", ID: string(k.request.Snapshot), Host: k.at}
}
