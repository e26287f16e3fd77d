package store_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

func TestAcceptRecordsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := w.provisioning("web")
	request.Principal, request.Key, request.BodyHash = "usr_1", "key-1", []byte("hash")
	accepted, err := w.Accept(t.Context(), request)
	must(t, err)

	equal(t, "state", accepted.Operation.State, operation.Accepted)
	equal(t, "request", string(accepted.Operation.Request), `{"vm_id": "x"}`)
	equal(t, "replayed", accepted.Replayed, false)
	if accepted.Operation.CreatedAt.IsZero() || accepted.Operation.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %v", accepted.Operation.CreatedAt)
	}
	made, err := w.GetVM(t.Context(), w.project, "web")
	must(t, err)
	equal(t, "VM state", made.State, vm.Provisioning)
	equal(t, "operation on it", made.Operation, request.Operation.ID)
	equal(t, "kind of it", made.OperationOf, "provision")
	equal(t, "image", made.Image, w.image)
	equal(t, "generation", made.Generation, 1)
	equal(t, "interfaces", fmt.Sprint(made.Interfaces), fmt.Sprint([]vm.Interface{
		{Network: w.network, MAC: network.MACFor(made.ID, 0), IP: netip.MustParseAddr("10.90.0.2")},
	}))
	equal(t, "volumes", fmt.Sprint(made.Volumes), fmt.Sprint([]id.Volume{request.NewVolumes[0].ID}))
	equal(t, "VM in the answer", fmt.Sprint(*accepted.VM), fmt.Sprint(made))

	events := w.happened()
	equal(t, "events", typesOf(events), "pool.added host.enrolled image.imported vm.created operation.accepted")
	last := events[len(events)-1]
	equal(t, "event's operation", last.Operation, string(request.Operation.ID))
	var facts map[string]any
	must(t, json.Unmarshal(last.Data, &facts))
	equal(t, "event's kind", facts["kind"], any("provision"))
	equal(t, "event's subject", facts["subject_name"], any("web"))
}

func TestAcceptReplaysTheSameKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := w.provisioning("web")
	request.Principal, request.Key, request.BodyHash = "usr_1", "key-1", []byte("hash")
	first, err := w.Accept(t.Context(), request)
	must(t, err)

	again := w.provisioning("web")
	again.Principal, again.Key, again.BodyHash = "usr_1", "key-1", []byte("hash")
	second, err := w.Accept(t.Context(), again)
	must(t, err)
	equal(t, "replayed", second.Replayed, true)
	equal(t, "operation", second.Operation.ID, first.Operation.ID)

	again.BodyHash = []byte("other")
	_, err = w.Accept(t.Context(), again)
	wantFault(t, err, fault.KindConflict, "Idempotency-Key", string(first.Operation.ID), "new key")

	other := w.provisioning("db")
	other.Principal, other.Key, other.BodyHash = "usr_2", "key-1", []byte("other")
	third, err := w.Accept(t.Context(), other)
	must(t, err)
	equal(t, "another principal's key is another key", third.Replayed, false)

	forgotten, err := w.SweepKeys(t.Context(), time.Now().Add(time.Hour))
	must(t, err)
	equal(t, "keys forgotten", forgotten, 2)
}

func TestAcceptOneKeyAHundredTimesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mutex sync.Mutex
	operations, fresh := map[id.Operation]bool{}, 0
	atOnce(100, func(int) {
		request := w.provisioning("web")
		request.Principal, request.Key, request.BodyHash = "usr_1", "key-1", []byte("hash")
		accepted, err := w.Accept(t.Context(), request)
		mutex.Lock()
		defer mutex.Unlock()
		if err != nil {
			t.Errorf("accept: %v", explained(err))
			return
		}
		operations[accepted.Operation.ID] = true
		if !accepted.Replayed {
			fresh++
		}
	})
	equal(t, "operations", len(operations), 1)
	equal(t, "first acceptances", fresh, 1)
	equal(t, "VMs", w.count("vms"), 1)
	equal(t, "claims", w.count("claims"), 1)
}

// atOnce runs work that many times in parallel.
func atOnce(times int, work func(i int)) {
	var group sync.WaitGroup
	for i := range times {
		group.Go(func() { work(i) })
	}
	group.Wait()
}

func TestAcceptOneVMManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	var mutex sync.Mutex
	var won []id.Operation
	var lost []error
	atOnce(50, func(int) {
		accepted, err := w.Accept(t.Context(), w.on(operation.Stop, machine))
		mutex.Lock()
		defer mutex.Unlock()
		if err != nil {
			lost = append(lost, err)
			return
		}
		won = append(won, accepted.Operation.ID)
	})
	if len(won) != 1 || len(lost) != 49 {
		t.Fatalf("%d were accepted and %d refused", len(won), len(lost))
	}
	for _, err := range lost {
		wantFault(t, err, fault.KindConflict, "VM web is busy", string(won[0]), "(stop)")
	}
	equal(t, "operations recorded", w.count("operations where kind = 'stop'"), 1)
}

func TestSharedAndExclusiveClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	point := string(id.New[id.Backup]())
	restore := func() (store.Accepted, error) {
		request := store.Acceptance{Operation: w.operation(operation.Restore, id.New[id.VM](), "copy"), Shared: []string{point}}
		return w.Accept(t.Context(), request)
	}
	remove := func() (store.Accepted, error) {
		request := store.Acceptance{Operation: w.operation(operation.DeleteBackup, "", "copy"), Claims: []string{point}}
		return w.Accept(t.Context(), request)
	}
	first, err := restore()
	must(t, err)
	second, err := restore()
	must(t, err)
	_, err = remove()
	wantFault(t, err, fault.KindConflict, "backup "+point, "(restore)")
	for _, each := range []store.Accepted{first, second} {
		must(t, w.EndOperation(t.Context(), each.Operation.ID, store.Ending{State: operation.Succeeded}))
	}
	_, err = remove()
	must(t, err)
	_, err = restore()
	wantFault(t, err, fault.KindConflict, "(delete_backup)")
}

// Whoever comes first, sharing and having for oneself never meet.
func TestSharedAndExclusiveClaimsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for round := range 5 {
		point := string(id.New[id.Backup]())
		atOnce(20, func(i int) {
			request := store.Acceptance{Operation: w.operation(operation.Restore, "", "copy"), Shared: []string{point}}
			if i%2 == 0 {
				request = store.Acceptance{Operation: w.operation(operation.DeleteBackup, "", "copy"), Claims: []string{point}}
			}
			if _, err := w.Accept(t.Context(), request); err != nil && !fault.Is(err, fault.KindConflict) {
				t.Errorf("round %d: %v", round, explained(err))
			}
		})
		exclusive := w.count("claims where not shared and resource_id = '" + point + "'")
		shared := w.count("claims where shared and resource_id = '" + point + "'")
		if exclusive > 1 || exclusive == 1 && shared > 0 || exclusive+shared == 0 {
			t.Fatalf("round %d: %d exclusive and %d shared claims", round, exclusive, shared)
		}
	}
}

func TestClaimsInOppositeOrderDoNotDeadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		a, b := string(id.New[id.Volume]()), string(id.New[id.Volume]())
		atOnce(10, func(i int) {
			claims := []string{a, b}
			if i%2 == 0 {
				claims = []string{b, a}
			}
			_, err := w.Accept(t.Context(), store.Acceptance{Operation: w.operation(operation.Migrate, "", ""), Claims: claims})
			if err != nil && !fault.Is(err, fault.KindConflict) {
				t.Errorf("accept: %v", explained(err))
			}
		})
	}
	equal(t, "claims", w.count("claims"), 20)
}

func TestAcceptHandsOutAddressesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	atOnce(60, func(i int) {
		if _, err := w.Accept(t.Context(), w.provisioning(fmt.Sprintf("web-%d", i))); err != nil {
			t.Errorf("accept: %v", explained(err))
		}
	})
	equal(t, "addresses", w.count("(select distinct ip from interfaces) as addresses"), 60)
	equal(t, "the highest of 60 from .2 on", w.count("interfaces where ip = '10.90.0.61'"), 1)
}

func TestAddressesComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var machines []vm.VM
	for i := range 6 {
		machines = append(machines, w.addVM(fmt.Sprintf("web-%d", i)))
	}
	must(t, w.DeleteVM(t.Context(), machines[3].ID))
	must(t, w.DeleteVM(t.Context(), machines[1].ID))
	for _, want := range []string{"10.90.0.3", "10.90.0.5", "10.90.0.8"} {
		accepted, err := w.Accept(t.Context(), w.provisioning("new-"+want[8:]))
		must(t, err)
		equal(t, "address", accepted.VM.Interfaces[0].IP.String(), want)
	}
}

func TestAcceptTakesTheAddressThatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asking := func(name, address string) error {
		request := w.provisioning(name)
		request.NewVM.Interfaces[0].IP = netip.MustParseAddr(address)
		request.NewVM.Interfaces[0].MAC = "52:54:00:00:00:" + name[len(name)-2:]
		_, err := w.Accept(t.Context(), request)
		return err
	}
	must(t, asking("web-01", "10.90.0.2"))
	err := asking("web-02", "10.90.0.2")
	wantFault(t, err, fault.KindConflict, "10.90.0.2", "belongs to another VM")
	wantField(t, err, "ip")
	for _, address := range []string{"10.90.0.0", "10.90.0.1", "10.90.255.255", "10.91.0.1"} {
		wantFault(t, asking("web-03", address), fault.KindInvalid, address)
	}
	accepted, err := w.Accept(t.Context(), w.provisioning("web-04"))
	must(t, err)
	equal(t, "the next free address", accepted.VM.Interfaces[0].IP.String(), "10.90.0.3")
}

func TestAcceptWithoutAFreeAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small := id.New[id.Network]()
	w.exec("insert into networks (id, name, vni, range, free_from) values ($1, 'small', 7, '10.1.0.0/29', '10.1.0.2')", small)
	for i := range 6 {
		request := w.provisioning(fmt.Sprintf("web-%d", i))
		request.NewVM.Interfaces[0].Network = small
		_, err := w.Accept(t.Context(), request)
		if i < 5 {
			must(t, err)
			continue
		}
		wantFault(t, err, fault.KindExhausted, "small", "10.1.0.0/29")
	}
	equal(t, "VMs", w.count("vms"), 5)
}

func TestAcceptRefusesNetworksOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("insert into projects (id, name) values ('prj_other', 'other')")
	w.exec("insert into networks (id, project_id, name, vni, range, free_from) values ('net_other', 'prj_other', 'theirs', 8, '10.2.0.0/24', '10.2.0.2')")
	for _, foreign := range []id.Network{"net_other", "net_none"} {
		request := w.provisioning("web")
		request.NewVM.Interfaces[0].Network = foreign
		_, err := w.Accept(t.Context(), request)
		wantFault(t, err, fault.KindNotFound, string(foreign))
		wantField(t, err, "network")
	}
}

func TestAcceptAnotherMACWhenTwoHashesMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := w.provisioning("web")
	squatter := w.provisioning("squatter")
	squatter.NewVM.Interfaces[0].MAC = network.MACFor(request.NewVM.ID, 0)
	_, err := w.Accept(t.Context(), squatter)
	must(t, err)
	accepted, err := w.Accept(t.Context(), request)
	must(t, err)
	equal(t, "MAC", accepted.VM.Interfaces[0].MAC, network.MACFor(request.NewVM.ID, 256))
}

func TestAcceptRefusesATakenName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addVM("web")
	_, err := w.Accept(t.Context(), w.provisioning("web"))
	wantFault(t, err, fault.KindConflict, "named web", "take another name")
	wantField(t, err, "name")
	_, err = w.Accept(t.Context(), w.provisioning("Web_1"))
	wantFault(t, err, fault.KindInvalid)
	wantField(t, err, "name")

	gone := w.provisioning("db")
	gone.NewVM.Image = id.New[id.Image]()
	_, err = w.Accept(t.Context(), gone)
	wantFault(t, err, fault.KindNotFound, "image")
	equal(t, "operations", w.count("operations"), 1)
	equal(t, "claims", w.count("claims"), 0)
}

func TestDryRunRecordsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := len(w.happened())
	request := w.provisioning("web")
	request.Principal, request.Key, request.DryRun = "usr_1", "key-1", true
	dry, err := w.Accept(t.Context(), request)
	must(t, err)
	equal(t, "address that it would get", dry.VM.Interfaces[0].IP.String(), "10.90.0.2")
	for _, table := range []string{"vms", "volumes", "operations", "claims", "idempotency_keys"} {
		equal(t, table, w.count(table), 0)
	}
	equal(t, "events", len(w.happened()), before)

	machine := w.addVM("web")
	_, err = w.Accept(t.Context(), request)
	wantFault(t, err, fault.KindConflict, "web")
	_, err = w.Accept(t.Context(), w.on(operation.Stop, machine))
	must(t, err)
	busy := w.on(operation.Migrate, machine)
	busy.DryRun = true
	_, err = w.Accept(t.Context(), busy)
	wantFault(t, err, fault.KindConflict, "(stop)")
}

func TestAcceptChecksGenerations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	request := w.on(operation.Pause, machine)
	request.Generations = map[string]int64{string(machine.ID): machine.Generation - 1}
	_, err := w.Accept(t.Context(), request)
	wantFault(t, err, fault.KindConflict, "changed since it was read", "web")
	request.Generations = map[string]int64{string(id.New[id.VM]()): 1}
	_, err = w.Accept(t.Context(), request)
	wantFault(t, err, fault.KindConflict, "deleted")
	request.Generations = map[string]int64{string(machine.ID): machine.Generation}
	_, err = w.Accept(t.Context(), request)
	must(t, err)
}

func TestAcceptABackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	request := w.on(operation.TakeBackup, machine)
	request.NewBackup = &backup.Backup{
		ID: id.New[id.Backup](), Project: w.project, VM: machine.ID, VMName: "web", Mode: backup.Full, Spec: machine.Spec,
	}
	request.NewVolumes = []volume.Volume{{ID: id.New[id.Volume](), Project: w.project, Device: "vdb", Pool: "shared", SizeBytes: 1}}
	request.Operation.Request = nil
	_, err := w.Accept(t.Context(), request)
	must(t, err)
	taken, err := w.GetBackup(t.Context(), w.project, request.NewBackup.ID)
	must(t, err)
	equal(t, "state", taken.State, backup.Creating)
	equal(t, "spec", taken.Spec, machine.Spec)
	if !strings.Contains(typesOf(w.happened()), "backup.created operation.accepted") {
		t.Errorf("events: %s", typesOf(w.happened()))
	}
}
