//go:build cgo

package libvirt

import (
	"context"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// inspect reads one domain: its XML, its state, and its job if it may have one.
func inspect(domain *virt.Domain) (hypervisor.Machine, error) {
	text, err := domain.GetXMLDesc(0)
	if err != nil {
		return hypervisor.Machine{}, err
	}
	found, err := describe(text)
	if err != nil {
		return hypervisor.Machine{}, err
	}
	machine := hypervisor.Machine{Name: found.title, Disks: found.disks}
	if vm, ours := vmNamed(found.name); ours {
		machine.VM = vm
	} else if machine.Name == "" {
		machine.Name = found.name
	}
	state, reason, err := domain.GetState()
	if err != nil {
		return hypervisor.Machine{}, err
	}
	machine.Job = hypervisor.NoJob
	if state != virt.DOMAIN_SHUTOFF && state != virt.DOMAIN_CRASHED {
		if machine.Job, err = jobOf(domain); err != nil {
			return hypervisor.Machine{}, err
		}
	}
	machine.Power = powerOf(state, reason, machine.Job)
	machine.Crashed = machine.Power == hypervisor.Off && crashed(state, reason, found.wish)
	if machine.Power == hypervisor.Suspended && virt.DomainPausedReason(reason) == virt.DOMAIN_PAUSED_IOERROR {
		machine.Halted, err = haltOf(domain)
	}
	return machine, err
}

// haltOf tells a full disk from a broken one.
func haltOf(domain *virt.Domain) (vm.Halt, error) {
	failed, err := domain.GetDiskErrors(0)
	if err != nil {
		return vm.NotHalted, err
	}
	halt := vm.DiskError
	for _, each := range failed {
		switch each.Error {
		case virt.DOMAIN_DISK_ERROR_NONE: // what the binding fills the list up with, one for each disk that is well
		case virt.DOMAIN_DISK_ERROR_NO_SPACE:
			halt = vm.NoSpace
		default:
			return vm.DiskError, nil
		}
	}
	return halt, nil
}

func jobOf(domain *virt.Domain) (hypervisor.Job, error) {
	job, err := domain.GetJobStats(0)
	switch codeOf(err) {
	case virt.ERR_OPERATION_INVALID, virt.ERR_NO_SUPPORT:
		return hypervisor.NoJob, nil // it went off since, or it is a machine of a kind that has no jobs
	case virt.ERR_OPERATION_UNSUPPORTED: // QEMU's driver refuses statistics on a target, and in no other case
		return hypervisor.MigrationIn, nil
	}
	if isJobLost(err) {
		return hypervisor.LostJob, nil
	}
	if err != nil {
		return hypervisor.NoJob, err
	}
	if job.Type != virt.DOMAIN_JOB_BOUNDED && job.Type != virt.DOMAIN_JOB_UNBOUNDED {
		return hypervisor.NoJob, nil
	}
	switch job.Operation {
	case virt.DOMAIN_JOB_OPERATION_MIGRATION_OUT:
		return hypervisor.MigrationOut, nil
	case virt.DOMAIN_JOB_OPERATION_MIGRATION_IN:
		return hypervisor.MigrationIn, nil
	case virt.DOMAIN_JOB_OPERATION_BACKUP:
		return hypervisor.BackupJob, nil
	default:
		return hypervisor.OtherJob, nil
	}
}

// powerOf translates a domain's state. The source of a migration that is switching over counts as on, since whoever asks
// then must not take it for paused by a person; after the switch to post-copy it stands still for good.
func powerOf(state virt.DomainState, reason int, job hypervisor.Job) hypervisor.Power {
	switch state {
	case virt.DOMAIN_SHUTOFF, virt.DOMAIN_CRASHED:
		return hypervisor.Off
	case virt.DOMAIN_PAUSED:
		switch {
		case job == hypervisor.MigrationIn:
			return hypervisor.Receiving
		case virt.DomainPausedReason(reason) == virt.DOMAIN_PAUSED_STARTING_UP:
			return hypervisor.Off
		case job == hypervisor.MigrationOut && virt.DomainPausedReason(reason) == virt.DOMAIN_PAUSED_MIGRATION:
			return hypervisor.On
		default:
			return hypervisor.Suspended
		}
	default:
		return hypervisor.On
	}
}

// crashed reports whether a domain that is off should not be.
func crashed(state virt.DomainState, reason int, wished bool) bool {
	if state != virt.DOMAIN_SHUTOFF {
		return state == virt.DOMAIN_CRASHED
	}
	switch virt.DomainShutoffReason(reason) {
	case virt.DOMAIN_SHUTOFF_CRASHED, virt.DOMAIN_SHUTOFF_FAILED:
		return true
	case virt.DOMAIN_SHUTOFF_SHUTDOWN, virt.DOMAIN_SHUTOFF_MIGRATED, virt.DOMAIN_SHUTOFF_SAVED:
		return false
	default:
		return wished
	}
}

// SetPower brings the domain to a power at once.
func (d *Driver) SetPower(ctx context.Context, vm id.VM, power hypervisor.Power) error {
	if power != hypervisor.On && power != hypervisor.Off && power != hypervisor.Suspended {
		return fault.Invalid("a VM cannot be brought to the power %q", power)
	}
	return run(ctx, d.main, func(connection *virt.Connect) error {
		return onlyError(onDomain(connection, vm, func(domain *virt.Domain) (struct{}, error) {
			return struct{}{}, setPower(domain, vm, power)
		}))
	})
}

func setPower(domain *virt.Domain, vm id.VM, power hypervisor.Power) error {
	state, reason, err := domain.GetState()
	if err != nil {
		return err
	}
	job := hypervisor.NoJob
	if state == virt.DOMAIN_PAUSED {
		if job, err = jobOf(domain); err != nil {
			return err
		}
	}
	now := powerOf(state, reason, job)
	if now == hypervisor.Receiving {
		return fault.Conflict("VM %s is arriving by a migration; wait until it is here", vm)
	}
	switch power {
	case hypervisor.On:
		return switchOn(domain, vm, now)
	case hypervisor.Off:
		return switchOff(domain, now)
	default:
		if now == hypervisor.Off {
			return fault.Conflict("VM %s is off, so it cannot be paused; start it first", vm)
		}
		if now == hypervisor.Suspended {
			return nil
		}
		return domain.Suspend()
	}
}

func switchOn(domain *virt.Domain, vm id.VM, now hypervisor.Power) error {
	switch now {
	case hypervisor.On:
		return nil
	case hypervisor.Suspended:
		return resume(domain, vm)
	}
	if err := wish(domain, true); err != nil {
		return err
	}
	err := domain.Create()
	if active, asked := domain.IsActive(); err != nil && asked == nil && active {
		return nil // somebody else was quicker
	}
	if err != nil {
		_ = wish(domain, false) // it never ran, so it did not crash
		return cannotStart(vm, err)
	}
	return nil
}

// resume refuses where going on would run the VM twice: its memory has gone to another host.
func resume(domain *virt.Domain, vm id.VM) error {
	state, reason, err := domain.GetState()
	if err != nil {
		return err
	}
	paused := virt.DomainPausedReason(reason)
	if state == virt.DOMAIN_PAUSED && (paused == virt.DOMAIN_PAUSED_POSTCOPY || paused == virt.DOMAIN_PAUSED_POSTCOPY_FAILED) {
		return fault.Conflict("VM %s has gone over to another host in post-copy, so it must not go on here", vm)
	}
	return domain.Resume()
}

// switchOff destroys the domain. The wish goes first, so that nobody takes the end for a crash, unless a job holds the
// domain: libvirt lets only the destruction pass then.
func switchOff(domain *virt.Domain, now hypervisor.Power) error {
	if now == hypervisor.Off {
		return wish(domain, false)
	}
	job, err := jobOf(domain)
	if err != nil {
		return err
	}
	if job == hypervisor.NoJob || job == hypervisor.BackupJob || job == hypervisor.LostJob {
		if err := wish(domain, false); err != nil {
			return err
		}
	}
	if err := domain.DestroyFlags(virt.DOMAIN_DESTROY_DEFAULT); err != nil && codeOf(err) != virt.ERR_OPERATION_INVALID {
		return err // other than that it went off by itself
	}
	err = wish(domain, false)
	if codeOf(err) == virt.ERR_NO_DOMAIN {
		return nil // it was here only to arrive
	}
	return err
}
