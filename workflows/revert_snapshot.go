package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// RevertSnapshot sets a VM's disks back to a snapshot. The VM is off meanwhile.
func RevertSnapshot(ctx workflow.Context, task Task[operation.RevertRequest]) error {
	return perform(ctx, task.header(), revertSnapshotSteps, &reverting{request: task.Request}, (*reverting).result)
}

type reverting struct {
	seat
	request operation.RevertRequest
	plan    control.SnapshotPlan
}

func (r *reverting) result() any {
	return SnapshotResult{VM: r.request.VM, Snapshot: r.request.Snapshot, Name: r.plan.Snapshot.Name, Quiesced: r.plan.Snapshot.Quiesced}
}

var revertSnapshotSteps = []step[reverting]{
	{name: "read", title: "Read the VM and the snapshot", do: (*reverting).read, undo: (*reverting).recordSeen, undoes: undoesPower},
	{name: "drop_checkpoints", title: "Drop the checkpoints of backups, which cannot follow", do: (*reverting).dropCheckpoints},
	{name: "power_off", title: "Switch the VM off", do: (*reverting).powerOff, undo: (*reverting).powerBack, undoes: "Switch it on again if it was on"},
	{name: "revert", title: "Set all disks back", do: (*reverting).revert, noReturn: true},
	{name: "record", title: "Record what the disks are now", do: (*reverting).record},
	{name: "connect_network", title: "Connect the network", do: (*reverting).connect, needless: (*reverting).staysOff},
	{name: "define", title: "Define the VM on the host", do: (*reverting).define, needless: (*reverting).staysOff},
	{name: "start", title: "Start the VM", do: (*reverting).powerOn, needless: (*reverting).staysOff},
	{name: "await_guest", title: "Wait for the guest to answer", do: (*reverting).awaitSetBack, needless: (*reverting).staysOff},
	{name: "commit", title: "Check the VM and record it", do: (*reverting).commitReverted},
}

func (r *reverting) staysOff() bool { return !r.request.Start }

func (r *reverting) asked() operation.SnapshotRequest {
	return operation.SnapshotRequest{VM: r.request.VM, Snapshot: r.request.Snapshot}
}

func (r *reverting) read(ctx workflow.Context) (err error) {
	r.plan, err = atControl[control.SnapshotPlan](ctx, toControl.PlanSnapshot, r.asked())
	r.machine, r.at = r.plan.Machine, r.plan.Machine.VM.Host
	return err
}

// powerBack leaves a VM that was paused running: what it was about to lose it has lost.
func (r *reverting) powerBack(ctx workflow.Context) error {
	if r.machine.VM.State != vm.Running && r.machine.VM.State != vm.Paused {
		return nil
	}
	return r.powerOn(ctx)
}

func (r *reverting) revert(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, r.at, toHost.RevertDisks, host.SnapshotRequest{
		On: r.on(), VM: r.request.VM, Snapshot: r.request.Snapshot, Disks: r.plan.Volumes,
	})
	return err
}

func (r *reverting) record(ctx workflow.Context) error {
	if _, err := atControl[struct{}](ctx, toControl.RevertedTo, r.asked()); err != nil {
		return err
	}
	return r.recordState(ctx, vm.Stopped)
}

func (r *reverting) commitReverted(ctx workflow.Context) error {
	if r.request.Start {
		return r.commitRunning(ctx)
	}
	return r.recordState(ctx, vm.Stopped)
}
