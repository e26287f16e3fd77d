package fake

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Fault is a failure to inject into a method.
type Fault struct {
	Nth       int           // fail only the nth call from now, counted from 1; 0 means every call
	Delay     time.Duration // wait this long first
	HalfWay   bool          // the effect happens, and the error is returned all the same
	Error     error         // nil with a Delay means only the delay
	remaining int
}

// faults are the failures that wait to happen, by method.
type faults struct {
	waiting map[string]*Fault
	calls   map[string]int
}

// Inject makes a method of the port, such as "StartMigration", fail. It replaces the method's earlier fault.
func (h *Host) Inject(method string, injected Fault) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	if h.node.faults.waiting == nil {
		h.node.faults.waiting = map[string]*Fault{}
	}
	injected.remaining = injected.Nth
	h.node.faults.waiting[method] = &injected
}

// Heal removes a method's fault; without methods, every fault.
func (h *Host) Heal(methods ...string) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	if len(methods) == 0 {
		h.node.faults.waiting = nil
	}
	for _, method := range methods {
		delete(h.node.faults.waiting, method)
	}
}

// Calls says how often a method was called on this host, by any driver.
func (h *Host) Calls(method string) int {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	return h.node.faults.calls[method]
}

// next counts a call and returns the fault that hits it.
func (f *faults) next(method string) (Fault, bool) {
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[method]++
	found, waits := f.waiting[method]
	if !waits {
		return Fault{}, false
	}
	if found.Nth == 0 {
		return *found, true
	}
	found.remaining--
	if found.remaining > 0 {
		return Fault{}, false
	}
	delete(f.waiting, method)
	return *found, true
}

// do runs a method's effect under the cluster's lock, with the faults that were injected into it.
func (h *Host) do(ctx context.Context, method string, effect func() error) error {
	h.cluster.mutex.Lock()
	hit, strikes := h.node.faults.next(method)
	h.cluster.mutex.Unlock()
	if strikes && hit.Delay > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(hit.Delay):
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if strikes && hit.Error != nil && !hit.HalfWay {
		return hit.Error
	}
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	if h.node.cut || h.node.away || h.closed {
		return fault.Unavailable("the hypervisor on %s does not answer; try again when it is back", h.node.name)
	}
	if err := effect(); err != nil {
		return err
	}
	return hit.Error
}
