//go:build lab

package bridge

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fabric/fabrictest"
	"github.com/novacron/novacron/internal/id"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

var here, there = netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err, "because", causeOf(err))
	}
}

func causeOf(err error) error {
	if wrapped, ok := err.(interface{ Unwrap() error }); ok {
		return wrapped.Unwrap()
	}
	return nil
}

// space is a network namespace of its own.
func space(t *testing.T) netns.NsHandle {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the lab tests of the fabric make network namespaces: run them as root")
	}
	runtime.LockOSThread() // and never unlock: the thread ends with the test
	before, err := netns.Get()
	must(t, err)
	handle, err := netns.New()
	must(t, err)
	loopback, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(loopback))
	must(t, netns.Set(before))
	t.Cleanup(func() { must(t, netns.Set(before)); _ = handle.Close() })
	return handle
}

func enter(t *testing.T, where netns.NsHandle) {
	t.Helper()
	must(t, netns.Set(where))
}

// driver makes a Fabric whose dnsmasq is gone when the test ends; call it inside of the host's namespace.
func driver(t *testing.T, where netns.NsHandle, local netip.Addr) *Fabric {
	t.Helper()
	enter(t, where)
	made, err := New(Config{StateDir: t.TempDir(), Local: local})
	must(t, err)
	made.servers, err = os.MkdirTemp("", "servers") // t.TempDir is closed to a dnsmasq without privileges
	must(t, err)
	must(t, os.Chmod(made.servers, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(made.servers)) })
	t.Cleanup(func() {
		enter(t, where)
		networks, err := made.state.networks()
		must(t, err)
		for _, network := range networks {
			must(t, made.stopDHCP(network.Network))
		}
	})
	return made
}

// veth joins two namespaces with a cable; an address may be empty.
func veth(t *testing.T, a netns.NsHandle, nameA, addressA string, b netns.NsHandle, nameB, addressB string) {
	t.Helper()
	enter(t, a)
	cable := netlink.NewVeth(netlink.NewLinkAttrs())
	cable.Name, cable.PeerName, cable.PeerNamespace = nameA, nameB, netlink.NsFd(b)
	must(t, netlink.LinkAdd(cable))
	for _, end := range []struct {
		where         netns.NsHandle
		name, address string
	}{{b, nameB, addressB}, {a, nameA, addressA}} {
		enter(t, end.where)
		link, err := netlink.LinkByName(end.name)
		must(t, err)
		if end.address != "" {
			address, err := netlink.ParseAddr(end.address)
			must(t, err)
			must(t, netlink.AddrReplace(link, address))
		}
		must(t, netlink.LinkSetUp(link))
	}
}

func TestContract(t *testing.T) {
	fabrictest.Run(t, func(t *testing.T) fabric.Fabric { return driver(t, space(t), here) })
}

func floodList(t *testing.T, network fabric.Network) []netip.Addr {
	t.Helper()
	tunnel, err := netlink.LinkByName(tunnelName(network))
	must(t, err)
	entries, err := netlink.NeighList(tunnel.Attrs().Index, unix.AF_BRIDGE)
	must(t, err)
	var peers []netip.Addr
	for _, entry := range entries {
		if peer, ok := netip.AddrFromSlice(entry.IP); ok && strings.Count(entry.HardwareAddr.String(), "00") == 6 {
			peers = append(peers, peer.Unmap())
		}
	}
	slices.SortFunc(peers, netip.Addr.Compare)
	return peers
}

func TestPeersAreExact(t *testing.T) {
	host := driver(t, space(t), here)
	network := fabrictest.Network()
	a, b, c := netip.MustParseAddr("192.0.2.21"), netip.MustParseAddr("192.0.2.22"), netip.MustParseAddr("192.0.2.23")
	for _, peers := range [][]netip.Addr{{a, b}, {a, b}, {b, c}, {}, {c}} {
		network.Peers = append([]netip.Addr{here}, peers...)
		must(t, host.EnsureNetwork(t.Context(), network))
		if found := floodList(t, network); !slices.Equal(found, peers) {
			t.Fatalf("the tunnel floods to %v, want %v", found, peers)
		}
	}
}

func TestTunnelFollowsTheHostsAddress(t *testing.T) {
	where := space(t)
	host := driver(t, where, here)
	network := fabrictest.Network()
	must(t, host.EnsureNetwork(t.Context(), network))
	moved, err := New(Config{StateDir: host.state.root, Local: there})
	must(t, err)
	moved.servers = host.servers
	must(t, moved.EnsureNetwork(t.Context(), network))
	tunnel, err := netlink.LinkByName(tunnelName(network))
	must(t, err)
	if source := tunnel.(*netlink.Vxlan).SrcAddr; !source.Equal(there.AsSlice()) {
		t.Fatalf("the tunnel leaves from %s, want %s", source, there)
	}
	if found := floodList(t, network); len(found) != len(network.Peers)-1 {
		t.Fatalf("the new tunnel floods to %v, want %v without %s", found, network.Peers, there)
	}
}

