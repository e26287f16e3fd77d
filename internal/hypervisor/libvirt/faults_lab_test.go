//go:build lab && cgo

package libvirt_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/hypervisortest"
	"github.com/novacron/novacron/internal/hypervisor/libvirt"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

const patience = 180 * time.Second

func (s *stage) killDaemon(t *testing.T, host int) {
	t.Helper()
	killFile(t, filepath.Join(s.run, name(host), "libvirtd.pid"))
}

// await waits until a condition holds; Unavailable passes while daemons come back.
func await(t *testing.T, what string, holds func() (bool, error)) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		held, err := holds()
		if held && err == nil {
			return
		}
		if err != nil && !fault.Is(err, fault.KindUnavailable) {
			t.Fatalf("while waiting until %s: %v", what, err)
		}
		last = err
	}
	t.Fatalf("it did not happen in %v that %s; last: %v", patience, what, last)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, fault.KindOf(err))
	}
}

// busy boots a VM that dirties its memory on h1, with its disk on shared storage.
func (s *stage) busy(t *testing.T) id.VM {
	t.Helper()
	disk := s.Disk(t, 0, "vda", "qcow2", true, hypervisortest.System)
	machine := s.on(t, disk)
	s.Busy(t, 0, machine)
	return machine
}

// on starts a VM on h1 and waits for its agent if it boots.
func (s *stage) on(t *testing.T, disk hypervisor.Disk) id.VM {
	t.Helper()
	machine := id.New[id.VM]()
	driver := s.open(t, 0)
	check(t, driver.Define(t.Context(), hypervisor.Definition{
		VM: machine, Name: "fault-test", Spec: vm.Spec{CPUs: 1, MemoryBytes: 128 << 20}, Disks: []hypervisor.Disk{disk},
	}))
	t.Cleanup(func() { s.remove(t, machine) })
	check(t, driver.SetPower(t.Context(), machine, hypervisor.On))
	await(t, "the agent answers", func() (bool, error) {
		_, err := driver.GuestInfo(t.Context(), machine)
		return err == nil, err
	})
	return machine
}

func (s *stage) remove(t *testing.T, machine id.VM) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for host := range 2 {
		driver, err := libvirt.New(s.options(host))
		check(t, err)
		await(t, "libvirt answers", func() (bool, error) {
			_, err := driver.List(ctx)
			return err == nil, err
		})
		_ = driver.AbortMigration(ctx, machine)
		_ = driver.EndExport(ctx, machine)
		_ = driver.SetPower(ctx, machine, hypervisor.Off)
		check(t, driver.Undefine(ctx, machine))
		_ = driver.Close()
	}
}

// slow is a migration that a busy guest keeps from ending.
func (s *stage) slow(machine id.VM) hypervisor.Migration {
	return hypervisor.Migration{VM: machine, TargetAddress: s.Address(1), BandwidthBytes: 8 << 20, DowntimeMS: 1, AllowPostCopy: true}
}

func (s *stage) sending(t *testing.T, driver *libvirt.Driver, machine id.VM) {
	t.Helper()
	await(t, "memory is sent", func() (bool, error) {
		status, err := driver.MigrationStatus(t.Context(), machine)
		return len(status.Rounds) > 0, err
	})
}

// stays checks that a VM runs on h1 and nowhere else, and that it could be migrated again.
func (s *stage) stays(t *testing.T, machine id.VM) {
	t.Helper()
	source, target := s.open(t, 0), s.open(t, 1)
	await(t, "the VM runs at the source, without a job", func() (bool, error) {
		found, err := source.Inspect(t.Context(), machine)
		return found.Power == hypervisor.On && found.Job == hypervisor.NoJob, err
	})
	await(t, "nothing is left on the target", func() (bool, error) {
		err := target.PrepareIncoming(t.Context(), machine)
		return err == nil, err
	})
	s.answers(t, 0, machine)
}

// answers checks that the guest runs and found no damage in its memory.
func (s *stage) answers(t *testing.T, host int, machine id.VM) {
	t.Helper()
	driver := s.open(t, host)
	await(t, "the guest answers", func() (bool, error) {
		result, err := driver.Run(t.Context(), machine, "/usr/bin/guestctl", "stats")
		if err == nil && !strings.Contains(result.Output, `"memory_errors":0`) {
			t.Fatalf("the guest's memory: %+v", result)
		}
		return err == nil, err
	})
}

