//go:build cgo

package libvirt

import (
	"context"
	"slices"
	"time"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

const (
	switchPollEvery = 20 * time.Millisecond
	switchLongest   = 30 * time.Second
)

// mirror is what a domain says of one of its disks that is being copied.
type mirror struct {
	disk   hypervisor.Disk // as it is now
	to     string          // where it is being copied; empty if it is not
	ready  bool
	active bool // the domain is on
}

// mirrorOf reads a disk of a domain; Invalid if it has none of that name.
func mirrorOf(domain *virt.Domain, device string) (mirror, error) {
	active, err := domain.IsActive()
	if err != nil {
		return mirror{}, err
	}
	text, err := domain.GetXMLDesc(0)
	if err != nil {
		return mirror{}, err
	}
	found, err := describe(text)
	if err != nil {
		return mirror{}, err
	}
	at := slices.IndexFunc(found.disks, func(disk hypervisor.Disk) bool { return disk.Device == device })
	if at < 0 {
		return mirror{}, fault.Invalid("VM %s has no disk %q", found.name, device).At("device")
	}
	seen := mirror{disk: found.disks[at], active: active}
	var parsed libvirtxml.Domain
	if err := parsed.Unmarshal(text); err != nil {
		return mirror{}, fault.Internal("the definition of VM %s cannot be read", found.name).Because(err)
	}
	for _, disk := range parsed.Devices.Disks {
		if disk.Target != nil && disk.Target.Dev == device && disk.Mirror != nil && disk.Mirror.Source != nil {
			seen.to, _ = locationOf(disk.Mirror.Source)
			seen.ready = disk.Mirror.Ready == "yes"
		}
	}
	return seen, nil
}

// StartDiskCopy begins a block copy onto a volume that exists. libvirt keeps the job over a restart of its daemon.
func (d *Driver) StartDiskCopy(ctx context.Context, request hypervisor.DiskCopy) error {
	return onlyError(call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) {
		return onDomain(connection, request.VM, func(domain *virt.Domain) (struct{}, error) {
			return struct{}{}, startDiskCopy(domain, request)
		})
	}))
}

func startDiskCopy(domain *virt.Domain, request hypervisor.DiskCopy) error {
	seen, err := mirrorOf(domain, request.To.Device)
	switch {
	case err != nil:
		return err
	case !seen.active:
		return fault.Conflict("VM %s is off, so its disk is copied without the hypervisor", request.VM)
	case seen.to == request.To.Path:
		return nil
	case seen.to != "":
		return fault.Conflict("disk %s of VM %s is being copied elsewhere; wait for it", request.To.Device, request.VM)
	}
	job, err := jobOf(domain)
	if err != nil {
		return err
	}
	if job != hypervisor.NoJob {
		return busy(request.VM, job)
	}
	target := libvirtxml.DomainDisk{
		Device: "disk", Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: request.To.Format}, Source: sourceOf(request.To.Path),
	}
	text, err := target.Marshal()
	if err != nil {
		return fault.Internal("the place of the copy cannot be written down").Because(err)
	}
	parameters := &virt.DomainBlockCopyParameters{}
	if request.BandwidthBytes > 0 {
		parameters.BandwidthSet, parameters.Bandwidth = true, uint64(request.BandwidthBytes)
	}
	// Transient, because libvirt copies disks of VMs that it keeps the definition of in no other way: the job ends with the VM.
	return domain.BlockCopy(request.To.Device, text, parameters, virt.DOMAIN_BLOCK_COPY_REUSE_EXT|virt.DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
}

// DiskCopyStatus reads how far it is.
func (d *Driver) DiskCopyStatus(ctx context.Context, machine id.VM, device string) (hypervisor.DiskCopyStatus, error) {
	return call(ctx, d.main, func(connection *virt.Connect) (hypervisor.DiskCopyStatus, error) {
		return onDomain(connection, machine, func(domain *virt.Domain) (hypervisor.DiskCopyStatus, error) {
			seen, err := mirrorOf(domain, device)
			if err != nil || seen.to == "" {
				return hypervisor.DiskCopyStatus{}, err
			}
			info, err := domain.GetBlockJobInfo(device, 0)
			if err != nil {
				return hypervisor.DiskCopyStatus{}, err
			}
			return hypervisor.DiskCopyStatus{Active: true, Ready: seen.ready, DoneBytes: int64(info.Cur), TotalBytes: int64(info.End)}, nil
		})
	})
}

// SwitchDisk pivots to the copy, and notes whose volume the disk is now.
func (d *Driver) SwitchDisk(ctx context.Context, machine id.VM, to hypervisor.Disk) error {
	step := func(act func(*virt.Domain) (bool, error)) (bool, error) {
		return call(ctx, d.main, func(connection *virt.Connect) (bool, error) { return onDomain(connection, machine, act) })
	}
	there, err := step(func(domain *virt.Domain) (bool, error) { return pivot(domain, machine, to) })
	for deadline := time.Now().Add(switchLongest); err == nil && !there; {
		if time.Now().After(deadline) {
			return fault.Unavailable("VM %s does not use the copy of disk %s yet", machine, to.Device)
		}
		time.Sleep(switchPollEvery)
		there, err = step(func(domain *virt.Domain) (bool, error) {
			seen, err := mirrorOf(domain, to.Device)
			return err == nil && seen.disk.Path == to.Path && seen.to == "", err
		})
	}
	if err != nil {
		return err
	}
	_, err = step(func(domain *virt.Domain) (bool, error) { return true, noteDisk(domain, to) })
	return err
}

// pivot reports whether the VM uses the copy already, and tells it to if it does not.
func pivot(domain *virt.Domain, machine id.VM, to hypervisor.Disk) (bool, error) {
	seen, err := mirrorOf(domain, to.Device)
	switch {
	case err != nil:
		return false, err
	case seen.disk.Path == to.Path:
		return seen.to == "", nil
	case seen.to != to.Path || !seen.ready:
		return false, fault.Conflict("the copy of disk %s of VM %s is not ready", to.Device, machine)
	}
	return false, domain.BlockJobAbort(to.Device, virt.DOMAIN_BLOCK_JOB_ABORT_PIVOT|virt.DOMAIN_BLOCK_JOB_ABORT_ASYNC)
}

// noteDisk corrects what the domain's metadata say of a disk.
func noteDisk(domain *virt.Domain, to hypervisor.Disk) error {
	return noteDisks(domain, func(disks []diskNote) []diskNote {
		for i := range disks {
			if disks[i].Device == to.Device {
				disks[i].Volume, disks[i].Shared = string(to.Volume), to.Shared
			}
		}
		return disks
	})
}

// AbortDiskCopy ends a block copy.
func (d *Driver) AbortDiskCopy(ctx context.Context, machine id.VM, device string) error {
	return onlyError(call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) {
		return onDomain(connection, machine, func(domain *virt.Domain) (struct{}, error) {
			seen, err := mirrorOf(domain, device)
			if err != nil || seen.to == "" {
				return struct{}{}, err
			}
			return struct{}{}, domain.BlockJobAbort(device, 0)
		})
	}))
}
