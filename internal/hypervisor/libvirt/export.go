//go:build cgo

package libvirt

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// exportedBitmap is the name under which QEMU exports the changes of every disk, whatever checkpoints they come from.
const exportedBitmap = "changes"

// exportDirectory holds the socket and the scratch files of a VM's export.
func (d *Driver) exportDirectory(vm id.VM) string {
	return filepath.Join(d.options.ExportDirectory, string(vm))
}

func (d *Driver) exportSocket(vm id.VM) string {
	return filepath.Join(d.exportDirectory(vm), "nbd.sock")
}

func (d *Driver) removeExportFiles(vm id.VM) error {
	if err := os.RemoveAll(d.exportDirectory(vm)); err != nil {
		return fault.Internal("the scratch files of VM %s cannot be removed", vm).Because(err)
	}
	return nil
}

// BeginExport begins a pull backup. libvirt keeps its job across a restart of the daemon, and QEMU goes on serving.
func (d *Driver) BeginExport(ctx context.Context, request hypervisor.Export) (hypervisor.ExportInfo, error) {
	if request.Checkpoint == "" {
		return hypervisor.ExportInfo{}, fault.Invalid("an export needs the name of the checkpoint to create").At("checkpoint")
	}
	info, running, err := d.runningExport(ctx, request)
	if err != nil || running {
		return info, err
	}
	if err := d.removeExportFiles(request.VM); err != nil {
		return hypervisor.ExportInfo{}, err
	}
	if err := os.MkdirAll(d.exportDirectory(request.VM), 0o700); err != nil {
		return hypervisor.ExportInfo{}, fault.Internal("the directory for the export of VM %s cannot be made", request.VM).Because(err)
	}
	return call(ctx, d.main, func(connection *virt.Connect) (hypervisor.ExportInfo, error) {
		return onDomain(connection, request.VM, func(domain *virt.Domain) (hypervisor.ExportInfo, error) {
			info, err := d.beginExport(domain, request)
			if err != nil {
				_ = d.removeExportFiles(request.VM) // the error that counts is the first
			}
			return info, err
		})
	})
}

// runningExport finds the export that an earlier call began. Any other job is a Conflict.
func (d *Driver) runningExport(ctx context.Context, request hypervisor.Export) (hypervisor.ExportInfo, bool, error) {
	for until := time.Now().Add(beginsWithin); ; {
		found, err := d.findExport(ctx, request)
		if err != nil || !found.lost {
			return found.info, found.running, err
		}
		if time.Now().After(until) {
			return found.info, false, busy(request.VM, hypervisor.LostJob)
		}
		select {
		case <-time.After(10 * exportPollEvery):
		case <-ctx.Done():
			return found.info, false, ctx.Err()
		}
	}
}

// beginsWithin bounds how long a backup that begins may look like one that the daemon has lost.
const beginsWithin = 10 * time.Second

// foundExport is what there is of an export; it is lost if the daemon no longer knows what it was about to do.
type foundExport struct {
	info          hypervisor.ExportInfo
	running, lost bool
}

func (d *Driver) findExport(ctx context.Context, request hypervisor.Export) (foundExport, error) {
	return call(ctx, d.main, func(connection *virt.Connect) (foundExport, error) {
		return onDomain(connection, request.VM, func(domain *virt.Domain) (foundExport, error) {
			active, err := domain.IsActive()
			if err != nil {
				return foundExport{}, err
			}
			if !active {
				return foundExport{}, fault.Conflict("VM %s is off, so its disks can be read without an export", request.VM)
			}
			text, err := domain.BackupGetXMLDesc(0)
			if codeOf(err) == virt.ERR_NO_DOMAIN_BACKUP {
				return unoccupied(domain, request.VM)
			}
			if err != nil {
				return foundExport{}, err
			}
			if err := isExportOf(domain, request); err != nil {
				return foundExport{}, err
			}
			info, err := describeExport(domain, text)
			return foundExport{info: info, running: true}, err
		})
	})
}

// isExportOf tells whose export runs by the newest checkpoint; a VM without qcow2 disks has none, and one export at a time.
func isExportOf(domain *virt.Domain, request hypervisor.Export) error {
	checkpoints, err := readCheckpoints(domain)
	if err != nil {
		return err
	}
	machine, err := inspect(domain)
	if err != nil {
		return err
	}
	tracks := slices.ContainsFunc(machine.Disks, func(disk hypervisor.Disk) bool { return disk.Format == "qcow2" })
	if tracks && (len(checkpoints) == 0 || checkpoints[len(checkpoints)-1].Name != request.Checkpoint) {
		return fault.Conflict("VM %s is being backed up already; wait for it", request.VM)
	}
	return nil
}

func unoccupied(domain *virt.Domain, vm id.VM) (foundExport, error) {
	job, err := jobOf(domain)
	switch {
	case err != nil || job == hypervisor.NoJob:
		return foundExport{}, err
	case job == hypervisor.LostJob:
		return foundExport{lost: true}, nil
	default:
		return foundExport{}, busy(vm, job)
	}
}

