package fake

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
)

// Host is a driver for one fake host. It implements every interface of the port.
type Host struct {
	cluster *Cluster
	node    *node
	closed  bool
	rounds  map[id.VM][]precopy.Round            // seen by this driver
	endings map[id.VM]hypervisor.MigrationStatus // witnessed by this driver
}

var _ interface {
	hypervisor.Host
	hypervisor.Guest
	hypervisor.Migrator
	hypervisor.Snapshotter
	hypervisor.Screen
	hypervisor.Watcher
} = (*Host)(nil)

func newHost(c *Cluster, n *node) *Host {
	h := &Host{cluster: c, node: n, rounds: map[id.VM][]precopy.Round{}, endings: map[id.VM]hypervisor.MigrationStatus{}}
	n.drivers = append(n.drivers, h)
	return h
}

// Name is the host's name in its cluster.
func (h *Host) Name() string { return h.node.name }

// Address is the host's migration address.
func (h *Host) Address() string { return h.node.address }

// Facts describes a host of 8 CPUs and 16 GiB.
func (h *Host) Facts(ctx context.Context) (host.Facts, error) {
	err := h.do(ctx, "Facts", func() error { return nil })
	if err != nil {
		return host.Facts{}, err
	}
	return host.Facts{
		CPUs: 8, MemoryBytes: 16 << 30, Architecture: "x86_64", CPUModel: "fake", LibvirtVersion: "0.0.0",
		HypervisorVersion: "0.0.0", MigrationAddress: h.node.address, Acceleration: "tcg",
	}, nil
}

// List returns the host's machines, ordered by VM, foreign ones last.
func (h *Host) List(ctx context.Context) ([]hypervisor.Machine, error) {
	var machines []hypervisor.Machine
	err := h.do(ctx, "List", func() error {
		for _, vm := range slices.Sorted(maps.Keys(h.node.machines)) {
			machines = append(machines, h.node.machines[vm].view(vm))
		}
		machines = append(machines, h.node.foreign...)
		return nil
	})
	return machines, err
}

// Inspect returns one machine.
func (h *Host) Inspect(ctx context.Context, vm id.VM) (hypervisor.Machine, error) {
	var seen hypervisor.Machine
	err := h.do(ctx, "Inspect", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		seen = m.view(vm)
		return nil
	})
	return seen, err
}

// Define records the VM.
func (h *Host) Define(ctx context.Context, definition hypervisor.Definition) error {
	return h.do(ctx, "Define", func() error {
		if err := hypervisor.CheckDefinition(definition); err != nil {
			return err
		}
		definition.Disks = slices.Clone(definition.Disks)
		definition.Interfaces = slices.Clone(definition.Interfaces)
		definition.Labels = maps.Clone(definition.Labels)
		m, known := h.node.machines[definition.VM]
		switch {
		case !known:
			h.node.machines[definition.VM] = &machine{definition: definition, power: hypervisor.Off}
		case reflect.DeepEqual(m.definition, definition):
		case m.power != hypervisor.Off:
			return fault.Conflict("VM %s is on, so its hardware cannot be changed; stop it first", definition.Name)
		default:
			m.definition = definition
		}
		return nil
	})
}

// Undefine forgets a VM that is off.
func (h *Host) Undefine(ctx context.Context, vm id.VM) error {
	return h.do(ctx, "Undefine", func() error {
		m, known := h.node.machines[vm]
		if !known {
			return nil
		}
		if m.power != hypervisor.Off {
			return fault.Conflict("VM %s is on, so it cannot be removed; stop it first", m.definition.Name)
		}
		delete(h.node.machines, vm)
		return nil
	})
}

// KeepSecret implements hypervisor.SecretKeeper.
func (h *Host) KeepSecret(ctx context.Context, secret hypervisor.Secret) error {
	return h.do(ctx, "KeepSecret", func() error {
		if err := secret.Check(); err != nil {
			return err
		}
		h.node.secrets[secret.UUID] = secret
		return nil
	})
}

// canOpen says whether a VM that starts gets its disks.
func (h *Host) canOpen(m *machine) error {
	if m.running() {
		return nil
	}
	if h.cluster.lockedElsewhere(h.node, m.definition.Disks) {
		return fault.Conflict("VM %s cannot start: another host has its disk open", m.definition.Name)
	}
	return h.node.opens(m.definition.Disks)
}

