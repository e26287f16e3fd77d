package host

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/volume"
)

// SnapshotRequest names a VM's disks and a snapshot of them.
type SnapshotRequest struct {
	On
	VM       id.VM           `json:"vm_id"`
	Snapshot id.Snapshot     `json:"snapshot_id"`
	Disks    []volume.Volume `json:"disks"`
	Ran      bool            `json:"ran,omitempty"` // the VM was running before: it is let go on, even if an earlier attempt stopped it
}

// SnapshotTaken says how it was taken.
type SnapshotTaken struct {
	Quiesced bool `json:"quiesced"` // the file systems were frozen, or the VM was off
}

// TakeSnapshot keeps all disks of a VM as they are at one instant: the guest's file systems are frozen if its agent answers,
// and else its processors stand still meanwhile. An attempt that follows one which took it all cannot say how that was.
func (a *Activities) TakeSnapshot(ctx context.Context, in SnapshotRequest) (SnapshotTaken, error) {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return SnapshotTaken{}, err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	seen, err := a.observe(ctx, in.VM)
	if err != nil {
		return SnapshotTaken{}, err
	}
	if !seen.Runs() {
		return SnapshotTaken{Quiesced: true}, a.eachSnapshot(ctx, in, storage.Snapshotter.SnapshotVolume)
	}
	frozen := seen.Machine.Power == hypervisor.On && a.freeze(ctx, in.VM)
	if !frozen {
		if err := a.Hypervisor.SetPower(ctx, in.VM, hypervisor.Suspended); err != nil {
			return SnapshotTaken{}, err
		}
	}
	err = a.snapshotRunning(ctx, in)
	if goErr := a.letGoOn(ctx, in); goErr != nil {
		return SnapshotTaken{}, goErr
	}
	return SnapshotTaken{Quiesced: frozen}, err
}

// letGoOn is done whatever happened, even if the operation was cancelled meanwhile.
func (a *Activities) letGoOn(ctx context.Context, in SnapshotRequest) error {
	if in.Ran {
		limited, stop := context.WithTimeout(context.WithoutCancel(ctx), freezeLimit)
		defer stop()
		if err := a.Hypervisor.SetPower(limited, in.VM, hypervisor.On); err != nil {
			return err
		}
	}
	return a.thaw(ctx, in.VM)
}

// snapshotRunning takes the instant in pools that can, and has the hypervisor take it of all other disks at once.
func (a *Activities) snapshotRunning(ctx context.Context, in SnapshotRequest) error {
	var devices []string
	for _, each := range in.Disks {
		keeper, err := a.snapshotter(each)
		if err != nil {
			return err
		}
		if !keeper.SnapshotsOpen() {
			devices = append(devices, each.Device)
			continue
		}
		if err := keeper.SnapshotVolume(ctx, each.ID, in.Snapshot); err != nil {
			return err
		}
	}
	if len(devices) == 0 {
		return nil
	}
	return a.Hypervisor.SnapshotDisks(ctx, in.VM, devices, in.Snapshot)
}

func (a *Activities) snapshotter(of volume.Volume) (storage.Snapshotter, error) {
	pool, err := a.Pools.Pool(of.Pool)
	if err != nil {
		return nil, err
	}
	keeper, able := pool.(storage.Snapshotter)
	if !able {
		return nil, fault.Invalid("pool %s keeps no snapshots; move disk %s to one that does", of.Pool, of.Device)
	}
	return keeper, nil
}

type onSnapshot func(storage.Snapshotter, context.Context, id.Volume, id.Snapshot) error

func (a *Activities) eachSnapshot(ctx context.Context, in SnapshotRequest, do onSnapshot) error {
	for _, each := range in.Disks {
		keeper, err := a.snapshotter(each)
		if err != nil {
			return err
		}
		if err := do(keeper, ctx, each.ID, in.Snapshot); err != nil {
			return err
		}
	}
	return nil
}

// DropSnapshot forgets a snapshot of a VM's disks. If the snapshot was being taken when that broke off, the VM goes on.
func (a *Activities) DropSnapshot(ctx context.Context, in SnapshotRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	seen, err := a.observe(ctx, in.VM)
	if err != nil {
		return err
	}
	if !seen.Runs() {
		return a.eachSnapshot(ctx, in, storage.Snapshotter.DropSnapshot)
	}
	if err := a.letGoOn(ctx, in); err != nil {
		return err
	}
	for _, each := range in.Disks {
		keeper, err := a.snapshotter(each)
		if err == nil && keeper.SnapshotsOpen() {
			err = keeper.DropSnapshot(ctx, each.ID, in.Snapshot)
		} else if err == nil {
			err = a.Hypervisor.DropDiskSnapshot(ctx, in.VM, each.Device, in.Snapshot)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// RevertDisks sets the disks of a VM that is off back to a snapshot.
func (a *Activities) RevertDisks(ctx context.Context, in SnapshotRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	return a.eachSnapshot(ctx, in, storage.Snapshotter.RevertVolume)
}
