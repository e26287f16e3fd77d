package fake

import (
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// node is what a host is whether or not a driver looks at it.
type node struct {
	name, address string
	away          bool // its hypervisor does not answer, though its VMs run
	cut           bool // it has no power
	machines      map[id.VM]*machine
	disks         map[string]*disk // those that are not shared, by path
	secrets       map[string]hypervisor.Secret
	faults        faults
	watchers      map[int]chan id.VM
	nextWatcher   int
	foreign       []hypervisor.Machine
	drivers       []*Host // that witness what happens
}

func newNode(name, address string) *node {
	return &node{
		name: name, address: address,
		machines: map[id.VM]*machine{}, disks: map[string]*disk{}, watchers: map[int]chan id.VM{},
		secrets: map[string]hypervisor.Secret{},
	}
}

// opens says whether the node knows the secrets of disks.
func (n *node) opens(disks []hypervisor.Disk) error {
	for _, disk := range disks {
		location, err := volume.ParseRBD(disk.Path)
		if _, known := n.secrets[location.Secret]; err == nil && location.Secret != "" && !known {
			return fault.Unavailable("the secret of disk %s is not known on this host: see whether its pool is available here", disk.Device)
		}
	}
	return nil
}

type machine struct {
	definition  hypervisor.Definition
	power       hypervisor.Power
	crashed     bool
	checkpoints []string
	sending     *migration
	export      *export
	copies      map[string]*diskCopy // by device
	guest       guestState
	frozen      bool
	load        Load
	samples     int64
	arrival     *precopy.Outcome // of the migration that brought it
	holdsDisks  bool             // its guest lets go of none
	halted      vm.Halt
}

func (m *machine) running() bool { return m.power == hypervisor.On || m.power == hypervisor.Suspended }

func (m *machine) view(vm id.VM) hypervisor.Machine {
	seen := hypervisor.Machine{
		VM: vm, Name: m.definition.Name, Power: m.power, Crashed: m.crashed && m.power == hypervisor.Off,
		Disks: slices.Clone(m.definition.Disks),
	}
	if m.power == hypervisor.Suspended {
		seen.Halted = m.halted
	}
	switch {
	case m.sending != nil:
		seen.Job = hypervisor.MigrationOut
	case m.power == hypervisor.Receiving:
		seen.Job = hypervisor.MigrationIn
	case m.export != nil:
		seen.Job = hypervisor.BackupJob
	}
	return seen
}

func (n *node) setPower(vm id.VM, m *machine, power hypervisor.Power) {
	if m.power == power {
		return
	}
	if power == hypervisor.On && !m.running() {
		m.arrival = nil
		m.samples = 0
	}
	if power == hypervisor.Off {
		m.frozen = false
		m.copies = nil
		m.endExport()
	}
	m.power = power
	m.halted = "" // until Halt says otherwise
	n.changed(vm)
}

// changed tells the watchers, who may miss it if they are slow.
func (n *node) changed(vm id.VM) {
	for _, watcher := range n.watchers {
		select {
		case watcher <- vm:
		default:
		}
	}
}

// stop lets go of everything that a machine's process holds.
func (c *Cluster) stop(n *node, vm id.VM, m *machine, crashed bool) {
	if m.sending != nil {
		c.endSending(n, vm, m, "the VM went off")
	}
	if m.running() {
		m.crashed = crashed
		if crashed {
			for _, place := range m.definition.Disks {
				c.diskAt(n, place).breakBitmaps()
			}
		}
	}
	n.setPower(vm, m, hypervisor.Off)
}

// Crash makes a VM's process die, which breaks the bitmaps of its checkpoints.
func (h *Host) Crash(vm id.VM) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	if m, found := h.node.machines[vm]; found {
		h.cluster.stop(h.node, vm, m, true)
	}
}

// CutPower ends everything on the host at once; its calls are Unavailable until RestorePower.
func (h *Host) CutPower() {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	h.node.cut = true
	for vm, m := range maps.Clone(h.node.machines) {
		if m.power != hypervisor.Receiving {
			h.cluster.stop(h.node, vm, m, true)
			continue
		}
		h.cluster.loseIncoming(h.node, vm, fmt.Sprintf("the host %s went away", h.node.name))
	}
}

// RestorePower brings the host back, its VMs off.
func (h *Host) RestorePower() {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	h.node.cut, h.node.away = false, false
}

// Disconnect makes the hypervisor stop answering while its VMs run on, until Reconnect. Its jobs end: an outgoing or
// incoming migration leaves the VM at its source, and an export goes on, as it is QEMU that serves it.
func (h *Host) Disconnect() {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	h.node.away = true
	for vm, m := range maps.Clone(h.node.machines) {
		if m.sending != nil && !m.sending.postCopy {
			h.cluster.endSending(h.node, vm, m, "the hypervisor went away")
		}
		if m.power == hypervisor.Receiving {
			if sender := h.cluster.senderTo(h.node, vm); sender != nil && !sender.sending.postCopy {
				h.cluster.failSending(sender, "the target's hypervisor went away")
				delete(h.node.machines, vm)
			}
		}
	}
}

// Reconnect makes the hypervisor answer again.
func (h *Host) Reconnect() {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	h.node.away = false
}

// AddForeign puts a VM on the host that is not ours.
func (h *Host) AddForeign(name string, power hypervisor.Power) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	h.node.foreign = append(h.node.foreign, hypervisor.Machine{Name: name, Power: power})
}
