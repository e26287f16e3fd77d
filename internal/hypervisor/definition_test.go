package hypervisor_test

import (
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

func TestCheckDefinition(t *testing.T) {
	whole := func() hypervisor.Definition {
		return hypervisor.Definition{
			VM: "vm_01JD3M8Q7X2C4W9V6T5R1N0KZP", Spec: vm.Spec{CPUs: 1, MemoryBytes: vm.MinMemoryBytes},
			Disks:      []hypervisor.Disk{{Device: "vda", Path: "/a", Format: "qcow2"}, {Device: "vdb", Path: "/b", Format: "raw"}},
			Interfaces: []hypervisor.BridgedCard{{MAC: "52:54:00:00:00:01", Bridge: "br0"}},
		}
	}
	inCeph := volume.RBD{Monitors: []string{"10.0.0.1:3300"}, Pool: "vms", Image: "a", User: "novacron", Secret: "6f3c1f0e-33f0-4a41-9d3c-5a3f7b0c2d11"}
	place := func(d *hypervisor.Definition, location volume.RBD) {
		d.Disks[0] = hypervisor.Disk{Device: "vda", Path: location.Location(), Format: "raw", Shared: true}
	}
	networked := whole()
	place(&networked, inCeph)
	for _, fine := range []hypervisor.Definition{whole(), networked} {
		if err := hypervisor.CheckDefinition(fine); err != nil {
			t.Fatal(err)
		}
	}
	withoutSecret, oddMonitor := inCeph, inCeph
	withoutSecret.Secret, oddMonitor.Monitors = "", []string{"10.0.0.1"}
	for name, spoil := range map[string]func(*hypervisor.Definition){
		"no ID":         func(d *hypervisor.Definition) { d.VM = "" },
		"no CPU":        func(d *hypervisor.Definition) { d.Spec.CPUs = 0 },
		"same device":   func(d *hypervisor.Definition) { d.Disks[1].Device = "vda" },
		"relative path": func(d *hypervisor.Definition) { d.Disks[0].Path = "a" },
		"odd format":    func(d *hypervisor.Definition) { d.Disks[0].Format = "vhd" },
		"no secret":     func(d *hypervisor.Definition) { place(d, withoutSecret) },
		"odd monitor":   func(d *hypervisor.Definition) { place(d, oddMonitor) },
		"no location":   func(d *hypervisor.Definition) { d.Disks[0].Path = "rbd:vms" },
		"qcow2 in Ceph": func(d *hypervisor.Definition) { place(d, inCeph); d.Disks[0].Format = "qcow2" },
		"not shared":    func(d *hypervisor.Definition) { place(d, inCeph); d.Disks[0].Shared = false },
		"odd MAC":       func(d *hypervisor.Definition) { d.Interfaces[0].MAC = "1" },
	} {
		definition := whole()
		spoil(&definition)
		if err := hypervisor.CheckDefinition(definition); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStateOfMachine(t *testing.T) {
	for _, row := range []struct {
		machine hypervisor.Machine
		want    vm.State
	}{
		{hypervisor.Machine{Power: hypervisor.On}, vm.Running},
		{hypervisor.Machine{Power: hypervisor.Suspended}, vm.Paused},
		{hypervisor.Machine{Power: hypervisor.Off}, vm.Stopped},
		{hypervisor.Machine{Power: hypervisor.Off, Crashed: true}, vm.Crashed},
	} {
		if got := row.machine.State(); got != row.want {
			t.Errorf("%+v: %s", row.machine, got)
		}
	}
}
