//go:build lab && cgo

package libvirt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/hypervisortest"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// A daemon that dies between opening a volume and plugging it in, or between unplugging it and closing it, leaves it open in
// QEMU, where its own lock keeps everyone from it.
func TestVolumeThatWasLeftOpen(t *testing.T) {
	s := newStage(t)
	driver, machine := s.open(t, 0), id.New[id.VM]()
	root, data := s.Disk(t, 0, "vda", "qcow2", false, hypervisortest.Blank), s.Disk(t, 0, "vdb", "qcow2", false, hypervisortest.Blank)
	check(t, driver.Define(t.Context(), hypervisor.Definition{
		VM: machine, Name: "torn", Spec: vm.Spec{CPUs: 1, MemoryBytes: 64 << 20}, Disks: []hypervisor.Disk{root},
	}))
	t.Cleanup(func() { s.remove(t, machine) })
	check(t, driver.SetPower(t.Context(), machine, hypervisor.On))
	open := func() {
		for _, node := range []string{
			fmt.Sprintf(`{"driver":"file","filename":%q,"node-name":"libvirt-99-storage","cache":{"direct":true}}`, data.Path),
			`{"driver":"qcow2","file":"libvirt-99-storage","node-name":"libvirt-99-format"}`,
		} {
			answer := s.lab(t, "sh", name(0), "virsh", "-c", "qemu:///system", "qemu-monitor-command", string(machine),
				`{"execute":"blockdev-add","arguments":`+node+`}`)
			if strings.Contains(answer, "error") {
				t.Fatal(answer)
			}
		}
	}
	open()
	check(t, driver.AttachDisk(t.Context(), machine, data))
	check(t, driver.SetPower(t.Context(), machine, hypervisor.Off))
	check(t, driver.DetachDisk(t.Context(), machine, data))
	check(t, driver.SetPower(t.Context(), machine, hypervisor.On))
	open()
	check(t, driver.DetachDisk(t.Context(), machine, data))
	open() // which it could not if it were open yet
}