func (d *Driver) beginExport(domain *virt.Domain, request hypervisor.Export) (hypervisor.ExportInfo, error) {
	machine, err := inspect(domain)
	if err != nil {
		return hypervisor.ExportInfo{}, err
	}
	// A checkpoint of that name is what an export left that died: its instant has passed.
	if err := dropCheckpoint(domain, request.Checkpoint); err != nil {
		return hypervisor.ExportInfo{}, err
	}
	if request.Since != "" {
		if known, err := domain.CheckpointLookupByName(request.Since, 0); err != nil {
			return hypervisor.ExportInfo{}, changesUnknown(request, err)
		} else {
			_ = known.Free()
		}
	}
	backup, checkpoint, err := exportXML(machine.Disks, request, d.exportDirectory(request.VM), d.exportSocket(request.VM))
	if err != nil {
		return hypervisor.ExportInfo{}, err
	}
	if err := domain.BackupBegin(backup, checkpoint, 0); err != nil {
		if codeOf(err) == virt.ERR_CHECKPOINT_INCONSISTENT || codeOf(err) == virt.ERR_NO_DOMAIN_CHECKPOINT {
			return hypervisor.ExportInfo{}, changesUnknown(request, err)
		}
		return hypervisor.ExportInfo{}, err
	}
	text, err := domain.BackupGetXMLDesc(0)
	if err != nil {
		return hypervisor.ExportInfo{}, err
	}
	return describeExport(domain, text)
}

func changesUnknown(request hypervisor.Export, cause error) error {
	if isConnectionLost(cause) {
		return cause
	}
	return fault.NotFound("the changes of VM %s since checkpoint %s are not known; take a full backup", request.VM, request.Since).Because(cause)
}

// exportXML writes the backup and its checkpoint. Only qcow2 images can keep bitmaps; a raw disk is exported whole.
func exportXML(disks []hypervisor.Disk, request hypervisor.Export, directory, socket string) (string, string, error) {
	backup := libvirtxml.DomainBackup{
		Incremental: request.Since,
		Pull: &libvirtxml.DomainBackupPull{
			Server: &libvirtxml.DomainBackupPullServer{UNIX: &libvirtxml.DomainBackupPullServerUNIX{Socket: socket}},
			Disks:  &libvirtxml.DomainBackupPullDisks{},
		},
	}
	checkpoint := libvirtxml.DomainCheckpoint{Name: request.Checkpoint, Disks: &libvirtxml.DomainCheckpointDisks{}}
	tracked := false
	for _, disk := range disks {
		served := libvirtxml.DomainBackupPullDisk{
			Name: disk.Device, Backup: "yes", ExportName: disk.Device,
			Scratch: &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{
				File: filepath.Join(directory, disk.Device+".scratch.qcow2"),
			}},
		}
		marked := libvirtxml.DomainCheckpointDisk{Name: disk.Device, Checkpoint: "no"}
		if disk.Format == "qcow2" {
			marked.Checkpoint, tracked = "bitmap", true
			if request.Since != "" {
				served.BackupMode, served.ExportBitmap = "incremental", exportedBitmap
				served.Incremental = request.Since
			}
		} else {
			served.BackupMode = "full"
		}
		backup.Pull.Disks.Disks = append(backup.Pull.Disks.Disks, served)
		checkpoint.Disks.Disks = append(checkpoint.Disks.Disks, marked)
	}
	backupText, err := backup.Marshal()
	if err != nil {
		return "", "", fault.Internal("the export of VM %s cannot be written down", request.VM).Because(err)
	}
	if !tracked {
		return backupText, "", nil
	}
	checkpointText, err := checkpoint.Marshal()
	if err != nil {
		return "", "", fault.Internal("the checkpoint of VM %s cannot be written down", request.VM).Because(err)
	}
	return backupText, checkpointText, nil
}

// describeExport reads a running export back from libvirt.
func describeExport(domain *virt.Domain, text string) (hypervisor.ExportInfo, error) {
	var backup libvirtxml.DomainBackup
	if err := backup.Unmarshal(text); err != nil {
		return hypervisor.ExportInfo{}, fault.Internal("the export that runs cannot be read").Because(err)
	}
	if backup.Pull == nil || backup.Pull.Server == nil || backup.Pull.Server.UNIX == nil || backup.Pull.Disks == nil {
		return hypervisor.ExportInfo{}, fault.Conflict("the VM is being backed up by somebody else; wait for it")
	}
	info := hypervisor.ExportInfo{Socket: backup.Pull.Server.UNIX.Socket}
	for _, disk := range backup.Pull.Disks.Disks {
		if disk.Backup == "no" {
			continue
		}
		size, err := domain.GetBlockInfo(disk.Name, 0)
		if err != nil {
			return hypervisor.ExportInfo{}, err
		}
		served := hypervisor.ExportDisk{Device: disk.Name, Export: disk.ExportName, SizeBytes: int64(size.Capacity)}
		if disk.ExportBitmap != "" {
			served.MetaContext = "qemu:dirty-bitmap:" + disk.ExportBitmap
		}
		info.Disks = append(info.Disks, served)
	}
	return info, nil
}

const exportPollEvery = 20 * time.Millisecond

// EndExport aborts the backup's job, which is how a pull backup ends, and removes its files.
func (d *Driver) EndExport(ctx context.Context, vm id.VM) error {
	for {
		ended, err := call(ctx, d.main, func(connection *virt.Connect) (bool, error) {
			return onDomain(connection, vm, endExport)
		})
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		if err != nil || ended {
			return d.removeExportFiles(vm)
		}
		select {
		case <-time.After(exportPollEvery):
		case <-ctx.Done():
			return fault.Unavailable("the export of VM %s has not ended in time", vm).Because(ctx.Err())
		}
	}
}

// endExport reports whether there is no backup any more; if there is, it asks for its end.
func endExport(domain *virt.Domain) (bool, error) {
	_, err := domain.BackupGetXMLDesc(0)
	if codeOf(err) == virt.ERR_NO_DOMAIN_BACKUP || codeOf(err) == virt.ERR_OPERATION_INVALID {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	err = domain.AbortJob()
	if codeOf(err) == virt.ERR_OPERATION_INVALID {
		return false, nil // it is ending
	}
	return false, err
}
