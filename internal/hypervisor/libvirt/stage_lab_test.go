//go:build lab && cgo

package libvirt_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/hypervisortest"
	"github.com/novacron/novacron/internal/hypervisor/libvirt"
	"github.com/novacron/novacron/internal/id"
)

// stage is the lab's hosts h1 and h2. A path of theirs is not always one of ours, so disks are made over there.
type stage struct {
	state string // the lab's state directory: the same on the hosts as here
	run   string // the hosts' /run directories
}

const labScript = "../../../deploy/lab/lab.sh"

// places of the contract's disks, as the hosts see them
const (
	localPlace  = "/var/lib/novacron/contract"
	sharedPlace = "/srv/novacron/shared/contract"
)

func newStage(t *testing.T) *stage {
	t.Helper()
	state := os.Getenv("NOVACRON_LAB")
	if state == "" {
		t.Fatal("these tests need the lab: set NOVACRON_LAB to its state directory; `make test` does")
	}
	s := &stage{state: state}
	for line := range strings.Lines(s.lab(t, "env")) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), "LAB_RUN="); found {
			s.run = value
		}
	}
	guest := filepath.Join(state, "guest.qcow2")
	for _, place := range []string{localPlace, sharedPlace} {
		for _, name := range []string{"h1", "h2"} {
			s.lab(t, "sh", name, "mkdir", "-p", place)
			s.lab(t, "sh", name, "cp", "--update", guest, filepath.Join(place, "base.qcow2"))
		}
	}
	return s
}

func (s *stage) lab(t *testing.T, args ...string) string {
	t.Helper()
	output, err := s.try(args...)
	if err != nil {
		t.Fatalf("lab.sh %v: %v\n%s", args, err, output)
	}
	return output
}

func (s *stage) try(args ...string) (string, error) {
	command := exec.Command(labScript, args...)
	command.Env = append(os.Environ(), "NOVACRON_DATA="+filepath.Dir(s.state))
	output, err := command.CombinedOutput()
	return string(output), err
}

func name(host int) string { return fmt.Sprintf("h%d", host+1) }

func (s *stage) options(host int) libvirt.Options {
	return libvirt.Options{
		URI:          fmt.Sprintf("qemu:///system?socket=%s/%s/libvirt/libvirt-sock", s.run, name(host)),
		Acceleration: libvirt.TCG, MigrationAddress: s.Address(host), MigrationScheme: "qemu+tcp",
		ExportDirectory: s.exports(host), Log: slog.New(slog.DiscardHandler),
	}
}

func (s *stage) exports(host int) string { return filepath.Join(s.state, "contract", name(host)) }

func (s *stage) open(t *testing.T, host int) *libvirt.Driver {
	t.Helper()
	driver, err := libvirt.New(s.options(host))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	return driver
}

func (s *stage) Open(t *testing.T, host int) hypervisortest.Driver { return s.open(t, host) }

func (s *stage) Address(host int) string { return fmt.Sprintf("10.77.0.%d", 11+host) }

func (s *stage) Disk(t *testing.T, host int, device, format string, shared bool, content hypervisortest.Content) hypervisor.Disk {
	t.Helper()
	place := localPlace
	if shared {
		place = sharedPlace
	}
	volume := id.New[id.Volume]()
	disk := hypervisor.Disk{Volume: volume, Device: device, Path: filepath.Join(place, string(volume)), Format: format, Shared: shared}
	s.image(t, host, disk, content)
	return disk
}

func (s *stage) image(t *testing.T, host int, disk hypervisor.Disk, content hypervisortest.Content) {
	t.Helper()
	args := []string{"sh", name(host), "qemu-img", "create", "-q", "-f", disk.Format}
	if content == hypervisortest.Blank {
		args = append(args, disk.Path, "16M")
	} else {
		args = append(args, "-F", "qcow2", "-b", filepath.Join(filepath.Dir(disk.Path), "base.qcow2"), disk.Path)
	}
	t.Cleanup(func() { s.lab(t, "sh", name(host), "rm", "-f", disk.Path) })
	// On a busy machine qemu-img was seen to be refused the lock of the file that it had just made itself.
	if _, err := s.try(args...); err != nil {
		s.lab(t, args...)
	}
}

// seeded is what the seeds of tests tell a guest.
var seeded = cloudinit.CloudInit{
	UserData: "#cloud-config\nruncmd: [[\"true\"]]\n", NetworkConfig: "version: 2\n",
	SSHKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGUPkJgmCKbH7PiFnFQ0yyAhGv6VK1oCUQYdKXjDcBLr ada@home"},
}

func (s *stage) Seed(t *testing.T) string {
	t.Helper()
	machine := id.New[id.VM]()
	content, err := cloudinit.Instance{VM: machine, Name: "from-its-seed", CloudInit: seeded}.Seed()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.state, "contract", string(machine)+".iso")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return path
}

func (s *stage) Receptacle(t *testing.T, host int, disk hypervisor.Disk) {
	t.Helper()
	content := hypervisortest.Blank
	if disk.Device == "vda" || disk.Device == "vdb" {
		content = hypervisortest.Overlay
	}
	s.image(t, host, disk, content)
}

func (s *stage) Write(t *testing.T, host int, machine id.VM, device string, offset, length int64) {
	t.Helper()
	// A disk that was just plugged in takes the guest a moment; without one, dd would write to a file of that name.
	s.inGuest(t, host, machine, "/bin/sh", "-c", fmt.Sprintf(
		"for i in $(seq 100); do [ -b /dev/%[1]s ] && break; sleep 0.1; done; [ -b /dev/%[1]s ] && dd if=/dev/urandom of=/dev/%[1]s bs=4096 seek=%[2]d count=%[3]d conv=notrunc,fsync",
		device, offset/4096, length/4096))
}

func (s *stage) Busy(t *testing.T, host int, machine id.VM) {
	t.Helper()
	s.inGuest(t, host, machine, "/usr/bin/guestctl", "dirty", "48", "40")
}

func (s *stage) inGuest(t *testing.T, host int, machine id.VM, program string, args ...string) {
	t.Helper()
	result, err := s.Open(t, host).Run(t.Context(), machine, program, args...)
	if err != nil || result.ExitCode != 0 {
		t.Fatalf("%s %v in the guest: %+v, %v", program, args, result, err)
	}
}

func (s *stage) Kill(t *testing.T, host int, machine id.VM) {
	t.Helper()
	killFile(t, filepath.Join(s.run, name(host), "libvirt", "qemu", string(machine)+".pid"))
}

// killFile kills the process whose ID a file holds.
func killFile(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Kill(processIn(t, path), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func processIn(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	process, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return process
}
