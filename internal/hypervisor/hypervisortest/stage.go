package hypervisortest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// Driver is a driver with every optional power.
type Driver interface {
	hypervisor.Host
	hypervisor.Guest
	hypervisor.Migrator
	hypervisor.Snapshotter
	hypervisor.DiskMover
	hypervisor.DiskGrower
	hypervisor.DiskAttacher
	hypervisor.DiskLimiter
	hypervisor.DiskSnapshotter
	hypervisor.Screen
	hypervisor.Watcher
	hypervisor.SecretKeeper
}

// Content is what a disk begins with.
type Content string

// The contents. A system boots and starts an agent; an overlay stands on a base image that both hosts have.
const (
	Blank   Content = "blank"
	System  Content = "system"
	Overlay Content = "overlay"
)

// Stage is two hosts and what surrounds them. Its methods end the test if they fail.
type Stage interface {
	// Open returns a fresh driver for host 0 or 1, as a worker that was started again would have; it is closed by the stage.
	Open(t *testing.T, host int) Driver
	// Address is the host's migration address.
	Address(host int) string
	// Disk makes a disk on the host, or on both if it is shared, that is removed when the test ends.
	Disk(t *testing.T, host int, device, format string, shared bool, content Content) hypervisor.Disk
	// Seed makes a seed at the same path on both hosts, which is removed when the test ends.
	Seed(t *testing.T) string
	// Receptacle makes the file on the host into which a migration copies the disk.
	Receptacle(t *testing.T, host int, disk hypervisor.Disk)
	// Write lets the guest of a VM with a system write random bytes to the disk and flush them.
	Write(t *testing.T, host int, machine id.VM, device string, offset, length int64)
	// Busy lets the guest of a VM with a system dirty memory faster than 8 MiB a second, so that a migration at that
	// bandwidth does not end by itself.
	Busy(t *testing.T, host int, machine id.VM)
	// Kill lets the VM's process die.
	Kill(t *testing.T, host int, machine id.VM)
}

const (
	memoryBytes   = 128 << 20
	slowBandwidth = 8 << 20
	// patience is how long something that must happen may take on a slow machine without hardware virtualisation.
	patience = 180 * time.Second
)

// Test runs the whole contract.
func Test(t *testing.T, stage Stage) {
	for name, test := range map[string]func(*testing.T, Stage){
		"Definitions": testDefinitions, "Refusals": testRefusals, "Power": testPower, "Crash": testCrash, "Facts": testFacts, "Secrets": testSecrets,
		"Guest": testGuest, "Watch": testWatch, "Exports": testExports, "BrokenBitmap": testBrokenBitmap, "RawExport": testRawExport,
		"MigrateShared": testMigrateShared, "MigrateSuspended": testMigrateSuspended, "MigrateCopies": testMigrateCopies,
		"MigrateBusy": testMigrateBusy, "MigratePostCopy": testMigratePostCopy, "MigrateRefusals": testMigrateRefusals,
		"PrepareIncoming": testPrepareIncoming, "DiskCopy": testDiskCopy, "GrowDisk": testGrowDisk, "AttachDisk": testAttachDisk, "SnapshotDisks": testSnapshotDisks, "LimitDisk": testLimitDisk,
		"Seed": testSeed,
	} {
		t.Run(name, func(t *testing.T) { test(t, stage) })
	}
}

func newDefinition(disks ...hypervisor.Disk) hypervisor.Definition {
	machine := id.New[id.VM]()
	return hypervisor.Definition{
		VM: machine, Name: "web-1", Spec: vm.Spec{CPUs: 1, MemoryBytes: memoryBytes}, Disks: disks,
		Labels: map[string]string{"purpose": "test"},
	}
}

// define makes a VM that is gone when the test ends, on whichever host it is then.
func define(t *testing.T, stage Stage, host int, disks ...hypervisor.Disk) hypervisor.Definition {
	t.Helper()
	definition := newDefinition(disks...)
	must(t, stage.Open(t, host).Define(t.Context(), definition))
	t.Cleanup(func() { vanish(t, stage, definition.VM) })
	return definition
}

func vanish(t *testing.T, stage Stage, machine id.VM) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for host := range 2 {
		driver := stage.Open(t, host)
		if _, err := driver.Inspect(ctx, machine); fault.Is(err, fault.KindNotFound) {
			continue
		}
		if err := driver.AbortMigration(ctx, machine); err != nil {
			t.Logf("abort at the end: %v", err)
		}
		if err := driver.EndExport(ctx, machine); err != nil {
			t.Errorf("end the export at the end: %v", err)
		}
		if err := driver.SetPower(ctx, machine, hypervisor.Off); err != nil && !fault.Is(err, fault.KindNotFound) {
			t.Errorf("switch off at the end: %v", err)
		}
		if err := driver.Undefine(ctx, machine); err != nil {
			t.Errorf("undefine at the end: %v", err)
		}
	}
}

// boot defines a VM with a system on a qcow2 disk, starts it and waits for its agent.
func boot(t *testing.T, stage Stage, host int, shared bool) hypervisor.Definition {
	t.Helper()
	definition := define(t, stage, host, stage.Disk(t, host, "vda", "qcow2", shared, System))
	driver := stage.Open(t, host)
	must(t, driver.SetPower(t.Context(), definition.VM, hypervisor.On))
	awaitAgent(t, driver, definition.VM)
	return definition
}

func awaitAgent(t *testing.T, driver Driver, machine id.VM) hypervisor.GuestInfo {
	t.Helper()
	var info hypervisor.GuestInfo
	eventually(t, "the agent answers", func() bool {
		var err error
		info, err = driver.GuestInfo(t.Context(), machine)
		if err != nil && !fault.Is(err, fault.KindUnavailable) {
			t.Fatalf("an agent that is not there yet must be unavailable: %v", err)
		}
		return err == nil
	})
	return info
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatalf("it did not happen in %v that %s", patience, what)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s; cause: %v)", err, fault.KindOf(err), causeOf(err))
	}
}

// twice calls an ensure two times.
func twice(t *testing.T, ensure func() error) {
	t.Helper()
	must(t, ensure())
	must(t, ensure())
}

func causeOf(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		err = inner.Unwrap()
	}
}

func refused(t *testing.T, err error, kinds ...fault.Kind) {
	t.Helper()
	if !slices.Contains(kinds, fault.KindOf(err)) {
		t.Fatalf("want one of %v, got %q: %v", kinds, fault.KindOf(err), err)
	}
}

func wantPower(t *testing.T, driver Driver, machine id.VM, power hypervisor.Power) hypervisor.Machine {
	t.Helper()
	found, err := driver.Inspect(t.Context(), machine)
	must(t, err)
	if found.Power != power {
		t.Fatalf("want power %s, got %+v", power, found)
	}
	return found
}
