package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// Restore makes a new VM from a backup, or sets an existing one back to it. Until the last disk is back and checked the
// existing VM's disks are not touched.
func Restore(ctx workflow.Context, task Task[operation.RestoreRequest]) error {
	state := &restoration{request: task.Request}
	if task.Request.InPlace {
		return perform(ctx, task.header(), restoreInPlaceSteps, state, (*restoration).result)
	}
	return perform(ctx, task.header(), restoreSteps, state, (*restoration).result)
}

type restoration struct {
	seat
	request operation.RestoreRequest
	plan    control.RestorePlan
	old     []volume.Volume // in place: the disks that are replaced
}

// RestoreResult is what a restore leaves.
type RestoreResult struct {
	MachineResult
	Backup id.Backup `json:"backup_id"`
}

func (r *restoration) result() any {
	state := vm.Stopped
	if r.request.Start {
		state = vm.Running
	}
	return RestoreResult{MachineResult: r.resultIn(state), Backup: r.request.Backup}
}

var restoreSteps = []step[restoration]{
	{
		name: "place", title: "Choose a host and a pool", do: (*restoration).place,
		undo: (*restoration).forget, undoes: "Remove the VM from the inventory, which frees its name and address",
	},
	{
		name: "create_disks", title: "Create empty disks", do: (*restoration).createVolumes,
		undo: (*restoration).deleteVolumes, undoes: "Delete the disks", leak: (*restoration).volumeLeak,
	},
	{name: "restore_disks", title: "Copy the backup onto the disks, checking every chunk", do: (*restoration).fill},
	{
		name: "connect_network", title: "Connect the network", do: (*restoration).connect,
		undo: (*restoration).disconnect, undoes: "Disconnect the network", leak: (*restoration).portLeak,
	},
	{
		name: "define", title: "Define the VM on the host", do: (*restoration).define,
		undo: (*restoration).undefine, undoes: "Switch the VM off and undefine it", leak: (*restoration).domainLeak,
	},
	{name: "start", title: "Start the VM", do: (*restoration).powerOn, needless: (*restoration).staysOff},
	{name: "await_guest", title: "Wait for the guest to answer", do: (*restoration).awaitGuest, needless: (*restoration).staysOff},
	{name: "commit", title: "Check the VM and record it", do: (*restoration).commitRestored},
}

func (r *restoration) staysOff() bool { return !r.request.Start }

func (r *restoration) place(ctx workflow.Context) (err error) {
	r.plan, err = atControl[control.RestorePlan](ctx, toControl.PlanRestore, r.request)
	r.at, r.machine, r.old = r.plan.Host, r.plan.Machine, r.plan.Old
	return err
}

func (r *restoration) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetVM, r.request.VM)
	return err
}

func (r *restoration) fill(ctx workflow.Context) error {
	for i, each := range r.machine.Volumes {
		_, err := atHost[struct{}](ctx, r.at, toHost.RestoreDisk, host.FillRequest{
			On: r.on(), Backup: r.request.Backup, Disk: r.plan.Backup.Disks[i], Pool: each.Pool, Volume: each.ID,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *restoration) commitRestored(ctx workflow.Context) error {
	if r.request.Start {
		return r.commitRunning(ctx)
	}
	return r.recordState(ctx, vm.Stopped)
}

var restoreInPlaceSteps = []step[restoration]{
	{
		name: "place", title: "Read the VM and the backup from the inventory", do: (*restoration).place,
		undo: (*restoration).abandon, undoes: "Remove the new disks from the inventory, and record what the host says of the VM",
	},
	{
		name: "create_disks", title: "Create empty disks beside the old ones", do: (*restoration).createVolumes,
		undo: (*restoration).deleteVolumes, undoes: "Delete the new disks; the old ones were not touched", leak: (*restoration).volumeLeak,
	},
	{name: "restore_disks", title: "Copy the backup onto the new disks, checking every chunk", do: (*restoration).fill},
	{name: "power_off", title: "Switch the VM off", do: (*restoration).powerOff, undo: (*restoration).powerBack, undoes: "Switch it on again if it was on"},
	{name: "swap_disks", title: "Put the new disks in the place of the old ones", do: (*restoration).swap, noReturn: true},
	{name: "delete_old_disks", title: "Delete the old disks", do: (*restoration).deleteOld, leak: (*restoration).oldLeak},
	{name: "connect_network", title: "Connect the network", do: (*restoration).connect},
	{name: "define", title: "Define the VM with the new disks", do: (*restoration).define},
	{name: "start", title: "Start the VM", do: (*restoration).powerOn, needless: (*restoration).staysOff},
	{name: "await_guest", title: "Wait for the guest to answer", do: (*restoration).awaitSetBack, needless: (*restoration).staysOff},
	{name: "commit", title: "Check the VM and record it", do: (*restoration).commitRestored},
}

func (r *restoration) oldLeak() operation.Leak {
	return operation.Leak{Kind: "volume", ID: string(r.old[0].ID), Host: r.at}
}

// abandon takes back what accepting the request recorded, also where no answer ever said what that was.
func (r *restoration) abandon(ctx workflow.Context) error {
	if _, err := atControl[struct{}](ctx, toControl.ForgetVolumes, r.request.Volumes); err != nil {
		return err
	}
	return r.recordSeen(ctx)
}

func (r *restoration) powerBack(ctx workflow.Context) error {
	if r.machine.VM.State != vm.Running && r.machine.VM.State != vm.Paused {
		return nil
	}
	return r.powerOn(ctx)
}

// swap also forgets the hypervisor's definition, whose checkpoints belong to the old disks. From here on the VM is off with
// the restored disks, whatever becomes of starting it.
func (r *restoration) swap(ctx workflow.Context) error {
	if err := r.undefine(ctx); err != nil {
		return err
	}
	_, err := atControl[struct{}](ctx, toControl.SwapVolumes, control.Swap{VM: r.request.VM, Old: idsOf(r.old), New: idsOf(r.machine.Volumes)})
	if err != nil {
		return err
	}
	return r.recordState(ctx, vm.Stopped)
}

func idsOf(volumes []volume.Volume) []id.Volume {
	ids := make([]id.Volume, 0, len(volumes))
	for _, each := range volumes {
		ids = append(ids, each.ID)
	}
	return ids
}

func (r *restoration) deleteOld(ctx workflow.Context) error {
	for _, each := range r.old {
		_, err := atHost[struct{}](ctx, r.at, toHost.DeleteVolume, host.VolumeRequest{
			On: r.on(), Pool: each.Pool, Spec: storage.VolumeSpec{Volume: each.ID},
		})
		if err != nil {
			return err
		}
	}
	_, err := atControl[struct{}](ctx, toControl.ForgetVolumes, idsOf(r.old))
	return err
}
