// Package network is the noun for a virtual network that spans hosts, and the rules of its addresses.
//
// The package never configures anything.
package network

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Network is a layer-2 segment with one range of IPv4 addresses, which the inventory hands out.
type Network struct {
	ID        id.Network   `json:"id"`
	Project   id.Project   `json:"project_id,omitempty" doc:"Empty for a network that every project may use"`
	Name      string       `json:"name"`
	VNI       int          `json:"vni" doc:"VXLAN network identifier, 1 to 16777215"`
	Range     netip.Prefix `json:"range" example:"10.90.0.0/16"`
	MTU       int          `json:"mtu"`
	CreatedAt time.Time    `json:"created_at"`
}

// Gateway is the first address of the range; it is kept for the network itself.
func (n Network) Gateway() netip.Addr { return n.Range.Masked().Addr().Next() }

// NextFree returns the lowest address of the range that taken does not report, leaving out the network's own, the
// gateway's and the broadcast address. The error is fault.Exhausted.
func (n Network) NextFree(taken func(netip.Addr) bool) (netip.Addr, error) {
	for candidate := n.Gateway().Next(); n.Range.Contains(candidate.Next()); candidate = candidate.Next() {
		if !taken(candidate) {
			return candidate, nil
		}
	}
	return netip.Addr{}, fault.Exhausted("network %s has no free address left in %s; remove VMs or take another network", n.Name, n.Range)
}

// MACFor derives the hardware address of a VM's interface from its ID, so that it never changes: four bytes of hash
// behind 52:54, QEMU's prefix, whose second-lowest bit marks it as locally administered (RFC 7042, section 2.1).
func MACFor(machine id.VM, index int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", machine, index))
	return fmt.Sprintf("52:54:%02x:%02x:%02x:%02x", sum[0], sum[1], sum[2], sum[3])
}
