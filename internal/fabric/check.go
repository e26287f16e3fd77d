package fabric

import (
	"net"
	"regexp"

	"github.com/novacron/novacron/internal/fault"
)

// The least and the greatest MTU of a network: what IPv4 asks of a link (RFC 791), and jumbo frames.
const (
	minMTU = 576
	maxMTU = 9000
	maxVNI = 1<<24 - 1
)

// hostName is what DHCP may hand out as a host name (RFC 952 as amended by RFC 1123).
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Check says what is wrong with a network that a host is asked to make; every driver refuses the same. The error is
// fault.Invalid.
func (n Network) Check() error {
	switch {
	case n.Network == "":
		return fault.Invalid("a network needs an ID").At("network_id")
	case n.VNI < 1 || n.VNI > maxVNI:
		return fault.Invalid("VNI %d of network %s is not between 1 and %d", n.VNI, n.Network, maxVNI).At("vni")
	case !n.Range.IsValid() || !n.Range.Addr().Is4() || n.Range.Bits() > 30:
		return fault.Invalid("range %s of network %s is not an IPv4 range with room for hosts", n.Range, n.Network).At("range")
	case !n.Range.Contains(n.Gateway):
		return fault.Invalid("gateway %s of network %s lies outside of %s", n.Gateway, n.Network, n.Range).At("gateway")
	case n.MTU < minMTU || n.MTU > maxMTU:
		return fault.Invalid("MTU %d of network %s is not between %d and %d", n.MTU, n.Network, minMTU, maxMTU).At("mtu")
	}
	for _, peer := range n.Peers {
		if !peer.Is4() {
			return fault.Invalid("peer %s of network %s is not an IPv4 address", peer, n.Network).At("peers")
		}
	}
	return nil
}

// Check says what is wrong with a port that a host is asked to make in a network. The error is fault.Invalid.
func (p Port) Check(network Network) error {
	if p.VM == "" {
		return fault.Invalid("a port needs a VM").At("vm_id")
	}
	if !hostName.MatchString(p.Name) {
		return fault.Invalid("%q cannot be a guest's host name: it takes lower-case letters, digits and hyphens", p.Name).At("name")
	}
	mac, err := net.ParseMAC(p.MAC)
	if err != nil || len(mac) != 6 || mac[0]&1 == 1 {
		return fault.Invalid("%q is not the hardware address of a network card", p.MAC).At("mac")
	}
	if !network.Range.Contains(p.IP) || p.IP == network.Gateway || p.IP == network.Range.Masked().Addr() {
		return fault.Invalid("address %s cannot be a guest's in %s", p.IP, network.Range).At("ip")
	}
	return nil
}

// Clash says which of the ports that exist is in a new port's way: another VM with its address or its card. The error
// is fault.Conflict.
func (p Port) Clash(existing []Port) error {
	for _, other := range existing {
		if other.Network != p.Network || other.VM == p.VM {
			continue
		}
		if other.IP == p.IP || other.MAC == p.MAC {
			return fault.Conflict("address %s or card %s belongs to %s on this host; remove that port first", p.IP, p.MAC, other.VM)
		}
	}
	return nil
}

// UnknownNetwork and its siblings are the faults that every driver words alike: this one refuses a port of a network that
// was not made here.
func UnknownNetwork(port Port) error {
	return fault.NotFound("network %s does not exist on this host; ensure it before its ports", port.Network)
}

// InUse refuses to remove a network that still has ports.
func InUse(network Network, ports int) error {
	return fault.Conflict("network %s still has %d ports on this host; remove them first", network.Network, ports)
}

// Moved refuses to change what a network is while it exists: its frames would reach another network.
func Moved(before, after Network) error {
	return fault.Conflict("network %s exists here with VNI %d and range %s, not VNI %d and range %s; remove it first",
		before.Network, before.VNI, before.Range, after.VNI, after.Range)
}

// Taken refuses a second network with a VNI that is in use.
func Taken(other, network Network) error {
	return fault.Conflict("VNI %d belongs to network %s on this host; give %s another", network.VNI, other.Network, network.Network)
}
