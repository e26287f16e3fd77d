//go:build cgo

package libvirt

import (
	"context"
	"errors"
	"time"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
)

// farewell is how a domain left this host, as libvirt's events told it.
type farewell struct {
	at       time.Time
	migrated bool // it went to another host
	outcome  *precopy.Outcome
}

// farewellsKept is for how long they are remembered: a status is asked for right after.
const farewellsKept = 10 * time.Minute

// listen registers for events on a fresh connection.
// libvirt runs callbacks on its event loop, where no other call may be made.
func (d *Driver) listen(fresh *session) error {
	connection := fresh.connection
	d.tellSecrets(connection)
	return errors.Join(
		fresh.keepCallback(connection.DomainEventLifecycleRegister(nil, func(_ *virt.Connect, domain *virt.Domain, event *virt.DomainEventLifecycle) {
			if vm, ours := eventVM(domain); ours {
				d.lifecycle(vm, event)
			}
		})),
		fresh.keepCallback(connection.DomainEventMigrationIterationRegister(nil, func(_ *virt.Connect, domain *virt.Domain, _ *virt.DomainEventMigrationIteration) {
			if vm, ours := eventVM(domain); ours {
				d.trackerOf(vm).wake()
			}
		})),
		fresh.keepCallback(connection.DomainEventJobCompletedRegister(nil, func(_ *virt.Connect, domain *virt.Domain, event *virt.DomainEventJobCompleted) {
			vm, ours := eventVM(domain)
			if ours && event.Info.Operation == virt.DOMAIN_JOB_OPERATION_MIGRATION_OUT {
				d.noteFarewell(vm, func(f *farewell) { f.outcome = outcomeOf(&event.Info) })
			}
		})),
	)
}

func eventVM(domain *virt.Domain) (id.VM, bool) {
	name, err := domain.GetName()
	if err != nil {
		return "", false
	}
	return vmNamed(name)
}

func (d *Driver) lifecycle(vm id.VM, event *virt.DomainEventLifecycle) {
	switch event.Event {
	case virt.DOMAIN_EVENT_STARTED:
		d.mutex.Lock()
		delete(d.farewells, vm)
		d.mutex.Unlock()
	case virt.DOMAIN_EVENT_STOPPED:
		switch virt.DomainEventStoppedDetailType(event.Detail) {
		case virt.DOMAIN_EVENT_STOPPED_MIGRATED:
			d.noteFarewell(vm, func(f *farewell) { f.migrated = true })
		case virt.DOMAIN_EVENT_STOPPED_SHUTDOWN:
			go d.unwish(vm)
		}
		d.trackerOf(vm).wake()
	case virt.DOMAIN_EVENT_DEFINED, virt.DOMAIN_EVENT_UNDEFINED:
		return
	}
	go d.tell(vm)
}

// unwish remembers that the guest switched itself off, for the time when libvirt has forgotten it.
func (d *Driver) unwish(vm id.VM) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := run(ctx, d.main, func(connection *virt.Connect) error {
		return onlyError(onDomain(connection, vm, func(domain *virt.Domain) (struct{}, error) {
			if active, err := domain.IsActive(); err != nil || active {
				return struct{}{}, err // it has been started again
			}
			return struct{}{}, wish(domain, false)
		}))
	})
	if err != nil {
		d.log.Debug("the end of a VM could not be noted", "vm", vm, "error", err)
	}
}

func (d *Driver) noteFarewell(vm id.VM, change func(*farewell)) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for other, old := range d.farewells {
		if time.Since(old.at) > farewellsKept {
			delete(d.farewells, other)
		}
	}
	noted := d.farewells[vm]
	noted.at = time.Now()
	change(&noted)
	d.farewells[vm] = noted
}

func (d *Driver) farewellOf(vm id.VM) farewell {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.farewells[vm]
}

// forget drops what is known of a VM that has been removed.
func (d *Driver) forget(vm id.VM) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.farewells, vm)
	delete(d.frozen, vm)
	if found := d.migrations[vm]; found != nil && found.over() {
		delete(d.migrations, vm)
	}
}

// Watch calls notify on each change of power, and for every VM of the host when the daemon is back after an absence.
func (d *Driver) Watch(ctx context.Context, notify func(id.VM)) error {
	d.mutex.Lock()
	d.watcherSeq++
	number := d.watcherSeq
	d.watchers[number] = notify
	d.mutex.Unlock()
	<-ctx.Done()
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.watchers, number)
	return ctx.Err()
}

func (d *Driver) tell(vm id.VM) {
	d.mutex.Lock()
	listening := make([]func(id.VM), 0, len(d.watchers))
	for _, notify := range d.watchers {
		listening = append(listening, notify)
	}
	d.mutex.Unlock()
	for _, notify := range listening {
		notify(vm)
	}
}

// tellAll tells the watchers of every VM, since anything may have changed while the connection was away.
func (d *Driver) tellAll() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	machines, err := d.List(ctx)
	if err != nil {
		d.log.Debug("the VMs could not be listed after the connection came back", "error", err)
		return
	}
	for _, machine := range machines {
		if machine.VM != "" {
			d.tell(machine.VM)
		}
	}
}
