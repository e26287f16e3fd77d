package fabrictest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Network is a sound network to test with.
func Network() fabric.Network {
	return fabric.Network{
		Network: id.New[id.Network](), VNI: 4242, Range: netip.MustParsePrefix("10.91.0.0/16"), Gateway: netip.MustParseAddr("10.91.0.1"),
		MTU: 1450, Peers: []netip.Addr{netip.MustParseAddr("192.0.2.12"), netip.MustParseAddr("192.0.2.13")},
	}
}

// Port is a sound port of that network.
func Port(network fabric.Network) fabric.Port {
	return fabric.Port{
		VM: id.New[id.VM](), Network: network.Network, Name: "guest-1", MAC: "52:54:00:aa:bb:01", IP: netip.MustParseAddr("10.91.0.7"),
	}
}

// Run holds a driver to the contract; fresh answers with an empty host each time.
func Run(t *testing.T, fresh func(t *testing.T) fabric.Fabric) {
	for name, test := range map[string]func(*testing.T, fabric.Fabric){
		"a network is made, changed and removed":  networkLife,
		"a port is made, changed and removed":     portLife,
		"a network with ports stays":              networkInUse,
		"what exists is not made into another":    identity,
		"addresses and cards are not given twice": clashes,
		"nonsense is refused":                     nonsense,
		"an ended context does nothing":           ended,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
}

func want(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
}

func networkLife(t *testing.T, driver fabric.Fabric) {
	network := Network()
	must(t, driver.EnsureNetwork(t.Context(), network))
	must(t, driver.EnsureNetwork(t.Context(), network))
	network.Peers = append(network.Peers[1:], netip.MustParseAddr("192.0.2.14"))
	must(t, driver.EnsureNetwork(t.Context(), network))
	network.Peers = nil
	must(t, driver.EnsureNetwork(t.Context(), network))
	must(t, driver.RemoveNetwork(t.Context(), network.Network))
	must(t, driver.RemoveNetwork(t.Context(), network.Network))
	must(t, driver.EnsureNetwork(t.Context(), network))
}

func portLife(t *testing.T, driver fabric.Fabric) {
	network := Network()
	port := Port(network)
	_, err := driver.EnsurePort(t.Context(), port)
	want(t, err, fault.KindNotFound)
	must(t, driver.EnsureNetwork(t.Context(), network))
	first, err := driver.EnsurePort(t.Context(), port)
	must(t, err)
	if first.Bridge == "" || first.MTU != network.MTU {
		t.Fatalf("the port attaches to %+v, want a bridge with MTU %d", first, network.MTU)
	}
	again, err := driver.EnsurePort(t.Context(), port)
	must(t, err)
	if again != first {
		t.Fatalf("the second call answers %+v, the first %+v", again, first)
	}
	other := fabric.Port{VM: id.New[id.VM](), Network: network.Network, Name: "guest-2", MAC: "52:54:00:aa:bb:02", IP: netip.MustParseAddr("10.91.0.8")}
	_, err = driver.EnsurePort(t.Context(), other)
	must(t, err)
	port.Name = "renamed"
	_, err = driver.EnsurePort(t.Context(), port)
	must(t, err)
	expect(t, driver, port, other)
	must(t, driver.EnsureNetwork(t.Context(), network))
	expect(t, driver, port, other)
	must(t, driver.RemovePort(t.Context(), port.VM, network.Network))
	must(t, driver.RemovePort(t.Context(), port.VM, network.Network))
	expect(t, driver, other)
}

func expect(t *testing.T, driver fabric.Fabric, wanted ...fabric.Port) {
	t.Helper()
	found, err := driver.Ports(t.Context())
	must(t, err)
	if len(found) != len(wanted) {
		t.Fatalf("%d ports, want %d: %+v", len(found), len(wanted), found)
	}
	for _, port := range wanted {
		if !slices.Contains(found, port) {
			t.Fatalf("port %+v is not among %+v", port, found)
		}
	}
}

func networkInUse(t *testing.T, driver fabric.Fabric) {
	network := Network()
	port := Port(network)
	must(t, driver.EnsureNetwork(t.Context(), network))
	_, err := driver.EnsurePort(t.Context(), port)
	must(t, err)
	want(t, driver.RemoveNetwork(t.Context(), network.Network), fault.KindConflict)
	expect(t, driver, port)
	must(t, driver.RemovePort(t.Context(), port.VM, network.Network))
	must(t, driver.RemoveNetwork(t.Context(), network.Network))
}

func identity(t *testing.T, driver fabric.Fabric) {
	network := Network()
	must(t, driver.EnsureNetwork(t.Context(), network))
	moved := network
	moved.VNI++
	want(t, driver.EnsureNetwork(t.Context(), moved), fault.KindConflict)
	second := network
	second.Network = id.New[id.Network]()
	want(t, driver.EnsureNetwork(t.Context(), second), fault.KindConflict)
	second.VNI++
	second.Range, second.Gateway = netip.MustParsePrefix("10.92.0.0/16"), netip.MustParseAddr("10.92.0.1")
	must(t, driver.EnsureNetwork(t.Context(), second))
}

func clashes(t *testing.T, driver fabric.Fabric) {
	network := Network()
	port := Port(network)
	must(t, driver.EnsureNetwork(t.Context(), network))
	_, err := driver.EnsurePort(t.Context(), port)
	must(t, err)
	thief := port
	thief.VM, thief.MAC = id.New[id.VM](), "52:54:00:aa:bb:03"
	_, err = driver.EnsurePort(t.Context(), thief)
	want(t, err, fault.KindConflict)
	thief.MAC, thief.IP = port.MAC, port.IP.Next()
	_, err = driver.EnsurePort(t.Context(), thief)
	want(t, err, fault.KindConflict)
	must(t, driver.RemovePort(t.Context(), port.VM, network.Network))
	_, err = driver.EnsurePort(t.Context(), thief)
	must(t, err)
}

func nonsense(t *testing.T, driver fabric.Fabric) {
	for field, spoil := range map[string]func(*fabric.Network){
		"network_id": func(n *fabric.Network) { n.Network = "" },
		"vni":        func(n *fabric.Network) { n.VNI = 1 << 24 },
		"range":      func(n *fabric.Network) { n.Range = netip.MustParsePrefix("fd00::/64") },
		"gateway":    func(n *fabric.Network) { n.Gateway = netip.MustParseAddr("10.1.1.1") },
		"mtu":        func(n *fabric.Network) { n.MTU = 0 },
		"peers":      func(n *fabric.Network) { n.Peers = []netip.Addr{netip.MustParseAddr("fd00::1")} },
	} {
		network := Network()
		spoil(&network)
		refused(t, driver.EnsureNetwork(t.Context(), network), field)
	}
	network := Network()
	must(t, driver.EnsureNetwork(t.Context(), network))
	for field, spoil := range map[string]func(*fabric.Port){
		"vm_id": func(p *fabric.Port) { p.VM = "" },
		"name":  func(p *fabric.Port) { p.Name = "a,b" },
		"mac":   func(p *fabric.Port) { p.MAC = "01:00:5e:00:00:01" },
		"ip":    func(p *fabric.Port) { p.IP = network.Gateway },
	} {
		port := Port(network)
		spoil(&port)
		_, err := driver.EnsurePort(t.Context(), port)
		refused(t, err, field)
	}
	expect(t, driver)
}

func refused(t *testing.T, err error, field string) {
	t.Helper()
	want(t, err, fault.KindInvalid)
	if found, ok := errors.AsType[*fault.Error](err); !ok || found.Field != field {
		t.Fatalf("the fault %v is at another field than %q", err, field)
	}
}

func ended(t *testing.T, driver fabric.Fabric) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := driver.EnsureNetwork(ctx, Network()); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
}
