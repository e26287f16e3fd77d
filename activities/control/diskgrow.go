package control

import (
	"context"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/volume"
)

// DiskGrowPlan is the disk that is to be made larger.
type DiskGrowPlan struct {
	Machine Machine       `json:"machine"`
	Disk    volume.Volume `json:"disk"`
}

// PlanDiskGrow sees that the disk's pool may promise so much more. A disk that has grown already needs no more.
func (a *Activities) PlanDiskGrow(ctx context.Context, in operation.GrowDiskRequest) (DiskGrowPlan, error) {
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return DiskGrowPlan{}, err
	}
	disk, err := a.Store.GetVolume(ctx, in.Volume)
	if err != nil {
		return DiskGrowPlan{}, err
	}
	on, err := a.Store.GetHost(ctx, string(machine.VM.Host))
	if err != nil {
		return DiskGrowPlan{}, err
	}
	_, err = placement.FitsPool(on, disk.Pool, max(0, in.SizeBytes-disk.SizeBytes))
	return DiskGrowPlan{Machine: machine, Disk: disk}, err
}

// ForgetCheckpoints records that no checkpoint follows the changes of a VM's disks.
func (a *Activities) ForgetCheckpoints(ctx context.Context, machine id.VM) error {
	return a.Store.ClearCheckpoints(ctx, machine, nil)
}

// CommitDiskGrow records how large a disk is.
func (a *Activities) CommitDiskGrow(ctx context.Context, in operation.GrowDiskRequest) error {
	return a.Store.GrowVolume(ctx, in.Volume, in.SizeBytes)
}
