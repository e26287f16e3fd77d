package control

import (
	"context"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// PlaceRequest asks for a place for a VM that is in the inventory and on no host yet.
type PlaceRequest struct {
	VM   id.VM   `json:"vm_id"`
	Host id.Host `json:"host_id,omitempty"`
	Pool string  `json:"pool,omitempty"`
}

// Placed is where a VM is to be made.
type Placed struct {
	Host    id.Host `json:"host_id"`
	Machine Machine `json:"machine"`
}

// Place chooses a host and a pool for a VM and promises them to it. A VM that has a host keeps it.
func (a *Activities) Place(ctx context.Context, in PlaceRequest) (Placed, error) {
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return Placed{}, err
	}
	if machine.VM.Host == "" {
		if err := a.choose(ctx, machine, in); err != nil {
			return Placed{}, err
		}
		if machine, err = a.ReadVM(ctx, in.VM); err != nil {
			return Placed{}, err
		}
	}
	return Placed{Host: machine.VM.Host, Machine: machine}, nil
}

// choose tries again when another operation took the room between the choice and the promise.
func (a *Activities) choose(ctx context.Context, machine Machine, in PlaceRequest) error {
	request := placement.Request{Spec: machine.VM.Spec, Pool: in.Pool, Host: in.Host, Recorded: true}
	for _, each := range machine.Volumes {
		request.DiskBytes += each.SizeBytes
	}
	for {
		hosts, err := a.Store.ListHosts(ctx)
		if err != nil {
			return err
		}
		choice, err := placement.Choose(request, hosts, time.Now())
		if err != nil {
			return err
		}
		fact := poolOn(hosts, choice.Host, choice.Pool)
		for _, each := range machine.Volumes {
			on := choice.Host
			if fact.Shared {
				on = ""
			}
			made := store.VolumeChange{Host: &on, Pool: choice.Pool, Format: pool.Driver(fact.Driver).Format()}
			if err := a.Store.SetVolume(ctx, each.ID, made); err != nil {
				return err
			}
		}
		err = a.Store.SetVMState(ctx, machine.VM.ID, store.SetState{Host: &choice.Host, Reserve: true})
		if !fault.Is(err, fault.KindExhausted) {
			return err
		}
		request.Exclude = append(request.Exclude, choice.Host)
	}
}

func poolOn(hosts []host.Host, on id.Host, name string) host.PoolFact {
	for _, each := range hosts {
		if each.ID == on {
			fact, _ := each.Pool(name)
			return fact
		}
	}
	return host.PoolFact{}
}

// MigrationQuestion asks how a VM can be moved.
type MigrationQuestion struct {
	VM   id.VM   `json:"vm_id"`
	To   id.Host `json:"to_host_id,omitempty"`
	Cold bool    `json:"cold,omitempty"`
}

// MigrationPlan is how a VM is to be moved.
type MigrationPlan struct {
	Machine       Machine         `json:"machine"`
	Source        id.Host         `json:"source_host_id"`
	SourceAddress string          `json:"source_address"`
	Target        id.Host         `json:"target_host_id"`
	TargetName    string          `json:"target_name"`
	TargetAddress string          `json:"target_address"`
	Copy          []volume.Volume `json:"copy,omitempty"` // the disks that the target does not see
	Reasons       []string        `json:"reasons,omitempty"`
}

// PlanMigration chooses the target and says which disks must be copied.
func (a *Activities) PlanMigration(ctx context.Context, in MigrationQuestion) (MigrationPlan, error) {
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return MigrationPlan{}, err
	}
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return MigrationPlan{}, err
	}
	choice, err := placement.Choose(placement.Request{
		Spec: machine.VM.Spec, Host: in.To, From: machine.VM.Host, Live: !in.Cold, Volumes: machine.Volumes, NeedShared: machine.VM.Snapshots > 0, // a copy leaves snapshots behind
	}, hosts, time.Now())
	if err != nil {
		return MigrationPlan{}, err
	}
	plan := MigrationPlan{Machine: machine, Source: machine.VM.Host, Target: choice.Host, TargetName: choice.HostName, Reasons: choice.Reasons}
	for _, each := range hosts {
		switch each.ID {
		case plan.Source:
			plan.SourceAddress = each.Facts.MigrationAddress
		case plan.Target:
			plan.TargetAddress = each.Facts.MigrationAddress
		}
	}
	for _, each := range machine.Volumes {
		if each.Host != "" {
			plan.Copy = append(plan.Copy, each)
		}
	}
	return plan, nil
}

