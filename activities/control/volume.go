package control

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/volume"
)

// VolumeAt is a volume and the host that works on it: the one whose pool it is in, or one that reaches its shared pool.
type VolumeAt struct {
	Volume volume.Volume `json:"volume"`
	Host   id.Host       `json:"host_id"`
}

// LocateVolume finds a host that can work on a volume; Unavailable while none reaches its pool. Conflict for one whose time in
// the trash was over and that was taken back.
func (a *Activities) LocateVolume(ctx context.Context, of operation.VolumeRef) (VolumeAt, error) {
	found, err := a.Store.GetVolume(ctx, of.Volume)
	if err != nil {
		return VolumeAt{}, err
	}
	if of.Expired && found.State != volume.Trashed {
		return VolumeAt{}, fault.Conflict("volume %s was taken out of the trash in time", found.Label())
	}
	if found.Host != "" {
		return VolumeAt{Volume: found, Host: found.Host}, nil
	}
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return VolumeAt{}, err
	}
	for _, each := range hosts {
		if fact, has := each.Pool(found.Pool); has && fact.Available && each.StateAt(time.Now()) != host.Offline {
			return VolumeAt{Volume: found, Host: each.ID}, nil
		}
	}
	return VolumeAt{}, fault.Unavailable("no host reaches pool %s now, which is to hold volume %s; see the pool's page", found.Pool, found.Label())
}

// CommitVolume records that a volume exists.
func (a *Activities) CommitVolume(ctx context.Context, of id.Volume) error {
	return a.Store.SetVolume(ctx, of, store.VolumeChange{State: volume.Ready})
}

// AttachPlan is a VM and the volume that it is to have, or to lose.
type AttachPlan struct {
	Machine Machine       `json:"machine"`
	Volume  volume.Volume `json:"volume"`
}

// PlanAttach sees that the VM's host reaches the volume. A volume that the VM has already is fine.
func (a *Activities) PlanAttach(ctx context.Context, in operation.AttachRequest) (AttachPlan, error) {
	plan, err := a.attachPlan(ctx, in.VM, in.Volume)
	if err != nil {
		return AttachPlan{}, err
	}
	on, err := a.Store.GetHost(ctx, string(plan.Machine.VM.Host))
	if err != nil {
		return AttachPlan{}, err
	}
	fact, has := on.Pool(plan.Volume.Pool)
	if err := plan.Volume.CheckReach(on.Name, has && fact.Available); err != nil {
		return AttachPlan{}, err
	}
	plan.Volume.Device = in.Device
	return plan, nil
}

// PlanDetach reads the VM and its volume, and gives the volume the name by which it is to be known. Conflict if that is taken.
func (a *Activities) PlanDetach(ctx context.Context, in operation.DetachRequest) (AttachPlan, error) {
	if err := a.Store.RenameVolume(ctx, in.Volume, in.Name); err != nil {
		return AttachPlan{}, err
	}
	return a.attachPlan(ctx, in.VM, in.Volume)
}

// UnnameVolume makes a volume one of its VM's disks again.
func (a *Activities) UnnameVolume(ctx context.Context, of id.Volume) error {
	return a.Store.RenameVolume(ctx, of, "")
}

func (a *Activities) attachPlan(ctx context.Context, machine id.VM, of id.Volume) (AttachPlan, error) {
	read, err := a.ReadVM(ctx, machine)
	if err != nil {
		return AttachPlan{}, err
	}
	found, err := a.Store.GetVolume(ctx, of)
	return AttachPlan{Machine: read, Volume: found}, err
}

// CommitAttach records that a VM has a volume.
func (a *Activities) CommitAttach(ctx context.Context, in operation.AttachRequest) error {
	return a.Store.AttachVolume(ctx, in.VM, in.Volume, in.Device)
}

// CommitDetach records that a volume belongs to no VM.
func (a *Activities) CommitDetach(ctx context.Context, in operation.DetachRequest) error {
	return a.Store.DetachVolume(ctx, in.VM, in.Volume)
}

// PlanVolumeGrowth finds a host that can work on a volume, and sees that its pool may promise so much more.
func (a *Activities) PlanVolumeGrowth(ctx context.Context, in operation.GrowVolumeRequest) (VolumeAt, error) {
	at, err := a.LocateVolume(ctx, operation.VolumeRef{Volume: in.Volume})
	if err != nil {
		return VolumeAt{}, err
	}
	on, err := a.Store.GetHost(ctx, string(at.Host))
	if err != nil {
		return VolumeAt{}, err
	}
	_, err = placement.FitsPool(on, at.Volume.Pool, max(0, in.SizeBytes-at.Volume.SizeBytes))
	return at, err
}

// CommitVolumeGrowth records how large a volume is.
func (a *Activities) CommitVolumeGrowth(ctx context.Context, in operation.GrowVolumeRequest) error {
	return a.Store.GrowVolume(ctx, in.Volume, in.SizeBytes)
}

// VolumeMovePlan is how a volume is to be moved that belongs to no VM.
type VolumeMovePlan struct {
	Old  volume.Volume `json:"old"`
	New  volume.Volume `json:"new"`
	Host id.Host       `json:"host_id"`
}

// PlanVolumeMove finds a host that reaches both pools, and records where the new volume will be.
func (a *Activities) PlanVolumeMove(ctx context.Context, in operation.MoveVolumeRequest) (VolumeMovePlan, error) {
	old, err := a.Store.GetVolume(ctx, in.Volume)
	if err != nil {
		return VolumeMovePlan{}, err
	}
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return VolumeMovePlan{}, err
	}
	on, err := placement.Bridge(hosts, old, in.Pool, 0, time.Now()) // what is to be there is promised by now
	if err != nil {
		return VolumeMovePlan{}, err
	}
	fact, _ := on.Pool(in.Pool)
	where := on.ID
	if fact.Shared {
		where = ""
	}
	made := store.VolumeChange{Host: &where, Pool: in.Pool, Format: pool.Driver(fact.Driver).Format()}
	if err := a.Store.SetVolume(ctx, in.New, made); err != nil {
		return VolumeMovePlan{}, err
	}
	found, err := a.Store.GetVolume(ctx, in.New)
	return VolumeMovePlan{Old: old, New: found, Host: on.ID}, err
}

// CommitVolumeMove records that a volume's name stands for its copy.
func (a *Activities) CommitVolumeMove(ctx context.Context, in operation.MoveVolumeRequest) error {
	return a.Store.SupersedeVolume(ctx, in.Volume, in.New)
}
