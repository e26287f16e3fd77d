package control

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/snapshot"
	"github.com/novacron/novacron/internal/volume"
)

// SnapshotPlan is a VM, its snapshot, and the volumes that hold it.
type SnapshotPlan struct {
	Machine  Machine           `json:"machine"`
	Snapshot snapshot.Snapshot `json:"snapshot"`
	Volumes  []volume.Volume   `json:"volumes"`
}

// PlanSnapshot reads a VM and one of its snapshots. Conflict if the VM no longer has a disk that the snapshot is in.
func (a *Activities) PlanSnapshot(ctx context.Context, in operation.SnapshotRequest) (SnapshotPlan, error) {
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return SnapshotPlan{}, err
	}
	plan := SnapshotPlan{Machine: machine}
	if plan.Snapshot, err = a.Store.FindSnapshot(ctx, in.VM, string(in.Snapshot)); err != nil {
		return SnapshotPlan{}, err
	}
	for _, disk := range plan.Snapshot.Disks {
		at := slices.IndexFunc(machine.Volumes, func(each volume.Volume) bool { return each.ID == disk.Volume })
		if at < 0 {
			return SnapshotPlan{}, fault.Conflict("VM %s no longer has disk %s, which snapshot %s is in", machine.VM.Name, disk.Device, plan.Snapshot.Name)
		}
		plan.Volumes = append(plan.Volumes, machine.Volumes[at])
	}
	return plan, nil
}

// Kept is a snapshot that was taken.
type Kept struct {
	Snapshot id.Snapshot `json:"snapshot_id"`
	Quiesced bool        `json:"quiesced"`
}

// KeepSnapshot records that a snapshot was taken.
func (a *Activities) KeepSnapshot(ctx context.Context, in Kept) error {
	return a.Store.KeepSnapshot(ctx, in.Snapshot, in.Quiesced)
}

// RevertedTo records that a VM's disks are what they were at a snapshot.
func (a *Activities) RevertedTo(ctx context.Context, in operation.SnapshotRequest) error {
	return a.Store.RevertedTo(ctx, in.VM, in.Snapshot)
}

// ForgetSnapshot removes a snapshot from the inventory; a missing one is fine.
func (a *Activities) ForgetSnapshot(ctx context.Context, of id.Snapshot) error {
	return a.Store.DeleteSnapshot(ctx, of)
}
