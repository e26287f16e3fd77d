package control

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/volume"
)

// ClonePlan is where a clone is made, and where what it is made of lies.
type ClonePlan struct {
	Host          id.Host         `json:"host_id"`
	Machine       Machine         `json:"machine"` // the clone, with its disks in the order of the source's
	Source        id.Host         `json:"source_host_id"`
	SourceAddress string          `json:"source_address"`
	Disks         []volume.Volume `json:"disks"` // of the source
}

// PlanClone places a clone. Its source has its claim, so it stays as it is.
func (a *Activities) PlanClone(ctx context.Context, in operation.CloneRequest) (ClonePlan, error) {
	source, err := a.ReadVM(ctx, in.Source)
	if err != nil {
		return ClonePlan{}, err
	}
	from, err := a.Store.GetHost(ctx, string(source.VM.Host))
	if err != nil {
		return ClonePlan{}, err
	}
	placed, err := a.Place(ctx, PlaceRequest{VM: in.VM, Host: in.Host, Pool: in.Pool})
	if err != nil {
		return ClonePlan{}, err
	}
	if len(placed.Machine.Volumes) != len(source.Volumes) {
		return ClonePlan{}, fault.Conflict("VM %s has %d disks and had %d when its clone was asked for; ask again", source.VM.Name, len(source.Volumes), len(placed.Machine.Volumes))
	}
	return ClonePlan{
		Host: placed.Host, Machine: placed.Machine, Source: source.VM.Host, SourceAddress: from.Facts.MigrationAddress, Disks: source.Volumes,
	}, nil
}
