package fake

import (
	"fmt"
	"sync"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// Cluster joins fake hosts, so that they share disks and can send VMs to each other.
type Cluster struct {
	mutex  sync.Mutex // guards everything below it, the hosts' innards included
	nodes  []*node
	shared map[string]*disk // by path
}

// NewCluster returns a cluster without hosts.
func NewCluster() *Cluster { return &Cluster{shared: map[string]*disk{}} }

// Host returns a driver for the host of that name, which is made at the first call. Each call returns a fresh driver
// that knows the host but none of its predecessors' memories, as a worker that was started again would be.
func (c *Cluster) Host(name, address string) *Host {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	found := c.nodeNamed(name)
	if found == nil {
		found = newNode(name, address)
		c.nodes = append(c.nodes, found)
	}
	return newHost(c, found)
}

// RunningOn returns the names of the hosts on which the VM is on or suspended; more than one is a split brain.
func (c *Cluster) RunningOn(vm id.VM) []string {
	return c.hostsWhere(vm, func(m *machine) bool {
		return m.power == hypervisor.On || m.power == hypervisor.Suspended
	})
}

// DefinedOn returns the names of the hosts that know the VM.
func (c *Cluster) DefinedOn(vm id.VM) []string {
	return c.hostsWhere(vm, func(*machine) bool { return true })
}

// Leaks describes everything that no finished operation should leave behind: VMs on more than one host, targets that
// wait for nobody, exports that are still served, frozen guests.
func (c *Cluster) Leaks() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var leaks []string
	homes := map[id.VM]int{}
	for _, n := range c.nodes {
		for vm, m := range n.machines {
			homes[vm]++
			if homes[vm] == 2 {
				leaks = append(leaks, fmt.Sprintf("VM %s is defined on more than one host", vm))
			}
			if m.power == hypervisor.Receiving && c.senderTo(n, vm) == nil {
				leaks = append(leaks, fmt.Sprintf("VM %s on %s waits for a migration that nobody sends", vm, n.name))
			}
			if m.export != nil {
				leaks = append(leaks, fmt.Sprintf("VM %s on %s is still exported as %s", vm, n.name, m.export.checkpoint))
			}
			if len(m.copies) > 0 {
				leaks = append(leaks, fmt.Sprintf("disks of VM %s on %s are still being copied", vm, n.name))
			}
			if m.frozen {
				leaks = append(leaks, fmt.Sprintf("VM %s on %s is still frozen", vm, n.name))
			}
		}
	}
	return leaks
}

func (c *Cluster) hostsWhere(vm id.VM, matches func(*machine) bool) []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var names []string
	for _, n := range c.nodes {
		if m, found := n.machines[vm]; found && matches(m) {
			names = append(names, n.name)
		}
	}
	return names
}

func (c *Cluster) nodeNamed(name string) *node {
	for _, n := range c.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

func (c *Cluster) nodeAt(address string) *node {
	for _, n := range c.nodes {
		if n.address == address && !n.cut {
			return n
		}
	}
	return nil
}

// senderTo returns the machine that is being sent to a node.
func (c *Cluster) senderTo(target *node, vm id.VM) *machine {
	for _, n := range c.nodes {
		if m, found := n.machines[vm]; found && m.sending != nil && m.sending.target == target {
			return m
		}
	}
	return nil
}

// lockedElsewhere reports whether another host runs a VM on one of these shared disks; QEMU's image lock refuses that.
func (c *Cluster) lockedElsewhere(here *node, disks []hypervisor.Disk) bool {
	for _, n := range c.nodes {
		if n == here {
			continue
		}
		for _, m := range n.machines {
			if m.running() && sharesDisk(m.definition.Disks, disks) {
				return true
			}
		}
	}
	return false
}

func sharesDisk(some, others []hypervisor.Disk) bool {
	for _, one := range some {
		for _, other := range others {
			if one.Shared && other.Shared && one.Path == other.Path {
				return true
			}
		}
	}
	return false
}
