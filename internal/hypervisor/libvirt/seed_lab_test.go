//go:build lab && cgo

package libvirt_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/hypervisortest"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// TestGuestReadsItsSeed proves that a guest finds what it is told, in the drive that the driver gives it.
func TestGuestReadsItsSeed(t *testing.T) {
	s := newStage(t)
	driver := s.open(t, 0)
	definition := hypervisor.Definition{
		VM: id.New[id.VM](), Name: "told", Spec: vm.Spec{CPUs: 1, MemoryBytes: 128 << 20},
		Disks: []hypervisor.Disk{s.Disk(t, 0, "vda", "qcow2", false, hypervisortest.System)}, Seed: s.Seed(t),
	}
	if err := driver.Define(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.lab(t, "sh", "h1", "virsh", "-q", "undefine", string(definition.VM)) })
	if err := driver.SetPower(t.Context(), definition.VM, hypervisor.On); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.lab(t, "sh", "h1", "virsh", "-q", "destroy", string(definition.VM)) })
	read := func() bool {
		answer, err := driver.Run(t.Context(), definition.VM, "/bin/cat", "/run/cloud-init/done")
		return err == nil && answer.ExitCode == 0
	}
	for deadline := time.Now().Add(3 * time.Minute); !read(); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatal("the guest has not read its seed")
		}
	}
	for question, want := range map[string]string{
		"hostname":                                  "from-its-seed",
		"cat /root/.ssh/authorized_keys":            seeded.SSHKeys[0],
		"cat /run/cloud-init/user-data.sha256":      fmt.Sprintf("%x", sha256.Sum256([]byte(seeded.UserData))),
		"cat /run/cloud-init/network-config.sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(seeded.NetworkConfig))),
		"cat /run/cloud-init/done":                  "/dev/sr0",
		"touch /dev/sr0 && dd if=/dev/zero of=/dev/sr0 bs=2048 count=1 conv=fsync 2>/dev/null || echo read-only": "read-only",
	} {
		answer, err := driver.Run(t.Context(), definition.VM, "/bin/sh", "-c", question)
		if err != nil || strings.TrimSpace(answer.Output) != want {
			t.Errorf("%s: %q, %v; want %q", question, answer.Output, err, want)
		}
	}
}
