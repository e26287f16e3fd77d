package fake

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/id"
)

// Fault is a failure to inject into a method.
type Fault struct {
	Nth     int   // fail only the nth call from now, counted from 1; 0 means every call
	HalfWay bool  // the effect happens, and the error is returned all the same
	Error   error // what the method returns
}

type place struct {
	machine id.VM
	network id.Network
}

// Fabric is the networks of one host. It is safe for concurrent use.
type Fabric struct {
	mutex    sync.Mutex
	networks map[id.Network]fabric.Network
	ports    map[place]fabric.Port
	faults   map[string]*Fault
	calls    map[string]int
}

var _ fabric.Fabric = (*Fabric)(nil)

// New makes a host without networks.
func New() *Fabric {
	return &Fabric{
		networks: map[id.Network]fabric.Network{},
		ports:    map[place]fabric.Port{},
		faults:   map[string]*Fault{},
		calls:    map[string]int{},
	}
}

// Inject makes a method of the port, such as "EnsurePort", fail. It replaces the method's earlier fault.
func (f *Fabric) Inject(method string, injected Fault) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.faults[method] = &injected
}

// Heal removes every fault.
func (f *Fabric) Heal() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	clear(f.faults)
}

// Calls says how often a method was called.
func (f *Fabric) Calls(method string) int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.calls[method]
}

// Networks lists the networks that exist, by ID.
func (f *Fabric) Networks() []fabric.Network {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.SortedFunc(maps.Values(f.networks), func(a, b fabric.Network) int { return cmp.Compare(a.Network, b.Network) })
}

// do runs a method's effect with the fault that was injected into it.
func (f *Fabric) do(ctx context.Context, method string, effect func() error) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.calls[method]++
	if err := ctx.Err(); err != nil {
		return err
	}
	injected := f.faults[method]
	if injected != nil && injected.Nth > 1 {
		injected.Nth--
		injected = nil
	} else if injected != nil && injected.Nth == 1 {
		delete(f.faults, method)
	}
	if injected != nil && !injected.HalfWay {
		return injected.Error
	}
	if err := effect(); err != nil {
		return err
	}
	if injected != nil {
		return injected.Error
	}
	return nil
}

// EnsureNetwork implements fabric.Fabric.
func (f *Fabric) EnsureNetwork(ctx context.Context, network fabric.Network) error {
	return f.do(ctx, "EnsureNetwork", func() error {
		if err := network.Check(); err != nil {
			return err
		}
		before, exists := f.networks[network.Network]
		if exists && (before.VNI != network.VNI || before.Range != network.Range) {
			return fabric.Moved(before, network)
		}
		for _, other := range f.networks {
			if other.VNI == network.VNI && other.Network != network.Network {
				return fabric.Taken(other, network)
			}
		}
		network.Peers = slices.Clone(network.Peers)
		f.networks[network.Network] = network
		return nil
	})
}

// RemoveNetwork implements fabric.Fabric.
func (f *Fabric) RemoveNetwork(ctx context.Context, network id.Network) error {
	return f.do(ctx, "RemoveNetwork", func() error {
		if ports := len(f.in(network)); ports > 0 {
			return fabric.InUse(f.networks[network], ports)
		}
		delete(f.networks, network)
		return nil
	})
}

// EnsurePort implements fabric.Fabric.
func (f *Fabric) EnsurePort(ctx context.Context, port fabric.Port) (fabric.Attachment, error) {
	var attachment fabric.Attachment
	err := f.do(ctx, "EnsurePort", func() error {
		network, exists := f.networks[port.Network]
		if !exists {
			return fabric.UnknownNetwork(port)
		}
		if err := port.Check(network); err != nil {
			return err
		}
		if err := port.Clash(f.in(port.Network)); err != nil {
			return err
		}
		f.ports[place{port.VM, port.Network}] = port
		attachment = fabric.Attachment{Bridge: "fake" + strconv.Itoa(network.VNI), MTU: network.MTU}
		return nil
	})
	return attachment, err
}

// RemovePort implements fabric.Fabric.
func (f *Fabric) RemovePort(ctx context.Context, machine id.VM, network id.Network) error {
	return f.do(ctx, "RemovePort", func() error {
		delete(f.ports, place{machine, network})
		return nil
	})
}

// Ports implements fabric.Fabric.
func (f *Fabric) Ports(ctx context.Context) ([]fabric.Port, error) {
	var ports []fabric.Port
	err := f.do(ctx, "Ports", func() error {
		ports = slices.SortedFunc(maps.Values(f.ports), func(a, b fabric.Port) int {
			return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.VM, b.VM))
		})
		return nil
	})
	return ports, err
}

func (f *Fabric) in(network id.Network) []fabric.Port {
	var found []fabric.Port
	for where, port := range f.ports {
		if where.network == network {
			found = append(found, port)
		}
	}
	return found
}
