//go:build lab && cgo

package libvirt_test

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/libvirt"
	"github.com/novacron/novacron/internal/id"
)

// slowPostCopy switches a VM over to post-copy and keeps it there for some seconds.
func (s *stage) slowPostCopy(t *testing.T, source *libvirt.Driver, machine id.VM) {
	t.Helper()
	check(t, source.StartMigration(t.Context(), s.slow(machine)))
	s.sending(t, source, machine)
	check(t, s.atSpeed(t, machine, "1"))
	check(t, source.TuneMigration(t.Context(), machine, hypervisor.Tuning{PostCopy: true}))
	await(t, "the target runs it", func() (bool, error) {
		status, err := source.MigrationStatus(t.Context(), machine)
		return status.Phase == hypervisor.MigrationPostCopy, err
	})
}

// atSpeed sets the speed of post-copy, for which the port has no word: it is as fast as it goes.
func (s *stage) atSpeed(t *testing.T, machine id.VM, mebibytes string) error {
	t.Helper()
	output, err := exec.Command("virsh", "-c", s.options(0).URI, "migrate-setspeed", "--postcopy", string(machine), mebibytes).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// Once the target runs the VM, the hypervisors bring post-copy to its end though the source's daemon dies meanwhile. (The
// target's may not: libvirt 9.0 that comes back ends a VM of which it had not noted yet that it runs there.)
func TestSourceDaemonDiesInPostCopy(t *testing.T) {
	s := newStage(t)
	machine := s.busy(t)
	source, target := s.open(t, 0), s.open(t, 1)
	s.slowPostCopy(t, source, machine)
	runs := func() (bool, error) {
		found, err := target.Inspect(t.Context(), machine)
		return found.Power == hypervisor.On, err
	}
	await(t, "the target runs it", runs)
	s.killDaemon(t, 0)
	time.Sleep(2 * time.Second)
	await(t, "the source still serves it", func() (bool, error) {
		status, err := s.open(t, 0).MigrationStatus(t.Context(), machine)
		return status.Phase == hypervisor.MigrationPostCopy, err
	})
	await(t, "the target still runs it", runs)
	check(t, s.atSpeed(t, machine, "1000"))
	await(t, "the source knows that it has left", func() (bool, error) {
		status, err := source.MigrationStatus(t.Context(), machine)
		return status.Phase == hypervisor.MigrationDone, err
	})
	if _, err := source.Inspect(t.Context(), machine); !fault.Is(err, fault.KindNotFound) {
		t.Fatal(err)
	}
	s.answers(t, 1, machine)
}
