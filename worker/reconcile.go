package worker

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// reconcile reports every VM that the hypervisor has, and every seed. The control plane compares; nothing is changed here. It returns the
// VMs whose comparison waits for an operation.
func (h *Host) reconcile(ctx context.Context, plane *Plane) (deferred []id.VM, err error) {
	machines, err := h.Driver.List(ctx)
	if err != nil {
		return nil, err
	}
	seeds, err := h.seeds(plane).List()
	if err != nil {
		return nil, err
	}
	seen := Observations{Machines: make([]ObservedMachine, 0, len(machines)), Seeds: seeds}
	for _, each := range machines {
		if each.Power == hypervisor.Receiving {
			continue // a migration's target says nothing until it runs
		}
		seen.Machines = append(seen.Machines, ObservedMachine{VM: each.VM, Name: each.Name, State: each.State(), Halted: each.Halted})
	}
	return plane.Observe(ctx, seen)
}

const (
	reconcileEvery = time.Minute
	deferredEvery  = 3 * time.Second        // while an operation is at work on a VM that differs
	settle         = 500 * time.Millisecond // gathers changes of power before they are reported
)

// compare reconciles every so often, and soon after a change of power.
func (h *Host) compare(ctx context.Context, plane *Plane, changed <-chan struct{}) {
	for {
		pause := reconcileEvery
		deferred, err := h.reconcile(ctx, plane)
		switch {
		case err != nil && ctx.Err() == nil:
			h.Log.Warn("the hypervisor could not be compared with the inventory; it is tried again", "error", err)
			pause = failedPause
		case len(deferred) > 0:
			pause = deferredEvery
		}
		select {
		case <-changed:
			time.Sleep(settle)
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// watch tells when the hypervisor says that a VM's power changed. One that cannot say it is compared every so often.
func (h *Host) watch(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	if watcher, able := h.Driver.(hypervisor.Watcher); able {
		go every(ctx, h.Log, "watching the hypervisor", retryEvery, func(ctx context.Context) error {
			return watcher.Watch(ctx, func(id.VM) {
				select {
				case changed <- struct{}{}:
				default:
				}
			})
		})
	}
	return changed
}
