//go:build lab && cgo

package libvirt_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// A VM that is off has no QEMU to remove a bitmap from its image. The image is where hosts and this test both see it.
func TestCheckpointOfVMThatIsOff(t *testing.T) {
	s := newStage(t)
	directory := filepath.Join(s.state, "contract", "images")
	check(t, os.MkdirAll(directory, 0o755))
	path := filepath.Join(directory, string(id.New[id.Volume]()))
	if output, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", path, "16M").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	t.Cleanup(func() { check(t, os.Remove(path)) })
	machine := id.New[id.VM]()
	driver := s.open(t, 0)
	check(t, driver.Define(t.Context(), hypervisor.Definition{
		VM: machine, Name: "off", Spec: vm.Spec{CPUs: 1, MemoryBytes: 64 << 20},
		Disks: []hypervisor.Disk{{Device: "vda", Path: path, Format: "qcow2"}},
	}))
	t.Cleanup(func() { s.remove(t, machine) })
	check(t, driver.SetPower(t.Context(), machine, hypervisor.On))
	for _, name := range []string{"one", "two"} {
		_, err := driver.BeginExport(t.Context(), hypervisor.Export{VM: machine, Checkpoint: name})
		check(t, err)
		check(t, driver.EndExport(t.Context(), machine))
	}
	check(t, driver.SetPower(t.Context(), machine, hypervisor.Off))
	if found := bitmaps(t, path); !strings.Contains(found, `"name": "one"`) || !strings.Contains(found, `"name": "two"`) {
		t.Fatalf("bitmaps must be written when a VM goes off: %s", found)
	}
	check(t, driver.DeleteCheckpoint(t.Context(), machine, "one"))
	if found := bitmaps(t, path); strings.Contains(found, `"name": "one"`) || !strings.Contains(found, `"name": "two"`) {
		t.Fatalf("bitmaps: %s", found)
	}
	left, err := driver.Checkpoints(t.Context(), machine)
	if err != nil || len(left) != 1 || left[0].Name != "two" {
		t.Fatalf("%+v, %v", left, err)
	}
}

func bitmaps(t *testing.T, path string) string {
	t.Helper()
	output, err := exec.Command("qemu-img", "info", "--output=json", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return string(output)
}
