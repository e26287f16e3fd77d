package bridge

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// vxlanPort is IANA's for VXLAN.
const vxlanPort = 4789

// everywhere is the forwarding entry that stands for broadcast and unknown destinations of a VXLAN device.
var everywhere = net.HardwareAddr{0, 0, 0, 0, 0, 0}

// bridgeName and tunnelName stay within the 15 characters of an interface's name: a VNI has at most 8 digits.
func bridgeName(network fabric.Network) string { return fmt.Sprintf("nb%d", network.VNI) }
func tunnelName(network fabric.Network) string { return fmt.Sprintf("nx%d", network.VNI) }

// gatewayMAC is the same on every host, so that a VM that moved still has its gateway in its ARP cache. 0a marks it as
// locally administered.
func gatewayMAC(network fabric.Network) net.HardwareAddr {
	sum := sha256.Sum256([]byte(network.Network))
	return append(net.HardwareAddr{0x0a}, sum[:5]...)
}

func refusal(what string, network fabric.Network, err error) error {
	return fault.Internal("the kernel refused %s of network %s on this host; look at the worker's log", what, network.Network).Because(err)
}

func (f *Fabric) ensureLinks(network fabric.Network) error {
	bridge, err := ensureBridge(network)
	if err != nil {
		return refusal("the bridge", network, err)
	}
	tunnel, err := ensureTunnel(network, f.local)
	if err != nil {
		return refusal("the tunnel", network, err)
	}
	if tunnel.Attrs().MasterIndex != bridge.Attrs().Index {
		if err := netlink.LinkSetMaster(tunnel, bridge); err != nil {
			return refusal("the tunnel", network, err)
		}
	}
	if err := f.ensurePeers(tunnel, network.Peers); err != nil {
		return refusal("the peers", network, err)
	}
	for _, link := range []netlink.Link{tunnel, bridge} {
		if err := netlink.LinkSetUp(link); err != nil {
			return refusal("the links", network, err)
		}
	}
	return nil
}

func ensureBridge(network fabric.Network) (netlink.Link, error) {
	name, off := bridgeName(network), false
	link, err := find(name)
	if err != nil {
		return nil, err
	}
	if link == nil {
		attributes := netlink.NewLinkAttrs()
		attributes.Name, attributes.MTU, attributes.HardwareAddr = name, network.MTU, gatewayMAC(network)
		// Snooping would hold multicast back from guests behind the tunnel, where no querier is.
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attributes, MulticastSnooping: &off}); err != nil {
			return nil, err
		}
		if link, err = netlink.LinkByName(name); err != nil {
			return nil, err
		}
	}
	if err := settle(link, network.MTU); err != nil {
		return nil, err
	}
	if !bytes.Equal(link.Attrs().HardwareAddr, gatewayMAC(network)) {
		if err := netlink.LinkSetHardwareAddr(link, gatewayMAC(network)); err != nil {
			return nil, err
		}
	}
	gateway := netip.PrefixFrom(network.Gateway, network.Range.Bits())
	return link, netlink.AddrReplace(link, &netlink.Addr{IPNet: &net.IPNet{
		IP: gateway.Addr().AsSlice(), Mask: net.CIDRMask(gateway.Bits(), 32),
	}})
}

// ensureTunnel makes the tunnel anew where the host's own address has changed: that cannot be changed in place.
func ensureTunnel(network fabric.Network, local netip.Addr) (netlink.Link, error) {
	name := tunnelName(network)
	link, err := find(name)
	if err != nil {
		return nil, err
	}
	if existing, ok := link.(*netlink.Vxlan); link != nil && (!ok || existing.VxlanId != network.VNI || !existing.SrcAddr.Equal(local.AsSlice())) {
		if err := netlink.LinkDel(link); err != nil {
			return nil, err
		}
		link = nil
	}
	if link == nil {
		attributes := netlink.NewLinkAttrs()
		attributes.Name, attributes.MTU = name, network.MTU
		err := netlink.LinkAdd(&netlink.Vxlan{LinkAttrs: attributes, VxlanId: network.VNI, SrcAddr: local.AsSlice(), Port: vxlanPort, Learning: true})
		if err != nil {
			return nil, err
		}
		if link, err = netlink.LinkByName(name); err != nil {
			return nil, err
		}
	}
	return link, settle(link, network.MTU)
}

// settle sets the MTU and keeps the host itself from speaking IPv6 on the link: every host would, with one address.
func settle(link netlink.Link, mtu int) error {
	if link.Attrs().MTU != mtu {
		if err := netlink.LinkSetMTU(link, mtu); err != nil {
			return err
		}
	}
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+link.Attrs().Name+"/disable_ipv6", []byte("1"), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a kernel without IPv6
	}
	return err
}

// ensurePeers makes the tunnel's flood list exactly the peers, this host left out, and forgets what was learnt to be
// behind the others.
func (f *Fabric) ensurePeers(tunnel netlink.Link, peers []netip.Addr) error {
	entries, err := netlink.NeighList(tunnel.Attrs().Index, unix.AF_BRIDGE)
	if err != nil {
		return err
	}
	flooded := map[netip.Addr]bool{}
	for _, entry := range entries {
		destination, ok := netip.AddrFromSlice(entry.IP)
		destination = destination.Unmap()
		if !ok || !destination.IsValid() {
			continue // not the tunnel's own table but the bridge's, which is listed too
		}
		if !slices.Contains(peers, destination) || destination == f.local {
			if err := netlink.NeighDel(forwarding(tunnel, entry.HardwareAddr, destination)); err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
			continue
		}
		if bytes.Equal(entry.HardwareAddr, everywhere) {
			flooded[destination] = true
		}
	}
	for _, peer := range peers {
		if peer == f.local || flooded[peer] {
			continue
		}
		if err := netlink.NeighAppend(forwarding(tunnel, everywhere, peer)); err != nil {
			return err
		}
		flooded[peer] = true
	}
	return nil
}

// forwarding is an entry of the tunnel's own table (NTF_SELF).
func forwarding(tunnel netlink.Link, mac net.HardwareAddr, destination netip.Addr) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: tunnel.Attrs().Index, Family: unix.AF_BRIDGE, State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF,
		IP: destination.AsSlice(), HardwareAddr: mac,
	}
}

func removeLinks(network fabric.Network) error {
	for _, name := range []string{tunnelName(network), bridgeName(network)} {
		link, err := find(name)
		if err == nil && link != nil {
			err = netlink.LinkDel(link)
		}
		if err != nil {
			return refusal("to remove the links", network, err)
		}
	}
	return nil
}

// find returns nil without an error where there is no such link.
func find(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if _, missing := errors.AsType[netlink.LinkNotFoundError](err); missing {
		return nil, nil
	}
	return link, err
}