func TestMigrationOutlivesItsProcess(t *testing.T) {
	if machine := os.Getenv("NOVACRON_TEST_SENDER"); machine != "" {
		s := newStage(t)
		check(t, s.open(t, 0).StartMigration(t.Context(), s.slow(id.VM(machine))))
		_, _ = os.Stdout.WriteString("\nsending\n")
		select {}
	}
	s := newStage(t)
	machine := s.busy(t)
	sender := exec.Command(os.Args[0], "-test.run=^TestMigrationOutlivesItsProcess$")
	sender.Env = append(os.Environ(), "NOVACRON_TEST_SENDER="+string(machine))
	output, err := sender.StdoutPipe()
	check(t, err)
	check(t, sender.Start())
	for lines := bufio.NewScanner(output); lines.Scan() && lines.Text() != "sending"; {
	}
	check(t, sender.Process.Kill())
	_ = sender.Wait()

	heir := s.open(t, 0)
	s.sending(t, heir, machine)
	time.Sleep(2 * time.Second)
	status, err := heir.MigrationStatus(t.Context(), machine)
	if err != nil || status.Phase != hypervisor.MigrationActive {
		t.Fatalf("the migration of a process that was killed: %+v, %v", status, err)
	}
	check(t, heir.TuneMigration(t.Context(), machine, hypervisor.Tuning{BandwidthBytes: 1 << 30, DowntimeMS: 2000}))
	await(t, "it is done", func() (bool, error) {
		status, err = heir.MigrationStatus(t.Context(), machine)
		return status.Phase == hypervisor.MigrationDone, err
	})
	if status.Outcome == nil || len(status.Rounds) == 0 {
		t.Fatalf("%+v", status)
	}
	t.Logf("outcome: %+v", *status.Outcome)
	arrival, err := s.open(t, 1).MigrationStatus(t.Context(), machine)
	if err != nil || arrival.Phase != hypervisor.MigrationNone || arrival.Outcome == nil {
		t.Fatalf("the target: %+v, %v", arrival, err)
	}
	s.answers(t, 1, machine)
	s.dieUnseen(t, 1, machine)
}

// dieUnseen kills a VM while its host's daemon is down, after which libvirt does not know why the VM is off.
func (s *stage) dieUnseen(t *testing.T, host int, machine id.VM) {
	t.Helper()
	s.lab(t, "sh", name(host), "sv", "down", "/run/service/libvirtd")
	driver := s.open(t, host)
	await(t, "calls fail", func() (bool, error) {
		_, err := driver.Inspect(t.Context(), machine)
		return fault.Is(err, fault.KindUnavailable), nil
	})
	s.Kill(t, host, machine)
	s.lab(t, "sh", name(host), "sv", "up", "/run/service/libvirtd")
	await(t, "a VM that died while nobody looked has crashed", func() (bool, error) {
		found, err := driver.Inspect(t.Context(), machine)
		return found.Power == hypervisor.Off && found.Crashed, err
	})
}

// Whatever dies during pre-copy but the VM's own process, the VM stays where it is, nothing is left on the target, and the
// next try succeeds.
func TestDeathsDuringMigration(t *testing.T) {
	s := newStage(t)
	machine := s.busy(t)
	source := s.open(t, 0)
	for _, death := range []struct {
		name string
		of   func()
	}{
		{"source daemon", func() { s.killDaemon(t, 0) }},
		{"target daemon", func() { s.killDaemon(t, 1) }},
		{"target process", func() { s.Kill(t, 1, machine) }},
	} {
		t.Log(death.name)
		check(t, source.StartMigration(t.Context(), s.slow(machine)))
		s.sending(t, source, machine)
		death.of()
		killed := time.Now()
		var status hypervisor.MigrationStatus
		await(t, "the driver knows that it failed", func() (bool, error) {
			var err error
			status, err = source.MigrationStatus(t.Context(), machine)
			return status.Phase == hypervisor.MigrationFailed, err
		})
		t.Logf("known to have failed %v after the kill: %s", time.Since(killed).Round(time.Millisecond), status.Error)
		s.stays(t, machine)
	}
	check(t, source.StartMigration(t.Context(), hypervisor.Migration{VM: machine, TargetAddress: s.Address(1), DowntimeMS: 2000}))
	await(t, "the migration is done", func() (bool, error) {
		status, err := source.MigrationStatus(t.Context(), machine)
		if status.Phase == hypervisor.MigrationFailed {
			t.Fatal(status.Error)
		}
		return status.Phase == hypervisor.MigrationDone, err
	})
	s.answers(t, 1, machine)
}

