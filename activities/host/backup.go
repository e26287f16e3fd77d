package host

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// ExportRequest takes the instant of a backup.
type ExportRequest struct {
	On
	VM      id.VM           `json:"vm_id"`
	Backup  id.Backup       `json:"backup_id"` // also the checkpoint's name
	Since   id.Backup       `json:"since,omitempty"`
	Volumes []volume.Volume `json:"volumes"`
}

// ExportReport is how the disks can be read.
type ExportReport struct {
	Online     bool                    `json:"online"` // false: the VM is off, and its disks are read where they lie
	Mode       backup.Mode             `json:"mode"`
	Reason     string                  `json:"reason,omitempty"` // why it is a full one although another was to compare with
	Frozen     bool                    `json:"frozen"`
	Checkpoint bool                    `json:"checkpoint"` // changes are tracked from this instant on
	Socket     string                  `json:"socket,omitempty"`
	Disks      []hypervisor.ExportDisk `json:"disks,omitempty"`
}

// Source is where one disk can be read.
type Source struct {
	Online bool                  `json:"online"`
	Socket string                `json:"socket,omitempty"`
	Disk   hypervisor.ExportDisk `json:"disk"`
}

// Of returns where the disk of a device can be read.
func (e ExportReport) Of(device string) Source {
	source := Source{Online: e.Online, Socket: e.Socket, Disk: hypervisor.ExportDisk{Device: device}}
	for _, each := range e.Disks {
		if each.Device == device {
			source.Disk = each
		}
	}
	return source
}

// BeginExport takes the instant: it freezes the guest's file systems if its agent answers, begins the export and the
// checkpoint, and thaws. A checkpoint to compare with that is gone or broken makes it a full backup that says why. A
// second attempt finds the first one's export.
func (a *Activities) BeginExport(ctx context.Context, in ExportRequest) (ExportReport, error) {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return ExportReport{}, err
	}
	defer release()
	seen, err := a.observe(ctx, in.VM)
	if err != nil {
		return ExportReport{}, err
	}
	if !seen.Runs() {
		report := ExportReport{Mode: backup.Full}
		if in.Since != "" {
			report.Reason = "the VM is off, so its disks were read in full; chunks that are known already were not stored again"
		}
		return report, nil
	}
	frozen := a.freeze(ctx, in.VM)
	info, mode, reason, err := a.export(ctx, in)
	if thawErr := a.thaw(ctx, in.VM); thawErr != nil {
		return ExportReport{}, thawErr
	}
	if err != nil {
		return ExportReport{}, err
	}
	return ExportReport{
		Online: true, Mode: mode, Reason: reason, Frozen: frozen, Checkpoint: true, Socket: info.Socket, Disks: info.Disks,
	}, nil
}

// freezeLimit bounds how long a guest's writes may stand still.
const freezeLimit = 5 * time.Second

// freeze reports whether it worked; a guest that cannot be frozen is backed up as after a power cut.
func (a *Activities) freeze(ctx context.Context, machine id.VM) bool {
	limited, stop := context.WithTimeout(ctx, freezeLimit)
	defer stop()
	count, err := a.Hypervisor.Freeze(limited, machine)
	return err == nil && count > 0
}

// thaw is done whatever happened, even if the operation was cancelled meanwhile. A guest without an agent was not frozen.
func (a *Activities) thaw(ctx context.Context, machine id.VM) error {
	limited, stop := context.WithTimeout(context.WithoutCancel(ctx), freezeLimit)
	defer stop()
	err := a.Hypervisor.Thaw(limited, machine)
	if fault.Is(err, fault.KindUnavailable) || fault.Is(err, fault.KindConflict) || fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

func (a *Activities) export(ctx context.Context, in ExportRequest) (hypervisor.ExportInfo, backup.Mode, string, error) {
	request := hypervisor.Export{VM: in.VM, Checkpoint: string(in.Backup), Since: string(in.Since)}
	mode, reason := backup.Full, ""
	if in.Since != "" {
		mode = backup.Incremental
	}
	info, err := a.Hypervisor.BeginExport(ctx, request)
	if in.Since != "" && fault.Is(err, fault.KindNotFound) {
		mode, reason = backup.Full, "the record of changes since the backup before is gone or broken, so the disks were read in full"
		request.Since = ""
		info, err = a.Hypervisor.BeginExport(ctx, request)
	}
	return info, mode, reason, err
}

// EndExport ends an export and removes what it needed; none is fine.
func (a *Activities) EndExport(ctx context.Context, in MachineRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	if err := a.thaw(ctx, in.VM); err != nil {
		return err
	}
	err = a.Hypervisor.EndExport(ctx, in.VM)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// CheckpointRequest names the checkpoint of a backup.
type CheckpointRequest struct {
	On
	VM     id.VM     `json:"vm_id"`
	Backup id.Backup `json:"backup_id"`
}

// KeepCheckpoint forgets every checkpoint of a VM but one, or all if Backup is empty: a later backup compares with nothing
// older. A VM that the host does not know has none.
func (a *Activities) KeepCheckpoint(ctx context.Context, in CheckpointRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	all, err := a.Hypervisor.Checkpoints(ctx, in.VM)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, each := range all {
		if each.Name == string(in.Backup) {
			continue
		}
		if err := a.Hypervisor.DeleteCheckpoint(ctx, in.VM, each.Name); err != nil {
			return err
		}
	}
	return nil
}

// DropCheckpoint forgets a checkpoint; a missing one is fine.
func (a *Activities) DropCheckpoint(ctx context.Context, in CheckpointRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	err = a.Hypervisor.DeleteCheckpoint(ctx, in.VM, string(in.Backup))
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}
