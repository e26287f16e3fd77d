// Package bridge makes networks of Linux bridges and VXLAN (RFC 7348): on each host a bridge for the VMs' cards and a
// tunnel device that sends unknown and broadcast frames to every peer and learns who is where. dnsmasq answers the DHCP
// requests of this host's ports; the gateway's address is on every host's bridge, with the same hardware address, and
// neither DHCP nor the gateway's frames cross the tunnel. So a VM finds the same network wherever it moves.
//
// The links live in the network namespace of the calling thread. dnsmasq outlives the process; whoever comes next finds
// it again. What the links alone cannot tell is kept as small files in the state directory, which root alone writes.
//
// The package never plugs a card in (the hypervisor does) and never routes between networks.
package bridge
