package bridge

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fabric/fabrictest"
	"github.com/novacron/novacron/internal/fault"
)

func TestNamesFitAnInterface(t *testing.T) {
	network := fabrictest.Network()
	network.VNI = 1<<24 - 1
	for _, name := range []string{bridgeName(network), tunnelName(network)} {
		if len(name) > 15 {
			t.Errorf("%s is longer than the 15 characters of an interface's name", name)
		}
	}
	if mac := gatewayMAC(network); len(mac) != 6 || mac[0] != 0x0a {
		t.Errorf("the gateway's card is %s, want six bytes, locally administered", mac)
	}
}

func TestSettingsServeTheRangeAndNothingElse(t *testing.T) {
	network := fabrictest.Network()
	text := settings("/state", network)
	for _, line := range []string{"port=0", "interface=nb4242", "dhcp-range=10.91.0.0,static,255.255.0.0,infinite", "dhcp-option=option:mtu,1450"} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	network.Range = netip.MustParsePrefix("192.168.8.0/21")
	if text := settings("/state", network); !strings.Contains(text, "dhcp-range=192.168.8.0,static,255.255.248.0,infinite\n") {
		t.Errorf("a /21 is served as\n%s", text)
	}
}

func TestStateDirectoryMustBeUsable(t *testing.T) {
	local := netip.MustParseAddr("192.0.2.11")
	if _, err := New(Config{StateDir: "relative", Local: local}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a relative directory: got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{StateDir: filepath.Join(file, "fabric"), Local: local}); !fault.Is(err, fault.KindInternal) {
		t.Errorf("a directory below a file: got %v", err)
	}
	if _, err := New(Config{StateDir: t.TempDir()}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("no address: got %v", err)
	}
}

func TestRecordsSurvive(t *testing.T) {
	state, err := openRecords(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	network := fabrictest.Network()
	port := fabrictest.Port(network)
	if err := state.saveNetwork(network); err != nil {
		t.Fatal(err)
	}
	if err := state.savePort(port); err != nil {
		t.Fatal(err)
	}
	ports, err := state.portsOf(network.Network)
	if err != nil || len(ports) != 1 || ports[0] != port {
		t.Fatalf("read back %+v, %v", ports, err)
	}
	if err := os.WriteFile(state.portFile(port.VM, network.Network), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := state.portsOf(network.Network); !fault.Is(err, fault.KindInternal) {
		t.Fatalf("a damaged record reads as %v", err)
	}
}
