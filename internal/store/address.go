package store

import (
	"context"
	"net/netip"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/vm"
)

// macAttempts bounds the search for a hardware address that nobody has: MACFor keeps 32 bits of a hash, so among 25,000
// interfaces two may well want the same one.
const macAttempts = 8

// insertVM records a VM with its interfaces, whose addresses it hands out.
func (c *change) insertVM(ctx context.Context, machine vm.VM) error {
	if err := project.CheckName(machine.Name); err != nil {
		return err
	}
	if machine.State == "" {
		machine.State = vm.Provisioning
	}
	if err := c.madeFrom(ctx, machine); err != nil {
		return err
	}
	err := c.InsertVM(ctx, db.InsertVMParams{
		ID: string(machine.ID), ProjectID: string(machine.Project), Name: machine.Name, Description: machine.Description,
		State: string(machine.State), HostID: orNull(machine.Host), ImageID: orNull(machine.Image),
		CPUs: int32(machine.Spec.CPUs), MemoryBytes: machine.Spec.MemoryBytes, TemplateVersion: orNull(machine.Template.Version),
		CloudInitID: orNull(machine.CloudInit),
	})
	if err != nil {
		return nameTaken(err, "a VM in this project", machine.Name)
	}
	networks, err := c.lockNetworks(ctx, machine)
	if err != nil {
		return err
	}
	for position, card := range machine.Interfaces {
		if err := c.insertInterface(ctx, machine, position, card, networks[card.Network]); err != nil {
			return err
		}
	}
	return nil
}

// lockNetworks keeps others from handing out addresses of the VM's networks until this transaction has ended.
func (c *change) lockNetworks(ctx context.Context, machine vm.VM) (map[id.Network]*db.Network, error) {
	wanted := make([]id.Network, len(machine.Interfaces))
	for i, card := range machine.Interfaces {
		wanted[i] = card.Network
	}
	rows, err := c.LockNetworks(ctx, texts(wanted))
	if err != nil {
		return nil, err
	}
	locked := make(map[id.Network]*db.Network, len(rows))
	for _, row := range rows {
		if row.ProjectID == nil || *row.ProjectID == string(machine.Project) {
			locked[id.Network(row.ID)] = &row
		}
	}
	for _, each := range wanted {
		if locked[each] == nil {
			return nil, fault.NotFound("there is no network %s in this project; GET /api/v1/networks lists those there are", each).At("network")
		}
	}
	return locked, nil
}

func (c *change) insertInterface(ctx context.Context, machine vm.VM, position int, card vm.Interface, within *db.Network) error {
	address, err := c.takeAddress(ctx, card.IP, within)
	if err != nil {
		return err
	}
	mac, err := c.takeMAC(ctx, card.MAC, machine.ID, position)
	if err != nil {
		return err
	}
	return c.InsertInterface(ctx, db.InsertInterfaceParams{
		VMID: string(machine.ID), Position: int32(position), NetworkID: within.ID, MAC: mac, IP: address,
	})
}

// takeAddress is wanted if it is free, or for a zero one the lowest free address. The network's row is locked and knows
// from where on to look, so that this does not take longer in a large network.
func (c *change) takeAddress(ctx context.Context, wanted netip.Addr, within *db.Network) (netip.Addr, error) {
	if wanted.IsValid() {
		return c.checkAddress(ctx, wanted, within)
	}
	free, err := c.NextFreeAddress(ctx, within.ID, within.FreeFrom)
	if err != nil {
		return netip.Addr{}, err
	}
	// The last address of a range is its broadcast address, as in network.NextFree.
	if !within.Range.Contains(free.Next()) {
		return netip.Addr{}, fault.Exhausted("network %s has no free address left in %s; remove VMs or take another network", within.Name, within.Range).At("network")
	}
	within.FreeFrom = free.Next()
	return free, c.SetFreeFrom(ctx, within.FreeFrom, within.ID)
}

func (c *change) checkAddress(ctx context.Context, wanted netip.Addr, within *db.Network) (netip.Addr, error) {
	first := network.Network{Range: within.Range}.Gateway().Next()
	if wanted.Less(first) || !within.Range.Contains(wanted.Next()) {
		return netip.Addr{}, fault.Invalid("address %s cannot be given to a VM in network %s (%s)", wanted, within.Name, within.Range).At("ip")
	}
	taken, err := c.AddressTaken(ctx, within.ID, wanted)
	if err == nil && taken {
		err = fault.Conflict("address %s in network %s belongs to another VM; take another or leave it to the network", wanted, within.Name).At("ip")
	}
	return wanted, err
}

// takeMAC is wanted, or for an empty one the first that the VM's ID gives and nobody has.
func (c *change) takeMAC(ctx context.Context, wanted string, machine id.VM, position int) (string, error) {
	if wanted != "" {
		return wanted, nil
	}
	for attempt := range macAttempts {
		mac := network.MACFor(machine, position+attempt*256)
		taken, err := c.MACTaken(ctx, mac)
		if err != nil {
			return "", err
		}
		if !taken {
			return mac, nil
		}
	}
	return "", fault.Internal("no free hardware address was found in %d attempts", macAttempts)
}