func TestDnsmasqOutlivesTheWorkerAndIsHealed(t *testing.T) {
	where := space(t)
	host := driver(t, where, here)
	network := fabrictest.Network()
	port := fabrictest.Port(network)
	must(t, host.EnsureNetwork(t.Context(), network))
	if host.dnsmasqOf(network.Network) != 0 {
		t.Fatal("dnsmasq runs without ports")
	}
	_, err := host.EnsurePort(t.Context(), port)
	must(t, err)
	first := host.dnsmasqOf(network.Network)
	successor, err := New(Config{StateDir: host.state.root, Local: here})
	must(t, err)
	successor.servers = host.servers
	must(t, successor.EnsureNetwork(t.Context(), network))
	if again := host.dnsmasqOf(network.Network); first == 0 || again != first {
		t.Fatalf("process %d served before the restart, %d after", first, again)
	}
	must(t, syscall.Kill(first, syscall.SIGKILL))
	for range 100 {
		if host.dnsmasqOf(network.Network) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	must(t, successor.EnsureNetwork(t.Context(), network))
	if healed := host.dnsmasqOf(network.Network); healed == 0 || healed == first {
		t.Fatalf("process %d serves after the death of %d", healed, first)
	}
	must(t, successor.RemovePort(t.Context(), port.VM, network.Network))
	if left := host.dnsmasqOf(network.Network); left != 0 {
		t.Fatalf("process %d is left behind", left)
	}
}

func TestPortAfterARebootBringsTheNetworkBack(t *testing.T) {
	where := space(t)
	host := driver(t, where, here)
	network := fabrictest.Network()
	must(t, host.EnsureNetwork(t.Context(), network))
	must(t, removeLinks(network))
	attached, err := host.EnsurePort(t.Context(), fabrictest.Port(network))
	must(t, err)
	if _, err := netlink.LinkByName(attached.Bridge); err != nil {
		t.Fatal("the bridge is not back:", err)
	}
}

// lease asks for an address as a guest with that card would, and returns it, or "" if nobody answers.
func lease(t *testing.T, guest netns.NsHandle, card, mac string) string {
	t.Helper()
	enter(t, guest)
	link, err := netlink.LinkByName(card)
	must(t, err)
	hardware, err := net.ParseMAC(mac)
	must(t, err)
	must(t, netlink.LinkSetHardwareAddr(link, hardware))
	answer := filepath.Join(t.TempDir(), "answer")
	script := answer + ".sh"
	must(t, os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" = bound ] && echo $ip $hostname $mtu $router > "+answer+"\nexit 0\n"), 0o755))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_ = exec.CommandContext(ctx, "busybox", "udhcpc", "-i", card, "-q", "-n", "-f", "-O", "mtu", "-t", "2", "-T", "1", "-s", script).Run()
	text, _ := os.ReadFile(answer)
	return strings.TrimSpace(string(text))
}

// plug joins a guest's namespace to a host's bridge, as a hypervisor would with a tap device.
func plug(t *testing.T, host netns.NsHandle, network fabric.Network, port string, guest netns.NsHandle) {
	t.Helper()
	veth(t, host, port, "", guest, "eth0", "")
	enter(t, host)
	link, err := netlink.LinkByName(port)
	must(t, err)
	bridge, err := netlink.LinkByName(bridgeName(network))
	must(t, err)
	must(t, netlink.LinkSetMaster(link, bridge))
}

