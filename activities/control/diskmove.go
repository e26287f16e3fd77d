package control

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// DiskMovePlan is how a disk is to be moved.
type DiskMovePlan struct {
	Machine Machine       `json:"machine"`
	Old     volume.Volume `json:"old"`
	New     volume.Volume `json:"new"`
	Online  bool          `json:"online"` // the VM is on, so that the hypervisor copies
}

// PlanDiskMove sees that the VM's host reaches the other pool, and records where the new volume will be.
func (a *Activities) PlanDiskMove(ctx context.Context, in operation.MoveDiskRequest) (DiskMovePlan, error) {
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return DiskMovePlan{}, err
	}
	at := slices.IndexFunc(machine.Volumes, func(each volume.Volume) bool { return each.ID == in.Volume })
	if at < 0 {
		return DiskMovePlan{}, fault.Conflict("VM %s no longer has disk %s", machine.VM.Name, in.Volume)
	}
	plan := DiskMovePlan{Machine: machine, Old: machine.Volumes[at], Online: machine.VM.State == vm.Running || machine.VM.State == vm.Paused}
	on, err := a.Store.GetHost(ctx, string(machine.VM.Host))
	if err != nil {
		return DiskMovePlan{}, err
	}
	fact, err := placement.FitsPool(on, in.Pool, 0) // what is to be there is promised by now
	if err != nil {
		return DiskMovePlan{}, err
	}
	where := on.ID
	if fact.Shared {
		where = ""
	}
	made := store.VolumeChange{Host: &where, Pool: in.Pool, Format: pool.Driver(fact.Driver).Format()}
	if err := a.Store.SetVolume(ctx, in.New, made); err != nil {
		return DiskMovePlan{}, err
	}
	plan.New, err = a.Store.GetVolume(ctx, in.New)
	return plan, err
}

// DiskSwap puts one volume in the place of another.
type DiskSwap struct {
	VM  id.VM     `json:"vm_id"`
	Old id.Volume `json:"old_id"`
	New id.Volume `json:"new_id"`
}

// CommitDiskMove records that a VM's disk is another volume, whose changes no checkpoint has followed.
func (a *Activities) CommitDiskMove(ctx context.Context, in DiskSwap) error {
	if err := a.Store.ClearCheckpoints(ctx, in.VM, nil); err != nil {
		return err
	}
	return a.Store.MoveVolume(ctx, in.VM, in.Old, in.New)
}
