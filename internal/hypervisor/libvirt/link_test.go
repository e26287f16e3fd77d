//go:build cgo

package libvirt

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

func openDriver(t *testing.T, uri string) *Driver {
	t.Helper()
	driver, err := New(Options{URI: uri, Acceleration: TCG, ExportDirectory: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	return driver
}

func TestOptions(t *testing.T) {
	for name, options := range map[string]Options{
		"acceleration": {Acceleration: "xen", ExportDirectory: "/tmp"},
		"relative":     {ExportDirectory: "exports"},
		"too long":     {ExportDirectory: "/" + string(make([]byte, maximumExportDirectory))},
	} {
		if _, err := New(options); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// libvirt's own test driver has one domain, which is not ours, and knows no QEMU.
func TestForeignHost(t *testing.T) {
	driver := openDriver(t, "test:///default")
	machines, err := driver.List(t.Context())
	if err != nil || len(machines) != 1 || machines[0].VM != "" || machines[0].Name != "test" || machines[0].Power != hypervisor.On {
		t.Fatalf("%+v, %v", machines, err)
	}
	facts, err := driver.Facts(t.Context())
	if err != nil || facts.CPUs < 1 || facts.CPUModel == "" {
		t.Fatalf("%+v, %v", facts, err)
	}
	if samples, err := driver.Sample(t.Context()); err != nil || len(samples) != 0 {
		t.Fatalf("%+v, %v", samples, err)
	}
	ctx := t.Context()
	_, inspected := driver.Inspect(ctx, someVM)
	_, informed := driver.GuestInfo(ctx, someVM)
	_, shown := driver.VNCSocket(ctx, someVM)
	_, listed := driver.Checkpoints(ctx, someVM)
	_, adopted := driver.AdoptCheckpoints(ctx, someVM, nil)
	_, exported := driver.BeginExport(ctx, hypervisor.Export{VM: someVM, Checkpoint: "c"})
	_, ran := driver.Run(ctx, someVM, "/bin/true")
	_, froze := driver.Freeze(ctx, someVM)
	for number, err := range []error{
		inspected, informed, shown, listed, adopted, exported, ran, froze, driver.Thaw(ctx, someVM), driver.Shutdown(ctx, someVM),
		driver.SetPower(ctx, someVM, hypervisor.On), driver.DeleteCheckpoint(ctx, someVM, "c"),
		driver.StartMigration(ctx, hypervisor.Migration{VM: someVM, TargetAddress: "10.0.0.1"}),
		driver.TuneMigration(ctx, someVM, hypervisor.Tuning{PostCopy: true}),
	} {
		if !fault.Is(err, fault.KindNotFound) {
			t.Errorf("%d: %v", number, err)
		}
	}
	for number, err := range []error{
		driver.Undefine(ctx, someVM), driver.EndExport(ctx, someVM), driver.AbortMigration(ctx, someVM), driver.PrepareIncoming(ctx, someVM),
	} {
		if err != nil {
			t.Errorf("%d: %v", number, err)
		}
	}
	if err := driver.StartMigration(ctx, hypervisor.Migration{VM: someVM, TargetAddress: "h2"}); !fault.Is(err, fault.KindInvalid) {
		t.Error(err)
	}
	if status, err := driver.MigrationStatus(ctx, someVM); err != nil || status.Phase != hypervisor.MigrationGone {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestNobodyThere(t *testing.T) {
	driver := openDriver(t, "qemu:///system?socket="+filepath.Join(t.TempDir(), "none"))
	if _, err := driver.List(t.Context()); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	if err := driver.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := driver.List(t.Context()); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
}

// A daemon that accepts connections and says nothing must not hold callers beyond their patience, nor Close.
func TestSilentDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	driver := openDriver(t, "qemu:///system?socket="+socket)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := driver.List(ctx); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	if _, err := openWithin(ctx, driver.options.URI); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	driver := openDriver(t, "test:///default")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	release := make(chan struct{})
	interrupted, interrupt := context.WithCancel(ctx)
	_, err := call(interrupted, driver.main, func(*virt.Connect) (int, error) {
		interrupt()
		<-release
		return 1, nil
	})
	close(release)
	if !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	value, err := call(ctx, driver.main, func(*virt.Connect) (int, error) { return 7, nil })
	if err != nil || value != 7 {
		t.Fatal(value, err)
	}
}

func TestSessionIsReplaced(t *testing.T) {
	driver := openDriver(t, "test:///default")
	if _, err := driver.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan id.VM, 1)
	go func() { _ = driver.Watch(ctx, func(vm id.VM) { told <- vm }) }()
	defer cancel()
	first, err := driver.main.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first.calls.Done()
	first.giveUp()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if second, err := driver.main.enter(t.Context()); err == nil {
			second.calls.Done()
			if second != first {
				return
			}
		}
	}
	t.Fatal("a lost session was not replaced")
}
