package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// serversDir holds a directory for each network that is served: not with the records, because dnsmasq drops its
// privileges and must still read it, and because nothing of it is worth anything after a reboot.
const serversDir = "/run/novacron-fabric"

const (
	settingsFile     = "dnsmasq.conf"
	reservationsFile = "dnsmasq.hosts"
	pidFile          = "dnsmasq.pid"
	leasesFile       = "dnsmasq.leases"
	stopPatience     = 3 * time.Second
)

// serveDHCP makes a dnsmasq answer exactly this host's ports of a network; without ports none runs.
func (f *Fabric) serveDHCP(ctx context.Context, network fabric.Network) error {
	ports, err := f.state.portsOf(network.Network)
	if err != nil {
		return err
	}
	if len(ports) == 0 {
		return f.stopDHCP(network.Network)
	}
	directory := f.serverDirectory(network.Network)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return broken(err)
	}
	changedReservations, err := replace(filepath.Join(directory, reservationsFile), []byte(reservations(ports)))
	if err != nil {
		return err
	}
	changedSettings, err := replace(filepath.Join(directory, settingsFile), []byte(settings(directory, network)))
	if err != nil {
		return err
	}
	pid := f.dnsmasqOf(network.Network)
	if pid == 0 && !changedReservations && !changedSettings {
		f.log.Warn("dnsmasq was gone and is started again", "network", network.Network)
	}
	if pid != 0 && changedSettings {
		if err := f.stopDHCP(network.Network); err != nil {
			return err
		}
		pid = 0
	}
	if pid == 0 {
		return f.startDHCP(ctx, network)
	}
	if changedReservations {
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			return refusal("to tell dnsmasq", network, err)
		}
	}
	return nil
}

func (f *Fabric) serverDirectory(network id.Network) string {
	return filepath.Join(f.servers, string(network))
}

// reservations is dnsmasq's hosts file: the address and name of each card, whatever client identifier the guest sends.
func reservations(ports []fabric.Port) string {
	var text strings.Builder
	for _, port := range ports {
		fmt.Fprintf(&text, "%s,id:*,%s,%s,infinite\n", port.MAC, port.IP, port.Name)
	}
	return text.String()
}

// settings is dnsmasq's configuration: DHCP alone, for the cards that have a reservation.
func settings(directory string, network fabric.Network) string {
	mask := net.IP(net.CIDRMask(network.Range.Bits(), 32))
	lines := []string{
		"port=0",
		"interface=" + bridgeName(network),
		"except-interface=lo",
		"bind-dynamic",
		"no-ping",
		"quiet-dhcp",
		"user=nobody",
		"dhcp-authoritative",
		fmt.Sprintf("dhcp-range=%s,static,%s,infinite", network.Range.Masked().Addr(), mask),
		fmt.Sprintf("dhcp-option=option:mtu,%d", network.MTU),
		"dhcp-hostsfile=" + filepath.Join(directory, reservationsFile),
		"dhcp-leasefile=" + filepath.Join(directory, leasesFile),
		"pid-file=" + filepath.Join(directory, pidFile),
		"log-facility=" + filepath.Join(directory, "dnsmasq.log"),
	}
	return strings.Join(lines, "\n") + "\n"
}

// startDHCP returns when dnsmasq has bound its socket and left for the background. It begins without leases: the
// reservations say all there is to know, and an old lease could stand in the way of a new owner of its address.
func (f *Fabric) startDHCP(ctx context.Context, network fabric.Network) error {
	directory := f.serverDirectory(network.Network)
	if err := os.Remove(filepath.Join(directory, leasesFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return broken(err)
	}
	output, err := exec.CommandContext(ctx, "dnsmasq", "--conf-file="+filepath.Join(directory, settingsFile)).CombinedOutput()
	if err != nil {
		return fault.Internal("dnsmasq did not start for network %s on this host; look at the worker's log", network.Network).
			Because(fmt.Errorf("%w: %s", err, output))
	}
	return nil
}

func (f *Fabric) stopDHCP(network id.Network) error {
	deadline := time.Now().Add(stopPatience)
	for signal := syscall.SIGTERM; ; {
		pid := f.dnsmasqOf(network)
		if pid == 0 {
			return nil
		}
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return broken(err)
		}
		if time.Now().After(deadline) {
			signal = syscall.SIGKILL
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// dnsmasqOf returns the process that serves a network, 0 if none does. The number in the file may be another's after a
// reboot, and where hosts are simulated, another host's dnsmasq may even have the same command line.
func (f *Fabric) dnsmasqOf(network id.Network) int {
	directory := f.serverDirectory(network)
	text, err := os.ReadFile(filepath.Join(directory, pidFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !bytes.Contains(command, []byte("--conf-file="+filepath.Join(directory, settingsFile)+"\x00")) {
		return 0
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return 0
	}
	if ours, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || ours != theirs {
		return 0
	}
	return pid
}