// Moved is a VM that has arrived.
type Moved struct {
	Operation id.Operation `json:"operation_id"`
	VM        id.VM        `json:"vm_id"`
	Host      id.Host      `json:"host_id"`
	State     vm.State     `json:"state"`
	Volumes   []id.Volume  `json:"volume_ids,omitempty"` // those that were copied
}

// CommitMigration records where a VM and its copied disks are now.
func (a *Activities) CommitMigration(ctx context.Context, in Moved) error {
	for _, each := range in.Volumes {
		if err := a.Store.SetVolume(ctx, each, store.VolumeChange{Host: &in.Host}); err != nil {
			return err
		}
	}
	return a.Store.SetVMState(ctx, in.VM, store.SetState{State: in.State, Host: &in.Host, Operation: in.Operation})
}

// RestorePlan is where a backup is to be restored.
type RestorePlan struct {
	Host    id.Host         `json:"host_id"`
	Machine Machine         `json:"machine"` // with the new disks
	Old     []volume.Volume `json:"old,omitempty"`
	Backup  backup.Backup   `json:"backup"`
}

// PlanRestore places a new VM, or lays new disks of an existing one beside the old ones.
func (a *Activities) PlanRestore(ctx context.Context, in operation.RestoreRequest) (RestorePlan, error) {
	taken, err := a.Store.GetBackup(ctx, "", in.Backup)
	if err != nil {
		return RestorePlan{}, err
	}
	if taken.State != backup.Ready {
		return RestorePlan{}, fault.Conflict("backup %s is %s and cannot be restored; choose another one", taken.ID, taken.State)
	}
	if !in.InPlace {
		placed, err := a.Place(ctx, PlaceRequest{VM: in.VM, Host: in.Host, Pool: in.Pool})
		return RestorePlan{Host: placed.Host, Machine: placed.Machine, Backup: taken}, err
	}
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return RestorePlan{}, err
	}
	plan := RestorePlan{Host: machine.VM.Host, Backup: taken}
	plan.Old, plan.Machine = machine.Volumes, machine
	plan.Machine.Images, plan.Machine.Volumes = nil, nil
	for i, disk := range taken.Disks {
		old := replacedBy(disk, machine.Volumes)
		fresh := volume.Volume{
			ID: in.Volumes[i], Project: machine.VM.Project, Device: disk.Device, SizeBytes: disk.SizeBytes,
			Format: old.Format, State: volume.Creating, Pool: old.Pool, Host: old.Host,
		}
		if _, err := a.Store.GetVolume(ctx, fresh.ID); fault.Is(err, fault.KindNotFound) {
			err = a.Store.InsertVolume(ctx, fresh)
			if err != nil {
				return RestorePlan{}, err
			}
		} else if err != nil {
			return RestorePlan{}, err
		}
		if err := a.Store.SetVolume(ctx, fresh.ID, store.VolumeChange{Host: &fresh.Host, Pool: fresh.Pool, Format: fresh.Format}); err != nil {
			return RestorePlan{}, err
		}
		plan.Machine.Volumes = append(plan.Machine.Volumes, fresh)
	}
	return plan, nil
}

// replacedBy is the disk whose place a backup's disk takes; the first one for a disk that the VM no longer has.
func replacedBy(disk backup.Disk, volumes []volume.Volume) volume.Volume {
	at := slices.IndexFunc(volumes, func(each volume.Volume) bool { return each.Device == disk.Device })
	return volumes[max(0, at)]
}

// Swap puts new disks in the place of old ones.
type Swap struct {
	VM  id.VM       `json:"vm_id"`
	Old []id.Volume `json:"old_ids"`
	New []id.Volume `json:"new_ids"`
}

// SwapVolumes records that a VM has new disks, whose changes no checkpoint has followed.
func (a *Activities) SwapVolumes(ctx context.Context, in Swap) error {
	if err := a.Store.ClearCheckpoints(ctx, in.VM, nil); err != nil {
		return err
	}
	return a.Store.ReplaceVolumes(ctx, in.VM, in.Old, in.New)
}