func TestVMDiesDuringMigration(t *testing.T) {
	s := newStage(t)
	machine := s.busy(t)
	source, target := s.open(t, 0), s.open(t, 1)
	check(t, source.StartMigration(t.Context(), s.slow(machine)))
	s.sending(t, source, machine)
	s.Kill(t, 0, machine)
	await(t, "the source has crashed", func() (bool, error) {
		found, err := source.Inspect(t.Context(), machine)
		return found.Power == hypervisor.Off && found.Crashed, err
	})
	await(t, "nothing is left on the target", func() (bool, error) {
		_, err := target.Inspect(t.Context(), machine)
		if fault.Is(err, fault.KindNotFound) {
			return true, nil
		}
		return false, err
	})
	check(t, source.SetPower(t.Context(), machine, hypervisor.On))
}

func TestDaemonDiesDuringExport(t *testing.T) {
	s := newStage(t)
	machine := s.on(t, s.Disk(t, 0, "vda", "qcow2", false, hypervisortest.System))
	driver := s.open(t, 0)
	request := hypervisor.Export{VM: machine, Checkpoint: "one"}
	before, err := driver.BeginExport(t.Context(), request)
	check(t, err)
	s.killDaemon(t, 0)
	dialable(t, before) // it is QEMU that serves
	var after hypervisor.ExportInfo
	await(t, "the export is found again", func() (bool, error) {
		var err error
		after, err = driver.BeginExport(t.Context(), request)
		return err == nil, err
	})
	if after.Socket != before.Socket || len(after.Disks) != 1 || after.Disks[0] != before.Disks[0] {
		t.Fatalf("%+v, then %+v", before, after)
	}
	dialable(t, after)
	s.killDaemon(t, 0)
	await(t, "the export ends", func() (bool, error) {
		err := driver.EndExport(t.Context(), machine)
		return err == nil, err
	})
	if left, err := os.ReadDir(s.exports(0)); err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
	s.Write(t, 0, machine, "vda", 2<<20, 64<<10)
	_, err = driver.BeginExport(t.Context(), hypervisor.Export{VM: machine, Checkpoint: "two", Since: "one"})
	check(t, err)
	s.Kill(t, 0, machine)
	await(t, "an export whose VM died can be ended", func() (bool, error) {
		found, err := driver.Inspect(t.Context(), machine)
		return found.Power == hypervisor.Off, err
	})
	check(t, driver.EndExport(t.Context(), machine))
	if left, err := os.ReadDir(s.exports(0)); err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}

func dialable(t *testing.T, info hypervisor.ExportInfo) {
	t.Helper()
	output, err := exec.Command("qemu-img", "info", "nbd+unix:///"+info.Disks[0].Export+"?socket="+info.Socket).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

func TestDriverOutlivesDaemon(t *testing.T) {
	s := newStage(t)
	driver := s.open(t, 0)
	disk := s.Disk(t, 0, "vda", "qcow2", false, hypervisortest.System)
	machine := s.on(t, disk)
	told := make(chan id.VM, 64)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = driver.Watch(ctx, func(changed id.VM) { told <- changed }) }()
	s.killDaemon(t, 0)
	await(t, "calls fail", func() (bool, error) {
		_, err := driver.Inspect(ctx, machine)
		return fault.Is(err, fault.KindUnavailable), nil
	})
	heard(t, told, machine) // when the daemon is back
	await(t, "the VM runs on", func() (bool, error) {
		found, err := driver.Inspect(ctx, machine)
		return found.Power == hypervisor.On, err
	})
	for len(told) > 0 {
		<-told
	}
	check(t, driver.SetPower(ctx, machine, hypervisor.Suspended))
	heard(t, told, machine) // by an event
	s.dieUnseen(t, 0, machine)
}

func heard(t *testing.T, told <-chan id.VM, machine id.VM) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case changed := <-told:
			if changed == machine {
				return
			}
		case <-deadline:
			t.Fatalf("nobody told of VM %s", machine)
		}
	}
}

// A daemon that stands still is given up after its keepalives, and calls fail at their deadline before that.
func TestDaemonHangs(t *testing.T) {
	s := newStage(t)
	driver := s.open(t, 0)
	_, err := driver.List(t.Context())
	check(t, err)
	s.signalDaemon(t, 0, syscall.SIGSTOP)
	defer s.signalDaemon(t, 0, syscall.SIGCONT)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := driver.List(ctx); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	if _, err := driver.List(t.Context()); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	s.signalDaemon(t, 0, syscall.SIGCONT)
	await(t, "calls work again", func() (bool, error) {
		_, err := driver.List(t.Context())
		return err == nil, err
	})
}

func (s *stage) signalDaemon(t *testing.T, host int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(processIn(t, filepath.Join(s.run, name(host), "libvirtd.pid")), signal); err != nil {
		t.Error(err)
	}
}
