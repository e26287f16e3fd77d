//go:build cgo

package libvirt

import (
	"context"
	"net"
	"slices"
	"time"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// libvirt counts bandwidth in MiB a second.
const mebibyte = 1 << 20

// migrationFlags are those of every migration. The daemons speak to each other (peer to peer), so that the migration
// outlives this process. Unsafe, because libvirt tells shared storage by its file system's kind, while the inventory knows.
const migrationFlags = virt.MIGRATE_LIVE | virt.MIGRATE_PEER2PEER | virt.MIGRATE_PERSIST_DEST | virt.MIGRATE_UNDEFINE_SOURCE |
	virt.MIGRATE_UNSAFE | virt.MIGRATE_ABORT_ON_ERROR

// StartMigration begins to send the VM, or finds that it is being sent.
func (d *Driver) StartMigration(ctx context.Context, request hypervisor.Migration) error {
	if net.ParseIP(request.TargetAddress) == nil {
		return fault.Invalid("%q is not the address of a host", request.TargetAddress).At("target_address")
	}
	job, err := d.departure(ctx, request)
	if err != nil {
		return err
	}
	switch job {
	case hypervisor.NoJob:
	case hypervisor.MigrationOut:
		d.attach(request.VM, false)
		return nil
	default:
		return busy(request.VM, job)
	}
	own, err := openWithin(ctx, d.options.URI)
	if err != nil {
		return away(err)
	}
	started := d.track(request.VM)
	if started == nil { // another call was quicker
		go own.end()
		return nil
	}
	started.throttles = request.AllowThrottle
	go d.send(own, started, request)
	select {
	case <-started.begun:
		return nil
	case <-started.ended:
		return started.refusal()
	case <-ctx.Done():
		return fault.Unavailable("the migration of VM %s has not begun in time", request.VM).Because(ctx.Err())
	}
}

// departure finds the VM ready to leave, or the job that holds it.
func (d *Driver) departure(ctx context.Context, request hypervisor.Migration) (hypervisor.Job, error) {
	machine, err := d.Inspect(ctx, request.VM)
	if err != nil {
		return hypervisor.NoJob, err
	}
	if machine.Power == hypervisor.Off {
		return hypervisor.NoJob, fault.Conflict("VM %s is off, so it cannot be migrated live; move it cold", request.VM)
	}
	for _, device := range request.CopyDisks {
		if !slices.ContainsFunc(machine.Disks, func(disk hypervisor.Disk) bool { return disk.Device == device }) {
			return hypervisor.NoJob, fault.Invalid("VM %s has no disk %q to copy", request.VM, device).At("copy_disks")
		}
	}
	return machine.Job, nil
}

// send runs the migration's one long call on a connection of its own: libvirt serves only a few calls of a connection at
// a time, and this one takes as long as the migration.
func (d *Driver) send(own *session, t *tracker, request hypervisor.Migration) {
	own.calls.Add(1)
	returned := make(chan error, 1)
	go func() {
		returned <- onlyError(onDomain(own.connection, request.VM, func(domain *virt.Domain) (struct{}, error) {
			if request.DowntimeMS > 0 {
				if err := domain.MigrateSetMaxDowntime(uint64(request.DowntimeMS), 0); err != nil {
					return struct{}{}, err
				}
			}
			parameters, flags := migrationParameters(request, d.options.MigrationScheme)
			return struct{}{}, domain.MigrateToURI3(d.options.MigrationScheme+"://"+uriHost(request.TargetAddress)+"/system", parameters, flags)
		}))
	}()
	err := d.follow(t, returned)
	own.calls.Done()
	go own.end()
	d.conclude(t, err)
}

// uriHost writes an address as URIs have it.
func uriHost(address string) string {
	if ip := net.ParseIP(address); ip != nil && ip.To4() == nil {
		return "[" + address + "]"
	}
	return address
}

func migrationParameters(request hypervisor.Migration, scheme string) (*virt.DomainMigrateParameters, virt.DomainMigrateFlags) {
	parameters := &virt.DomainMigrateParameters{
		URISet: true, URI: "tcp://" + uriHost(request.TargetAddress),
		ListenAddressSet: true, ListenAddress: request.TargetAddress,
	}
	flags := migrationFlags
	if scheme == SecureScheme { // what the daemons say is secret, so what QEMU sends must be
		flags |= virt.MIGRATE_TLS
	}
	if len(request.CopyDisks) > 0 {
		// The target's files exist, with their base images: only what lies above those is copied.
		flags |= virt.MIGRATE_NON_SHARED_INC
		parameters.MigrateDisksSet, parameters.MigrateDisks = true, request.CopyDisks
	}
	if request.BandwidthBytes > 0 {
		parameters.BandwidthSet, parameters.Bandwidth = true, mebibytes(request.BandwidthBytes)
	}
	if request.AllowPostCopy {
		flags |= virt.MIGRATE_POSTCOPY
	}
	if request.AllowThrottle {
		flags |= virt.MIGRATE_AUTO_CONVERGE
	}
	return parameters, flags
}

func mebibytes(bytes int64) uint64 { return uint64(max(1, (bytes+mebibyte/2)/mebibyte)) }

// conclude records how the call ended. Its error is the truth as long as the VM rests here: a call may also fail because a
// daemon died, and in post-copy the hypervisors then bring the migration to its end without anyone's call.
func (d *Driver) conclude(t *tracker, err error) {
	if err == nil {
		t.end(hypervisor.MigrationDone, d.awaitOutcome(t.vm), nil)
		return
	}
	if found, asked := d.readOnce(t); asked == nil && found == resting {
		t.end(hypervisor.MigrationFailed, nil, err)
		return
	}
	d.log.Warn("the call of a migration failed, but it may go on without it", "vm", t.vm, "error", err)
	t.doubt(err)
	d.watch(t)
}

// TuneMigration changes the running job. libvirt cannot switch auto-converge on late; it steps by itself once it is on.
func (d *Driver) TuneMigration(ctx context.Context, vm id.VM, tuning hypervisor.Tuning) error {
	if found := d.trackerOf(vm); tuning.Throttle && found != nil && found.own() && !found.throttles {
		return fault.Conflict("the migration of VM %s was started without throttling, which cannot be switched on later", vm)
	}
	err := run(ctx, d.main, func(connection *virt.Connect) error {
		return onlyError(onDomain(connection, vm, func(domain *virt.Domain) (struct{}, error) {
			job, err := jobOf(domain)
			if err != nil {
				return struct{}{}, err
			}
			if job != hypervisor.MigrationOut {
				return struct{}{}, fault.NotFound("VM %s is not being migrated", vm)
			}
			return struct{}{}, tune(domain, tuning)
		}))
	})
	if err == nil && tuning.PostCopy {
		d.trackerOf(vm).wake()
	}
	return err
}

func tune(domain *virt.Domain, tuning hypervisor.Tuning) error {
	if tuning.BandwidthBytes > 0 {
		if err := domain.MigrateSetMaxSpeed(mebibytes(tuning.BandwidthBytes), 0); err != nil {
			return err
		}
	}
	if tuning.DowntimeMS > 0 {
		if err := domain.MigrateSetMaxDowntime(uint64(tuning.DowntimeMS), 0); err != nil {
			return err
		}
	}
	if tuning.PostCopy {
		if state, reason, err := domain.GetState(); err == nil && inPostCopy(state, reason) {
			return nil
		}
		return domain.MigrateStartPostCopy(0)
	}
	return nil
}

func inPostCopy(state virt.DomainState, reason int) bool {
	paused := virt.DomainPausedReason(reason)
	return state == virt.DOMAIN_PAUSED && (paused == virt.DOMAIN_PAUSED_POSTCOPY || paused == virt.DOMAIN_PAUSED_POSTCOPY_FAILED)
}

// AbortMigration ends the job and waits for its end.
func (d *Driver) AbortMigration(ctx context.Context, vm id.VM) error {
	err := run(ctx, d.main, func(connection *virt.Connect) error {
		return onlyError(onDomain(connection, vm, func(domain *virt.Domain) (struct{}, error) {
			state, reason, err := domain.GetState()
			if err != nil {
				return struct{}{}, err
			}
			if inPostCopy(state, reason) {
				return struct{}{}, fault.Conflict("VM %s runs on the target already, so its migration cannot be aborted", vm)
			}
			job, err := jobOf(domain)
			if err != nil || job != hypervisor.MigrationOut {
				return struct{}{}, err
			}
			return struct{}{}, domain.AbortJob()
		}))
	})
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	return d.awaitEnd(ctx, vm)
}

const abortPollEvery = 50 * time.Millisecond

// awaitEnd returns once no migration of the VM runs and whoever watched one has concluded.
func (d *Driver) awaitEnd(ctx context.Context, vm id.VM) error {
	if found := d.trackerOf(vm); found != nil {
		select {
		case <-found.ended:
		case <-ctx.Done():
			return fault.Unavailable("the migration of VM %s has not ended in time", vm).Because(ctx.Err())
		}
	}
	for {
		machine, err := d.Inspect(ctx, vm)
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err != nil || machine.Job != hypervisor.MigrationOut {
			return err
		}
		select {
		case <-time.After(abortPollEvery):
		case <-ctx.Done():
			return fault.Unavailable("the migration of VM %s has not ended in time", vm).Because(ctx.Err())
		}
	}
}

// PrepareIncoming removes a domain that is off, with the metadata of its checkpoints; its disks stay.
func (d *Driver) PrepareIncoming(ctx context.Context, vm id.VM) error {
	machine, err := d.Inspect(ctx, vm)
	switch {
	case fault.Is(err, fault.KindNotFound):
		return nil
	case err != nil:
		return err
	case machine.Power == hypervisor.Receiving:
		return fault.Unavailable("VM %s is arriving here this moment; try again when that has ended", vm)
	case machine.Power != hypervisor.Off:
		return fault.Conflict("VM %s is on here, so it cannot arrive here", vm)
	}
	return d.Undefine(ctx, vm)
}
