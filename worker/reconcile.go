package worker

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// reconcile reports every VM that the hypervisor has. The control plane compares; nothing is changed here.
func (h *Host) reconcile(ctx context.Context, plane *Plane) error {
	machines, err := h.Driver.List(ctx)
	if err != nil {
		return err
	}
	seen := Observations{Machines: make([]ObservedMachine, 0, len(machines))}
	for _, each := range machines {
		if each.Power == hypervisor.Receiving {
			continue // a migration's target says nothing until it runs
		}
		seen.Machines = append(seen.Machines, ObservedMachine{VM: each.VM, Name: each.Name, State: each.State()})
	}
	return plane.Observe(ctx, seen)
}

// settle is how long power changes are gathered before they are reported.
const settle = 500 * time.Millisecond

// watch reconciles soon after the hypervisor says that a VM's power changed.
func (h *Host) watch(ctx context.Context, plane *Plane) {
	watcher, able := h.Driver.(hypervisor.Watcher)
	if !able {
		return
	}
	changed := make(chan struct{}, 1)
	go every(ctx, h.Log, "watching the hypervisor", retryEvery, func(ctx context.Context) error {
		return watcher.Watch(ctx, func(id.VM) {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	})
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		time.Sleep(settle)
		if err := h.reconcile(ctx, plane); err != nil && ctx.Err() == nil {
			h.Log.Warn("a change of power could not be reported; the next comparison will", "error", err)
		}
	}
}