func TestGuestsOfTwoHostsShareANetwork(t *testing.T) {
	hostA, hostB, guestA, guestB := space(t), space(t), space(t), space(t)
	veth(t, hostA, "eth0", here.String()+"/24", hostB, "eth0", there.String()+"/24")
	driverA, driverB := driver(t, hostA, here), driver(t, hostB, there)
	network := fabrictest.Network()
	network.Peers = []netip.Addr{here, there}
	portA := fabrictest.Port(network)
	portB := fabric.Port{VM: id.New[id.VM](), Network: network.Network, Name: "guest-2", MAC: "52:54:00:aa:bb:02", IP: portA.IP.Next()}

	enter(t, hostA)
	must(t, driverA.EnsureNetwork(t.Context(), network))
	_, err := driverA.EnsurePort(t.Context(), portA)
	must(t, err)
	enter(t, hostB)
	must(t, driverB.EnsureNetwork(t.Context(), network))
	plug(t, hostA, network, "tap1", guestA)
	plug(t, hostB, network, "tap2", guestB)

	if answer := lease(t, guestA, "eth0", portA.MAC); answer != "10.91.0.7 guest-1 1450 10.91.0.1" {
		t.Fatalf("the first guest was given %q", answer)
	}
	if answer := lease(t, guestB, "eth0", portA.MAC); answer != "" {
		t.Fatalf("another host answered across the tunnel: %q", answer)
	}
	enter(t, hostB)
	_, err = driverB.EnsurePort(t.Context(), portB)
	must(t, err)
	if answer := lease(t, guestB, "eth0", portB.MAC); !strings.HasPrefix(answer, "10.91.0.8 guest-2") {
		t.Fatalf("the second guest was given %q", answer)
	}
	for guest, port := range map[netns.NsHandle]fabric.Port{guestA: portA, guestB: portB} {
		enter(t, guest)
		link, err := netlink.LinkByName("eth0")
		must(t, err)
		address, err := netlink.ParseAddr(port.IP.String() + "/16")
		must(t, err)
		must(t, netlink.AddrReplace(link, address))
	}
	reaches(t, guestA, guestB, portB.IP.String())
	sealed(t, hostA, guestA, network)
}

// reaches opens a TCP connection from one guest to a listener in another.
func reaches(t *testing.T, from, to netns.NsHandle, address string) {
	t.Helper()
	enter(t, to)
	listener, err := net.Listen("tcp4", address+":7000")
	must(t, err)
	defer listener.Close()
	enter(t, from)
	if err := connect(address, 7000); err != nil {
		t.Fatalf("no connection between guests: %v", err)
	}
}

// connect dials on this very thread: Go's own dialler may leave it, and with it the namespace.
func connect(address string, port int) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	// The least number of SYNs, so that a refusal by silence takes 3 s and not two minutes.
	if err := unix.SetsockoptInt(socket, unix.IPPROTO_TCP, unix.TCP_SYNCNT, 1); err != nil {
		return err
	}
	return unix.Connect(socket, &unix.SockaddrInet4{Port: port, Addr: netip.MustParseAddr(address).As4()})
}

// sealed checks that a guest cannot reach what listens on its host, such as libvirt, through the gateway's address.
func sealed(t *testing.T, host, guest netns.NsHandle, network fabric.Network) {
	t.Helper()
	enter(t, host)
	listener, err := net.Listen("tcp4", "0.0.0.0:16509")
	must(t, err)
	defer listener.Close()
	enter(t, guest)
	if err := connect(network.Gateway.String(), 16509); err == nil {
		t.Fatal("a guest reached a port of its host")
	}
}

func TestAddressPassesToANewOwner(t *testing.T) {
	hostSpace, guest := space(t), space(t)
	host := driver(t, hostSpace, here)
	network := fabrictest.Network()
	port := fabrictest.Port(network)
	must(t, host.EnsureNetwork(t.Context(), network))
	_, err := host.EnsurePort(t.Context(), port)
	must(t, err)
	plug(t, hostSpace, network, "tap1", guest)
	if answer := lease(t, guest, "eth0", port.MAC); !strings.HasPrefix(answer, port.IP.String()) {
		t.Fatalf("the first owner was given %q", answer)
	}
	enter(t, hostSpace)
	must(t, host.RemovePort(t.Context(), port.VM, network.Network))
	heir := port
	heir.VM, heir.MAC, heir.Name = id.New[id.VM](), "52:54:00:aa:bb:09", "heir"
	_, err = host.EnsurePort(t.Context(), heir)
	must(t, err)
	if answer := lease(t, guest, "eth0", heir.MAC); !strings.HasPrefix(answer, port.IP.String()+" heir") {
		t.Fatalf("the new owner was given %q", answer)
	}
}

func TestStalePidFileIsNotBelieved(t *testing.T) {
	host := driver(t, space(t), here)
	network := id.New[id.Network]()
	must(t, os.MkdirAll(host.serverDirectory(network), 0o755))
	for _, text := range []string{"1\n", "", "nonsense", "999999999\n"} {
		must(t, os.WriteFile(filepath.Join(host.serverDirectory(network), pidFile), []byte(text), 0o600))
		if pid := host.dnsmasqOf(network); pid != 0 {
			t.Errorf("pid file %q: process %d is taken for dnsmasq", text, pid)
		}
	}
}
