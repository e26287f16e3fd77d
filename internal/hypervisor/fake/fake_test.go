package fake_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/id"
	nbdfake "github.com/novacron/novacron/internal/nbd/fake"
	"github.com/novacron/novacron/internal/vm"
)

const machine id.VM = "vm_01JD3M8Q7X2C4W9V6T5R1N0KZP"

func running(t *testing.T) (*fake.Cluster, *fake.Host, *fake.Host) {
	t.Helper()
	cluster := fake.NewCluster()
	source, target := cluster.Host("h1", "10.0.0.1"), cluster.Host("h2", "10.0.0.2")
	check(t, source.Define(t.Context(), hypervisor.Definition{
		VM: machine, Name: "web", Spec: vm.Spec{CPUs: 1, MemoryBytes: 1 << 30},
		Disks: []hypervisor.Disk{{Device: "vda", Path: "/pool/1", Format: "qcow2", Shared: true}},
	}))
	check(t, source.SetPower(t.Context(), machine, hypervisor.On))
	return cluster, source, target
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func migration() hypervisor.Migration {
	return hypervisor.Migration{VM: machine, TargetAddress: "10.0.0.2", AllowThrottle: true, AllowPostCopy: true}
}

func phase(t *testing.T, host *fake.Host, want hypervisor.MigrationPhase) hypervisor.MigrationStatus {
	t.Helper()
	status, err := host.MigrationStatus(t.Context(), machine)
	if err != nil || status.Phase != want {
		t.Fatalf("want %s, got %+v, %v", want, status, err)
	}
	return status
}

func TestFaults(t *testing.T) {
	_, host, _ := running(t)
	broken := errors.New("broken")
	host.Inject("SetPower", fake.Fault{Nth: 2, Error: broken})
	check(t, host.SetPower(t.Context(), machine, hypervisor.Suspended))
	if err := host.SetPower(t.Context(), machine, hypervisor.On); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	check(t, host.SetPower(t.Context(), machine, hypervisor.On))

	host.Inject("SetPower", fake.Fault{HalfWay: true, Error: broken})
	for range 2 {
		if err := host.SetPower(t.Context(), machine, hypervisor.Suspended); !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	if found, err := host.Inspect(t.Context(), machine); err != nil || found.Power != hypervisor.Suspended {
		t.Fatalf("a fault half way leaves its effect: %+v, %v", found, err)
	}
	host.Heal("SetPower")
	check(t, host.SetPower(t.Context(), machine, hypervisor.On))
	if calls := host.Calls("SetPower"); calls != 7 {
		t.Fatalf("%d calls", calls)
	}

	host.Inject("Inspect", fake.Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := host.Inspect(ctx, machine); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	host.Heal()
	if _, err := host.Inspect(t.Context(), machine); err != nil {
		t.Fatal(err)
	}
}

func TestConvergence(t *testing.T) {
	cluster, source, target := running(t)
	source.SetLoad(machine, fake.Load{DirtyRateBytes: 2 << 30})
	check(t, source.StartMigration(t.Context(), migration()))
	for range 10 {
		phase(t, source, hypervisor.MigrationActive)
	}
	check(t, source.TuneMigration(t.Context(), machine, hypervisor.Tuning{Throttle: true}))
	check(t, source.TuneMigration(t.Context(), machine, hypervisor.Tuning{DowntimeMS: 60_000}))
	status := phase(t, source, hypervisor.MigrationActive)
	if last := status.Rounds[len(status.Rounds)-1]; last.ThrottlePercent != 40 || len(status.Rounds) != 11 {
		t.Fatalf("%+v", last)
	}
	phase(t, source, hypervisor.MigrationDone)
	phase(t, source, hypervisor.MigrationDone)
	if homes := cluster.RunningOn(machine); len(homes) != 1 || homes[0] != "h2" {
		t.Fatal(homes)
	}
	if homes := cluster.DefinedOn(machine); len(homes) != 1 || homes[0] != "h2" {
		t.Fatal(homes)
	}
	if arrival := phase(t, target, hypervisor.MigrationNone); arrival.Outcome == nil {
		t.Fatal("the target knows what it received")
	}
}

func TestMigrationFailsByItself(t *testing.T) {
	cluster, source, _ := running(t)
	source.SetLoad(machine, fake.Load{DirtyRateBytes: 2 << 30, BandwidthBytes: 1 << 20, FailAt: 3, FailMessage: "no more"})
	check(t, source.StartMigration(t.Context(), migration()))
	phase(t, source, hypervisor.MigrationActive)
	phase(t, source, hypervisor.MigrationActive)
	if status := phase(t, source, hypervisor.MigrationFailed); status.Error != "no more" {
		t.Fatalf("%+v", status)
	}
	if homes := cluster.RunningOn(machine); len(homes) != 1 || homes[0] != "h1" {
		t.Fatal(homes)
	}
	if leaks := cluster.Leaks(); len(leaks) > 0 {
		t.Fatal(leaks)
	}
}

func TestHypervisorGoesAway(t *testing.T) {
	for name, away := range map[string]func(source, target *fake.Host){
		"source": func(source, _ *fake.Host) { source.Disconnect() },
		"target": func(_, target *fake.Host) { target.Disconnect() },
	} {
		t.Run(name, func(t *testing.T) {
			cluster, source, target := running(t)
			source.SetLoad(machine, fake.Load{DirtyRateBytes: 2 << 30})
			check(t, source.StartMigration(t.Context(), migration()))
			away(source, target)
			source.Reconnect()
			phase(t, source, hypervisor.MigrationFailed)
			target.Reconnect()
			if homes := cluster.DefinedOn(machine); len(homes) != 1 || homes[0] != "h1" {
				t.Fatal(homes)
			}
			if leaks := cluster.Leaks(); len(leaks) > 0 {
				t.Fatal(leaks)
			}
		})
	}
}

func TestPowerCut(t *testing.T) {
	cluster, source, target := running(t)
	source.SetLoad(machine, fake.Load{DirtyRateBytes: 2 << 30})
	check(t, source.StartMigration(t.Context(), migration()))
	target.CutPower()
	phase(t, source, hypervisor.MigrationFailed)
	if _, err := target.List(t.Context()); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	target.RestorePower()
	check(t, source.StartMigration(t.Context(), migration()))
	source.CutPower()
	source.RestorePower()
	found, err := source.Inspect(t.Context(), machine)
	if err != nil || found.Power != hypervisor.Off || !found.Crashed {
		t.Fatalf("%+v, %v", found, err)
	}
	if homes := cluster.DefinedOn(machine); len(homes) != 1 {
		t.Fatal(homes)
	}
}

func TestLeaks(t *testing.T) {
	cluster, source, target := running(t)
	check(t, target.Define(t.Context(), hypervisor.Definition{VM: machine, Name: "web", Spec: vm.Spec{CPUs: 1, MemoryBytes: 1 << 30}}))
	if _, err := source.Freeze(t.Context(), machine); err != nil {
		t.Fatal(err)
	}
	if _, err := source.BeginExport(t.Context(), hypervisor.Export{VM: machine, Checkpoint: "one"}); err != nil {
		t.Fatal(err)
	}
	if leaks := cluster.Leaks(); len(leaks) != 3 {
		t.Fatal(leaks)
	}
	check(t, source.EndExport(t.Context(), machine))
}

func TestGuests(t *testing.T) {
	_, host, _ := running(t)
	address := netip.MustParseAddr("10.90.0.2")
	host.SetAddresses(machine, address)
	host.OnRun(machine, func(program string, args []string) hypervisor.RunResult {
		return hypervisor.RunResult{ExitCode: len(args), Output: program}
	})
	info, err := host.GuestInfo(t.Context(), machine)
	if err != nil || info.Hostname != "web" || info.Addresses[0] != address {
		t.Fatalf("%+v, %v", info, err)
	}
	if result, err := host.Run(t.Context(), machine, "ls", "/"); err != nil || result.ExitCode != 1 || result.Output != "ls" {
		t.Fatalf("%+v, %v", result, err)
	}
	host.SilenceAgent(machine, true)
	if _, err := host.Freeze(t.Context(), machine); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	host.IgnoreShutdown(machine, true)
	check(t, host.Shutdown(t.Context(), machine))
	if found, err := host.Inspect(t.Context(), machine); err != nil || found.Power != hypervisor.On {
		t.Fatalf("%+v, %v", found, err)
	}
	host.AddForeign("other", hypervisor.On)
	if all, err := host.List(t.Context()); err != nil || len(all) != 2 || all[1].VM != "" {
		t.Fatalf("%+v, %v", all, err)
	}
}

func TestAttachedDisk(t *testing.T) {
	_, host, _ := running(t)
	bytes := nbdfake.NewDisk(1 << 20)
	host.PutDisk("/pool/1", true, bytes)
	if found, err := host.Disk(machine, "vda"); err != nil || found != bytes {
		t.Fatal(found, err)
	}
	if _, err := host.Disk(machine, "vdb"); !fault.Is(err, fault.KindNotFound) {
		t.Fatal(err)
	}
	check(t, bytes.WriteAt([]byte{1}, 0))
	samples, err := host.Sample(t.Context())
	if err != nil || len(samples) != 1 || samples[0].DiskUsedBytes != nbdfake.BlockBytes {
		t.Fatalf("%+v, %v", samples, err)
	}
}
