package fabric

import (
	"context"
	"net/netip"

	"github.com/novacron/novacron/internal/id"
)

// Fabric makes networks reach the VMs of one host.
type Fabric interface {
	// EnsureNetwork makes the network exist here and reach exactly the given peers.
	EnsureNetwork(ctx context.Context, network Network) error
	// RemoveNetwork removes it; a missing one is fine, one with ports is a Conflict.
	RemoveNetwork(ctx context.Context, network id.Network) error
	// EnsurePort readies a place for a VM's card and answers its DHCP requests; the network must exist here.
	EnsurePort(ctx context.Context, port Port) (Attachment, error)
	// RemovePort takes it away; a missing one is fine.
	RemovePort(ctx context.Context, machine id.VM, network id.Network) error
	// Ports lists the ports of this host.
	Ports(ctx context.Context) ([]Port, error)
}

// Network is a network as a host needs to know it.
type Network struct {
	Network id.Network   `json:"network_id"`
	VNI     int          `json:"vni"`
	Range   netip.Prefix `json:"range"`
	Gateway netip.Addr   `json:"gateway"`
	MTU     int          `json:"mtu"`
	Peers   []netip.Addr `json:"peers"` // tunnel addresses of the other hosts; this host's own is ignored
}

// Port is a VM's place in a network.
type Port struct {
	VM      id.VM      `json:"vm_id"`
	Network id.Network `json:"network_id"`
	Name    string     `json:"name"` // the guest's host name, for DHCP
	MAC     string     `json:"mac"`
	IP      netip.Addr `json:"ip"`
}

// Attachment is what the hypervisor plugs the card into.
type Attachment struct {
	Bridge string `json:"bridge"`
	MTU    int    `json:"mtu"`
}

// PortPlan is a port with the network it belongs to: all a host needs to plug a VM in.
type PortPlan struct {
	Network Network `json:"network"`
	Port    Port    `json:"port"`
}
