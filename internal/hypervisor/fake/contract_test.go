package fake_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/hypervisor/hypervisortest"
	"github.com/novacron/novacron/internal/id"
)

// stage is two fake hosts for the contract.
type stage struct {
	cluster *fake.Cluster
	disks   int
}

var addresses = [2]string{"10.0.0.1", "10.0.0.2"}

func (s *stage) host(number int) *fake.Host {
	return s.cluster.Host(fmt.Sprintf("h%d", number+1), addresses[number])
}

// newStage makes both hosts: a migration finds its target whether or not somebody has opened it.
func newStage() *stage {
	s := &stage{cluster: fake.NewCluster()}
	for number := range addresses {
		_ = s.host(number).Close()
	}
	return s
}

func (s *stage) Open(t *testing.T, host int) hypervisortest.Driver {
	driver := s.host(host)
	t.Cleanup(func() { _ = driver.Close() })
	return driver
}

func (s *stage) Address(host int) string { return addresses[host] }

func (s *stage) Disk(_ *testing.T, _ int, device, format string, shared bool, _ hypervisortest.Content) hypervisor.Disk {
	s.disks++
	return hypervisor.Disk{
		Volume: id.New[id.Volume](), Device: device, Path: fmt.Sprintf("/pool/%d", s.disks), Format: format, Shared: shared,
	}
}

func (s *stage) Seed(*testing.T) string { return "/seeds/vm.iso" }

func (s *stage) Receptacle(*testing.T, int, hypervisor.Disk) {}

func (s *stage) Write(t *testing.T, host int, machine id.VM, device string, offset, length int64) {
	t.Helper()
	disk, err := s.host(host).Disk(machine, device)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, length)
	_, _ = rand.Read(data)
	if err := disk.WriteAt(data, offset); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) Busy(_ *testing.T, host int, machine id.VM) {
	s.host(host).SetLoad(machine, fake.Load{DirtyRateBytes: 64 << 20})
}

func (s *stage) Kill(_ *testing.T, host int, machine id.VM) { s.host(host).Crash(machine) }

func TestContract(t *testing.T) {
	s := newStage()
	hypervisortest.Test(t, s)
	if leaks := s.cluster.Leaks(); len(leaks) > 0 {
		t.Errorf("left behind: %v", leaks)
	}
}
