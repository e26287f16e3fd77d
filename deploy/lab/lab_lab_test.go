//go:build lab

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fabric/bridge"
	"github.com/novacron/novacron/internal/id"
)

// The test program runs itself on a host to drive that host's fabric; plugVariable holds what to plug.
const plugVariable = "NOVACRON_LAB_PLUG"

func TestMain(m *testing.M) {
	if plan := os.Getenv(plugVariable); plan != "" {
		if err := plug(plan); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// plug makes, or with an empty VM removes, the network and port of a plan on the host it runs on.
func plug(text string) error {
	var plan fabric.PortPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	driver, err := bridge.New(bridge.Config{StateDir: "/var/lib/novacron/lab-test-networks", Local: netip.MustParseAddr(Address(hostname))})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if plan.Port.VM != "" {
		if err := driver.EnsureNetwork(ctx, plan.Network); err != nil {
			return err
		}
		_, err := driver.EnsurePort(ctx, plan.Port)
		return err
	}
	ports, err := driver.Ports(ctx)
	if err != nil {
		return err
	}
	for _, port := range ports {
		if err := driver.RemovePort(ctx, port.VM, port.Network); err != nil {
			return err
		}
	}
	return driver.RemoveNetwork(ctx, plan.Network.Network)
}

const guestXML = `<domain type='qemu'><name>%[1]s</name><memory unit='MiB'>%[4]d</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='/srv/novacron/shared/%[1]s.qcow2'/><target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><mac address='%[2]s'/><source bridge='%[3]s'/><model type='virtio'/></interface>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<memballoon model='virtio'/></devices></domain>`

// bench is a guest on the lab's hosts with a network of its own.
type bench struct {
	*testing.T
	lab  *Lab
	plan fabric.PortPlan
	name string
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) output(command *exec.Cmd) string {
	b.Helper()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		b.Fatalf("%s: %v: %s", strings.Join(command.Args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(output))
}

func (b *bench) virsh(host string, args ...string) string {
	b.Helper()
	return b.output(exec.CommandContext(b.Context(), "virsh", append([]string{"-q", "-c", b.lab.LibvirtURI(host)}, args...)...))
}

func (b *bench) plug(host string, plan fabric.PortPlan) {
	b.Helper()
	text, err := json.Marshal(plan)
	b.must(err)
	program, err := os.Executable()
	b.must(err)
	command := b.lab.On(context.WithoutCancel(b.Context()), host, "env", plugVariable+"="+string(text), program)
	if output, err := command.CombinedOutput(); err != nil {
		b.Fatalf("plug on %s: %v: %s", host, err, output)
	}
}

// newBench makes the network on h1 and h2 and outside of them, and an overlay of the guest image.
func newBench(t *testing.T) *bench {
	t.Helper()
	found, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, lab: found, name: fmt.Sprintf("lab-test-%d", os.Getpid())}
	peers := []netip.Addr{netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr(Address("h1")), netip.MustParseAddr(Address("h2"))}
	b.plan.Network = fabric.Network{
		Network: id.New[id.Network](), VNI: 4301, Range: netip.MustParsePrefix("10.94.0.0/16"), Gateway: netip.MustParseAddr("10.94.0.1"), MTU: 1450, Peers: peers,
	}
	b.plan.Port = fabric.Port{VM: id.New[id.VM](), Network: b.plan.Network.Network, Name: b.name, MAC: "52:54:00:4e:43:01", IP: netip.MustParseAddr("10.94.0.7")}
	b.outside("ip", "link", "add", "labtest", "mtu", "1450", "type", "vxlan", "id", "4301", "local", "10.77.0.1", "dstport", "4789")
	t.Cleanup(func() { b.outside("ip", "link", "del", "labtest") })
	b.outside("ip", "addr", "add", "10.94.255.254/16", "dev", "labtest")
	b.outside("ip", "link", "set", "labtest", "up")
	for _, peer := range peers[1:] {
		b.outside("bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "labtest", "dst", peer.String())
	}
	for _, host := range []string{"h1", "h2"} {
		b.plug(host, b.plan)
		t.Cleanup(func() { b.plug(host, fabric.PortPlan{Network: b.plan.Network}) })
	}
	disk := filepath.Join(found.Shared(), b.name+".qcow2")
	base := filepath.Join(found.Shared(), b.name+"-base.qcow2")
	t.Cleanup(func() { _, _ = os.Remove(disk), os.Remove(base) })
	b.output(exec.Command("cp", found.GuestImage(), base))
	b.output(exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-b", filepath.Base(base), "-F", "qcow2", disk, "1G"))
	return b
}

func (b *bench) outside(args ...string) {
	b.Helper()
	b.output(exec.Command("nsenter", append([]string{"--net=" + b.lab.SwitchNamespace(), "--"}, args...)...))
}

// boot starts the guest on h1, and returns its first word and how long that took.
func (b *bench) boot() GuestStats {
	b.Helper()
	definition := filepath.Join(b.TempDir(), "guest.xml")
	b.must(os.WriteFile(definition, fmt.Appendf(nil, guestXML, b.name, b.plan.Port.MAC, "nb4301", 128), 0o600))
	began := time.Now()
	b.virsh("h1", "create", definition)
	b.Cleanup(func() {
		for _, host := range []string{"h1", "h2"} {
			_ = exec.Command("virsh", "-q", "-c", b.lab.LibvirtURI(host), "destroy", b.name).Run() // it is on one of them, or has ended
		}
	})
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	stats, err := b.lab.Await(ctx, b.plan.Port.IP.String())
	b.must(err)
	b.Logf("the guest answers over TCP %.1f s after its creation; its kernel's clock says %.1f s", time.Since(began).Seconds(), stats.UptimeSeconds)
	return stats
}

func (b *bench) ask(line string, into any) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	b.must(b.lab.Ask(ctx, b.plan.Port.IP.String(), line, into))
}

func TestGuestKeepsConnectionMemoryAndDiskThroughAMigration(t *testing.T) {
	b := newBench(t)
	stats := b.boot()
	if stats.Name != b.name {
		t.Errorf("DHCP named the guest %q, want %q", stats.Name, b.name)
	}
	b.ask("dirty 32 8", nil)
	b.ask("write 8 7", nil)
	var before, after DiskCheck
	b.ask("verify", &before)
	if before.Blocks != 8*256 || before.Errors != 0 {
		t.Fatalf("the disk holds %+v, want %d sound blocks", before, 8*256)
	}
	pulse, err := b.lab.Watch(t.Context(), b.plan.Port.IP.String())
	b.must(err)
	time.Sleep(time.Second)
	for _, way := range [][2]string{{"h1", "h2"}, {"h2", "h1"}} {
		began := time.Now()
		b.virsh(way[0], "migrate", "--live", "--p2p", "--unsafe", b.name, "qemu+tcp://"+Address(way[1])+"/system")
		t.Logf("migration from %s to %s: %.2f s", way[0], way[1], time.Since(began).Seconds())
		time.Sleep(time.Second)
	}
	report := pulse.Stop(30 * time.Second)
	t.Logf("one connection through both: %d lines, longest gap %v", report.Lines, report.LongestGap.Round(time.Millisecond))
	if report.Err != nil || report.MemoryErrors != 0 || report.BootID != stats.BootID {
		t.Errorf("the connection saw %+v, %v", report, report.Err)
	}
	b.ask("verify", &after)
	if after != before {
		t.Errorf("the disk holds %+v, before the migrations %+v", after, before)
	}
	b.ask("stats", &stats)
	if stats.MemoryErrors != 0 || stats.DirtiedBytes == 0 {
		t.Errorf("the guest's memory: %+v", stats)
	}
}

func TestGuestObeysItsAgentAndItsPowerButton(t *testing.T) {
	b := newBench(t)
	b.boot()
	agent := func(command string) string { return b.virsh("h1", "qemu-agent-command", b.name, command) }
	deadline := time.Now().Add(time.Minute)
	for exec.Command("virsh", "-q", "-c", b.lab.LibvirtURI("h1"), "qemu-agent-command", b.name, `{"execute":"guest-ping"}`).Run() != nil {
		if time.Now().After(deadline) {
			t.Fatal("the agent does not answer")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if interfaces := agent(`{"execute":"guest-network-get-interfaces"}`); !strings.Contains(interfaces, b.plan.Port.IP.String()) {
		t.Errorf("the agent reports %s, without %s", interfaces, b.plan.Port.IP)
	}
	if frozen := agent(`{"execute":"guest-fsfreeze-freeze"}`); frozen != `{"return":1}` {
		t.Errorf("freezing answers %s, want one file system", frozen)
	}
	if thawed := agent(`{"execute":"guest-fsfreeze-thaw"}`); thawed != `{"return":1}` {
		t.Errorf("thawing answers %s, want one file system", thawed)
	}
	var started struct {
		Return struct {
			PID int `json:"pid"`
		} `json:"return"`
	}
	b.must(json.Unmarshal([]byte(agent(`{"execute":"guest-exec","arguments":{"path":"/usr/bin/guestctl","arg":["write","4","9"],"capture-output":true}}`)), &started))
	status := ""
	for !strings.Contains(status, `"exited":true`) {
		if time.Now().After(deadline) {
			t.Fatalf("guestctl does not end: %s", status)
		}
		time.Sleep(50 * time.Millisecond)
		status = agent(fmt.Sprintf(`{"execute":"guest-exec-status","arguments":{"pid":%d}}`, started.Return.PID))
	}
	if !strings.Contains(status, `"exitcode":0`) {
		t.Errorf("guestctl write ends with %s", status)
	}
	began := time.Now()
	b.virsh("h1", "shutdown", "--mode", "acpi", b.name)
	for b.virsh("h1", "list", "--name") != "" && strings.Contains(b.virsh("h1", "list", "--name"), b.name) {
		if time.Since(began) > 30*time.Second {
			t.Fatal("the guest ignores its power button")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("the power button switches the guest off in %.1f s", time.Since(began).Seconds())
}