// SetPower brings the VM to a power at once.
func (h *Host) SetPower(ctx context.Context, vm id.VM, power hypervisor.Power) error {
	return h.do(ctx, "SetPower", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		if m.power == hypervisor.Receiving {
			return fault.Conflict("VM %s is arriving by a migration; wait until it is here", m.definition.Name)
		}
		switch power {
		case hypervisor.Off:
			m.crashed = false
			h.cluster.stop(h.node, vm, m, false)
		case hypervisor.On:
			if err := h.canOpen(m); err != nil {
				return err
			}
			m.crashed = false
			h.node.setPower(vm, m, hypervisor.On)
		case hypervisor.Suspended:
			if m.power == hypervisor.Off {
				return fault.Conflict("VM %s is off, so it cannot be paused; start it first", m.definition.Name)
			}
			h.node.setPower(vm, m, hypervisor.Suspended)
		default:
			return fault.Invalid("a VM cannot be brought to the power %q", power)
		}
		return nil
	})
}

// Sample makes counters that grow with each reading.
func (h *Host) Sample(ctx context.Context) ([]hypervisor.Sample, error) {
	var samples []hypervisor.Sample
	err := h.do(ctx, "Sample", func() error {
		for _, vm := range slices.Sorted(maps.Keys(h.node.machines)) {
			m := h.node.machines[vm]
			if !m.running() {
				continue
			}
			m.samples++
			samples = append(samples, hypervisor.Sample{
				VM: vm, At: time.Now().UTC(), CPUNanoseconds: m.samples * int64(time.Second), CPUs: m.definition.Spec.CPUs,
				MemoryBytes: m.definition.Spec.MemoryBytes, MemoryUsedBytes: m.definition.Spec.MemoryBytes / 2,
				DiskReadBytes: m.samples << 20, DiskWriteBytes: m.samples << 19, DiskReads: m.samples * 16, DiskWrites: m.samples * 8,
				NetReceiveBytes: m.samples << 10, NetSendBytes: m.samples << 11, DiskUsedBytes: h.allocated(m),
			})
		}
		return nil
	})
	return samples, err
}

// VNCSocket returns a path at which nobody listens.
func (h *Host) VNCSocket(ctx context.Context, vm id.VM) (string, error) {
	var path string
	err := h.do(ctx, "VNCSocket", func() error {
		m, err := h.findRunning(vm)
		if err != nil {
			return err
		}
		path = "/run/novacron/" + h.node.name + "/" + strings.ToLower(string(vm)) + ".vnc"
		m.guest.consoles++
		return nil
	})
	return path, err
}

// Watch calls notify for each change of power.
func (h *Host) Watch(ctx context.Context, notify func(id.VM)) error {
	changes := make(chan id.VM, 64)
	var number int
	err := h.do(ctx, "Watch", func() error {
		h.node.nextWatcher++
		number = h.node.nextWatcher
		h.node.watchers[number] = changes
		return nil
	})
	if err != nil {
		return err
	}
	defer func() {
		h.cluster.mutex.Lock()
		defer h.cluster.mutex.Unlock()
		delete(h.node.watchers, number)
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case vm := <-changes:
			notify(vm)
		}
	}
}

// Close makes this driver's later calls Unavailable.
func (h *Host) Close() error {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	h.closed = true
	h.node.drivers = slices.DeleteFunc(h.node.drivers, func(other *Host) bool { return other == h })
	return nil
}

func (h *Host) find(vm id.VM) (*machine, error) {
	m, found := h.node.machines[vm]
	if !found {
		return nil, fault.NotFound("VM %s is not defined on %s", vm, h.node.name)
	}
	return m, nil
}

func (h *Host) findRunning(vm id.VM) (*machine, error) {
	m, err := h.find(vm)
	if err != nil {
		return nil, err
	}
	if !m.running() {
		return nil, fault.Conflict("VM %s is off; start it first", m.definition.Name)
	}
	return m, nil
}

func (h *Host) allocated(m *machine) int64 {
	var total int64
	for _, place := range m.definition.Disks {
		total += h.cluster.diskAt(h.node, place).allocated()
	}
	return total
}
