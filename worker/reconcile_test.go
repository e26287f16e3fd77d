package worker

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// TestDifferencesAreToldAndNothingIsDestroyed puts on a host what the inventory does not place there, and takes away what it
// does.
func TestDifferencesAreToldAndNothingIsDestroyed(t *testing.T) {
	p := usePlant(t)
	driver, self := p.hosts["h2"].driver, p.hostID(t, "h2")
	crashing := p.provision(t, "crashing", "h2", "local")
	vanishing := p.provision(t, "vanishing", "h2", "local")
	before := p.sequence(t)

	stranger := hypervisor.Definition{VM: id.New[id.VM](), Name: "stranger", Spec: vm.Spec{CPUs: 1, MemoryBytes: 64 << 20}}
	must(t, driver.Define(t.Context(), stranger))
	must(t, driver.SetPower(t.Context(), stranger.VM, hypervisor.On))
	driver.AddForeign("somebody-elses", hypervisor.On)
	must(t, driver.SetPower(t.Context(), vanishing.ID, hypervisor.Off))
	must(t, driver.Undefine(t.Context(), vanishing.ID))
	driver.Crash(crashing.ID)

	await(t, soon, "the VM that crashed is recorded as crashed", func() bool { return p.machine(t, "crashing").State == vm.Crashed })
	await(t, soon, "the VM that is missing is told of", func() bool {
		return strings.Contains(strings.Join(p.eventsAfter(t, before, string(vanishing.ID)), "\n"), "vm.missing")
	})
	var told string
	await(t, soon, "what the inventory does not know is told of", func() bool {
		told = strings.Join(p.eventsAfter(t, before, string(self)), "\n")
		return strings.Contains(told, string(stranger.VM)) && strings.Contains(told, "somebody-elses")
	})
	if strings.Count(told, "host.unknown_machine") != 2 {
		t.Errorf("two machines are told of as:\n%s", told)
	}
	seen, err := driver.List(t.Context())
	must(t, err)
	var there []string
	for _, each := range seen {
		there = append(there, each.Name+" "+string(each.Power))
	}
	for _, wanted := range []string{"stranger on", "somebody-elses on", "crashing off"} {
		if !slices.Contains(there, wanted) {
			t.Errorf("of what was on the host there is %q, without %q", there, wanted)
		}
	}
	if found := p.machine(t, "vanishing"); len(found.Volumes) != 1 {
		t.Errorf("the VM that is missing lost its disk's record: %+v", found)
	}
	if started := p.ended(t, p.begin(t, http.MethodPost, "/vms/vanishing/start", nil).ID); started.State != operation.Succeeded {
		t.Errorf("the VM that was missing cannot be started again: %+v", started.Error)
	}
	must(t, driver.SetPower(t.Context(), stranger.VM, hypervisor.Off))
	must(t, driver.Undefine(t.Context(), stranger.VM))
}

// TestOperationsAreNotCorrected leaves a VM alone that an operation is working on, whatever its host says.
func TestOperationsAreNotCorrected(t *testing.T) {
	p := usePlant(t)
	p.hosts["h2"].silenceGuests(t)
	making := p.begin(t, http.MethodPost, "/vms", creation("being-made", "h2", "local"))
	p.awaitStep(t, making.ID, "await_guest", operation.StepRunning)
	plane := &Plane{URL: p.http.URL, Token: p.hostToken(t, "h2"), HTTP: http.DefaultClient}
	deferred, err := (&Host{Driver: p.hosts["h2"].driver}).reconcile(t.Context(), plane)
	must(t, err)
	if !slices.Contains(deferred, id.VM(making.Subject.ID)) {
		t.Errorf("what waits for an operation is %q, without the VM that is being made", deferred)
	}
	if found := p.machine(t, "being-made"); found.State != vm.Provisioning {
		t.Errorf("a VM that is being made is %s", found.State)
	}
	p.begin(t, http.MethodPost, "/operations/"+string(making.ID)+"/cancel", nil)
	p.ended(t, making.ID)
}

// TestFullPoolHoldsAVMUp stops a VM as QEMU does when a write finds no room: it is told of, and goes on by itself when there is
// room. One whose disk fails is left as it is.
func TestFullPoolHoldsAVMUp(t *testing.T) {
	p := usePlant(t)
	host := p.hosts["h2"]
	full, broken := p.provision(t, "no-room", "h2", "local"), p.provision(t, "bad-disk", "h2", "local")
	before := p.sequence(t)
	told := func(of id.VM, kind string) func() bool {
		return func() bool { return strings.Contains(strings.Join(p.eventsAfter(t, before, string(of)), "\n"), kind) }
	}
	host.local.Resize(1)
	must(t, host.driver.Halt(full.ID, vm.NoSpace))
	must(t, host.driver.Halt(broken.ID, vm.DiskError))
	await(t, soon, "the VM that has no room is told of", told(full.ID, "vm.halted"))
	await(t, soon, "the VM whose disk fails is told of", told(broken.ID, "vm.halted"))
	await(t, soon, "the VM that has no room is paused", func() bool { return p.machine(t, "no-room").State == vm.Paused })
	host.local.Resize(1 << 40)
	await(t, soon, "the VM goes on", func() bool { return p.machine(t, "no-room").State == vm.Running })
	await(t, soon, "it is told that it goes on", told(full.ID, "vm.went_on"))
	if state := p.machine(t, "bad-disk").State; state != vm.Paused {
		t.Errorf("a VM whose disk fails is %s", state)
	}
}
