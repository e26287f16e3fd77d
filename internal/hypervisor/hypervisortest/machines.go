package hypervisortest

import (
	"context"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

func testDefinitions(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	disk := stage.Disk(t, 0, "vda", "qcow2", false, Blank)
	definition := define(t, stage, 0, disk)
	must(t, driver.Define(ctx, definition))

	found, err := driver.Inspect(ctx, definition.VM)
	must(t, err)
	want := hypervisor.Machine{VM: definition.VM, Name: definition.Name, Power: hypervisor.Off, Disks: []hypervisor.Disk{disk}}
	if !reflect.DeepEqual(found, want) {
		t.Fatalf("inspect: got %+v, want %+v", found, want)
	}
	all, err := driver.List(ctx)
	must(t, err)
	if !slices.ContainsFunc(all, func(m hypervisor.Machine) bool { return reflect.DeepEqual(m, want) }) {
		t.Fatalf("list: %+v is not in %+v", want, all)
	}

	definition.Name, definition.Spec.CPUs = "web-2", 2
	twice(t, func() error { return driver.Define(ctx, definition) })
	if found, err = driver.Inspect(ctx, definition.VM); err != nil || found.Name != "web-2" {
		t.Fatalf("after it was redefined: %+v, %v", found, err)
	}
	twice(t, func() error { return driver.Undefine(ctx, definition.VM) })
	_, err = driver.Inspect(ctx, definition.VM)
	refused(t, err, fault.KindNotFound)
}

func testRefusals(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	disk := stage.Disk(t, 0, "vda", "qcow2", false, Blank)
	for name, spoil := range map[string]func(*hypervisor.Definition){
		"no memory":       func(d *hypervisor.Definition) { d.Spec = vm.Spec{CPUs: 1} },
		"relative path":   func(d *hypervisor.Definition) { d.Disks[0].Path = "disk.qcow2" },
		"odd format":      func(d *hypervisor.Definition) { d.Disks[0].Format = "vmdk" },
		"no device":       func(d *hypervisor.Definition) { d.Disks[0].Device = "" },
		"no ID":           func(d *hypervisor.Definition) { d.VM = "" },
		"bad MAC address": func(d *hypervisor.Definition) { d.Interfaces = []hypervisor.BridgedCard{{MAC: "x", Bridge: "br0"}} },
	} {
		definition := newDefinition(disk)
		spoil(&definition)
		if err := driver.Define(ctx, definition); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: want invalid, got %v", name, err)
		}
	}
	missing := id.New[id.VM]()
	_, inspected := driver.Inspect(ctx, missing)
	_, informed := driver.GuestInfo(ctx, missing)
	_, shown := driver.VNCSocket(ctx, missing)
	_, listed := driver.Checkpoints(ctx, missing)
	_, exported := driver.BeginExport(ctx, hypervisor.Export{VM: missing, Checkpoint: "c1"})
	for _, err := range []error{
		inspected, informed, shown, listed, exported, driver.SetPower(ctx, missing, hypervisor.On), driver.Shutdown(ctx, missing),
		driver.StartMigration(ctx, hypervisor.Migration{VM: missing, TargetAddress: stage.Address(1)}),
		driver.TuneMigration(ctx, missing, hypervisor.Tuning{DowntimeMS: 1}), driver.DeleteCheckpoint(ctx, missing, "c1"),
	} {
		refused(t, err, fault.KindNotFound)
	}
	must(t, driver.Undefine(ctx, missing))
	must(t, driver.EndExport(ctx, missing))
	must(t, driver.AbortMigration(ctx, missing))
	must(t, driver.PrepareIncoming(ctx, missing))
	if status, err := driver.MigrationStatus(ctx, missing); err != nil || status.Phase != hypervisor.MigrationGone {
		t.Fatalf("the migration of a VM that is not here: %+v, %v", status, err)
	}
}

func testPower(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	definition := define(t, stage, 0, stage.Disk(t, 0, "vda", "qcow2", false, Blank))
	machine := definition.VM

	refused(t, driver.SetPower(ctx, machine, hypervisor.Suspended), fault.KindConflict)
	refused(t, driver.SetPower(ctx, machine, "half"), fault.KindInvalid)
	_, err := driver.VNCSocket(ctx, machine)
	refused(t, err, fault.KindConflict)
	_, err = driver.GuestInfo(ctx, machine)
	refused(t, err, fault.KindConflict)
	_, err = driver.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "c1"})
	refused(t, err, fault.KindConflict)
	twice(t, func() error { return driver.SetPower(ctx, machine, hypervisor.Off) })
	must(t, driver.Thaw(ctx, machine))

	twice(t, func() error { return driver.SetPower(ctx, machine, hypervisor.On) })
	wantPower(t, driver, machine, hypervisor.On)
	must(t, driver.Define(ctx, definition))
	other := definition
	other.Spec.CPUs = 2
	refused(t, driver.Define(ctx, other), fault.KindConflict)
	refused(t, driver.Undefine(ctx, machine), fault.KindConflict)
	refused(t, driver.PrepareIncoming(ctx, machine), fault.KindConflict)
	socket, err := driver.VNCSocket(ctx, machine)
	if err != nil || socket == "" {
		t.Fatalf("VNC socket %q, %v", socket, err)
	}
	samples, err := driver.Sample(ctx)
	must(t, err)
	at := slices.IndexFunc(samples, func(s hypervisor.Sample) bool { return s.VM == machine })
	if at < 0 || samples[at].CPUs != 1 || samples[at].MemoryBytes != memoryBytes || samples[at].At.IsZero() || samples[at].CPUNanoseconds == 0 {
		t.Fatalf("samples: %+v", samples)
	}

	twice(t, func() error { return driver.SetPower(ctx, machine, hypervisor.Suspended) })
	wantPower(t, driver, machine, hypervisor.Suspended)
	twice(t, func() error { return driver.SetPower(ctx, machine, hypervisor.On) })
	wantPower(t, driver, machine, hypervisor.On)
	twice(t, func() error { return driver.SetPower(ctx, machine, hypervisor.Off) })
	if found := wantPower(t, driver, machine, hypervisor.Off); found.Crashed {
		t.Fatal("a VM that was switched off has not crashed")
	}
	must(t, driver.Define(ctx, other))
}

