package control

import (
	"context"

	"github.com/novacron/novacron/internal/operation"
)

// PlanDiskLimit reads the VM and its disk.
func (a *Activities) PlanDiskLimit(ctx context.Context, in operation.LimitDiskRequest) (AttachPlan, error) {
	return a.attachPlan(ctx, in.VM, in.Volume)
}

// CommitDiskLimit records what a VM may ask of its disk.
func (a *Activities) CommitDiskLimit(ctx context.Context, in operation.LimitDiskRequest) error {
	return a.Store.LimitVolume(ctx, in.Volume, in.Limits)
}