func testCrash(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	definition := define(t, stage, 0, stage.Disk(t, 0, "vda", "qcow2", false, Blank))
	must(t, driver.SetPower(ctx, definition.VM, hypervisor.On))
	stage.Kill(t, 0, definition.VM)
	eventually(t, "the crash is seen", func() bool {
		found, err := driver.Inspect(ctx, definition.VM)
		must(t, err)
		return found.Power == hypervisor.Off && found.Crashed
	})
	must(t, driver.SetPower(ctx, definition.VM, hypervisor.On))
	wantPower(t, driver, definition.VM, hypervisor.On)
	must(t, driver.SetPower(ctx, definition.VM, hypervisor.Off))
	if found := wantPower(t, driver, definition.VM, hypervisor.Off); found.Crashed {
		t.Fatal("a VM that was switched off has not crashed")
	}
}

func testFacts(t *testing.T, stage Stage) {
	facts, err := stage.Open(t, 0).Facts(t.Context())
	must(t, err)
	if facts.CPUs < 1 || facts.MemoryBytes < memoryBytes || facts.Architecture == "" || facts.LibvirtVersion == "" ||
		facts.HypervisorVersion == "" || facts.Acceleration == "" || facts.MigrationAddress != stage.Address(0) {
		t.Fatalf("%+v", facts)
	}
}

func testGuest(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	machine := boot(t, stage, 0, false).VM
	if info := awaitAgent(t, driver, machine); info.Hostname == "" {
		t.Fatalf("%+v", info)
	}
	count, err := driver.Freeze(ctx, machine)
	must(t, err)
	again, err := driver.Freeze(ctx, machine)
	if err != nil || count < 1 || again != count {
		t.Fatalf("froze %d, then %d file systems: %v", count, again, err)
	}
	twice(t, func() error { return driver.Thaw(ctx, machine) })
	result, err := driver.Run(ctx, machine, "/bin/true")
	if err != nil || result.ExitCode != 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	must(t, driver.SetPower(ctx, machine, hypervisor.Suspended))
	_, err = driver.GuestInfo(ctx, machine)
	refused(t, err, fault.KindUnavailable)
	must(t, driver.SetPower(ctx, machine, hypervisor.On))
	awaitAgent(t, driver, machine)

	twice(t, func() error { return driver.Shutdown(ctx, machine) })
	eventually(t, "the guest switches itself off", func() bool {
		found, err := driver.Inspect(ctx, machine)
		must(t, err)
		return found.Power == hypervisor.Off
	})
	if found := wantPower(t, driver, machine, hypervisor.Off); found.Crashed {
		t.Fatal("a VM that switched itself off has not crashed")
	}
	must(t, driver.Shutdown(ctx, machine))
}

func testWatch(t *testing.T, stage Stage) {
	driver := stage.Open(t, 0)
	definition := define(t, stage, 0, stage.Disk(t, 0, "vda", "qcow2", false, Blank))
	ctx, cancel := context.WithCancel(t.Context())
	var seen atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- driver.Watch(ctx, func(machine id.VM) {
			if machine == definition.VM {
				seen.Add(1)
			}
		})
	}()
	eventually(t, "a change is told", func() bool {
		must(t, driver.SetPower(t.Context(), definition.VM, hypervisor.On))
		must(t, driver.SetPower(t.Context(), definition.VM, hypervisor.Off))
		return seen.Load() > 0
	})
	cancel()
	if err := <-ended; err == nil {
		t.Fatal("a watch ends with its context's error")
	}
}

func testSecrets(t *testing.T, stage Stage) {
	ctx, driver := t.Context(), stage.Open(t, 0)
	whole := hypervisor.Secret{UUID: "6f3c1f0e-33f0-4a41-9d3c-5a3f7b0c2d11", User: "contract", Key: "QUJDREVGR0g="}
	for range 2 {
		must(t, driver.KeepSecret(ctx, whole))
	}
	for name, spoil := range map[string]func(*hypervisor.Secret){
		"no UUID":   func(s *hypervisor.Secret) { s.UUID = "" },
		"no user":   func(s *hypervisor.Secret) { s.User = "" },
		"no key":    func(s *hypervisor.Secret) { s.Key = "" },
		"no base64": func(s *hypervisor.Secret) { s.Key = "ä" },
	} {
		spoilt := whole
		spoil(&spoilt)
		if err := driver.KeepSecret(ctx, spoilt); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	unknown := volume.RBD{Monitors: []string{"127.0.0.1:1"}, Pool: "vms", Image: "a", User: "contract", Secret: "00000000-33f0-4a41-9d3c-5a3f7b0c2d11"}
	definition := define(t, stage, 0, hypervisor.Disk{Device: "vda", Path: unknown.Location(), Format: "raw", Shared: true})
	if err := driver.SetPower(ctx, definition.VM, hypervisor.On); err == nil {
		t.Error("a VM starts although the secret of its disk is not known")
	}
}
