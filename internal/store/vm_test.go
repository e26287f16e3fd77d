package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

func TestGetVMByNameAndID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	made := w.addVM("web")
	for _, ref := range []string{"web", string(made.ID)} {
		found, err := w.GetVM(ctx, w.project, ref)
		must(t, err)
		equal(t, "VM", found.ID, made.ID)
		equal(t, "host's name", found.HostName, "h1")
	}
	_, err := w.GetVM(ctx, w.project, "db")
	wantFault(t, err, fault.KindNotFound, "db", "novacron vm list")
	_, err = w.GetVM(ctx, "prj_other", string(made.ID))
	wantFault(t, err, fault.KindNotFound)

	w.exec("insert into projects (id, name) values ('prj_other', 'other')")
	w.exec("insert into vms (id, project_id, name, state, cpus, memory_bytes) values ('vm_other', 'prj_other', 'web', 'stopped', 1, 1)")
	_, err = w.GetVM(ctx, "", "web")
	wantFault(t, err, fault.KindConflict, "several projects", "ID")
	found, err := w.GetVM(ctx, "prj_other", "web")
	must(t, err)
	equal(t, "the other's", found.ID, "vm_other")
	equal(t, "interfaces of none", len(found.Interfaces), 0)
	if found.Interfaces == nil || found.Volumes == nil {
		t.Error("a list without items is null in JSON")
	}
}

// fill adds VMs vm-00000 and so on; every tenth is stopped, and they take turns on two hosts.
func (w *world) fill(count int) (second id.Host) {
	w.t.Helper()
	second = w.addHost("h2")
	w.exec(`insert into vms (id, project_id, name, state, host_id, image_id, cpus, memory_bytes)
		select 'vm_' || lpad(i::text, 26, '0'), $1, 'vm-' || lpad(i::text, 5, '0'), case when i % 10 = 0 then 'stopped' else 'running' end,
			case when i % 2 = 0 then $2 else $3 end, $4, 1, 268435456
		from generate_series(0, $5::int - 1) as i`, w.project, w.host, second, w.image, count)
	w.exec(`insert into interfaces (vm_id, position, network_id, mac, ip)
		select id, 0, $1, 'mac ' || id, '10.90.0.2'::inet + row_number() over (order by id) from vms`, w.network)
	w.exec(`insert into volumes (id, project_id, vm_id, device, pool, host_id, size_bytes, image_id, state)
		select 'vol_' || substr(id, 4), project_id, id, 'vda', 'local', host_id, 1073741824, image_id, 'ready' from vms`)
	w.exec("analyze")
	return second
}

func TestListVMsByPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.fill(250)
	ctx := t.Context()
	var names []string
	filter := store.VMFilter{Project: w.project}
	for {
		page, next, err := w.ListVMs(ctx, filter)
		must(t, err)
		for _, each := range page {
			names = append(names, each.Name)
			if len(each.Interfaces) != 1 || len(each.Volumes) != 1 || each.HostName == "" {
				t.Fatalf("incomplete: %+v", each)
			}
		}
		if filter.Cursor = next; next == "" {
			break
		}
		equal(t, "length of a page", len(page), store.DefaultPage)
	}
	equal(t, "VMs", len(names), 250)
	for i, name := range names {
		equal(t, "name", name, fmt.Sprintf("vm-%05d", i))
	}

	count := func(filter store.VMFilter) int {
		t.Helper()
		filter.Limit = store.MaxPage
		found, next, err := w.ListVMs(ctx, filter)
		must(t, err)
		equal(t, "next page", next, "")
		return len(found)
	}
	equal(t, "all projects", count(store.VMFilter{}), 250)
	equal(t, "stopped", count(store.VMFilter{State: vm.Stopped}), 25)
	equal(t, "on h2", count(store.VMFilter{Host: "h2"}), 125)
	equal(t, "on h2 by ID", count(store.VMFilter{Host: string(second)}), 125)
	equal(t, "stopped on h2", count(store.VMFilter{Host: "h2", State: vm.Stopped}), 0)
	equal(t, "named", count(store.VMFilter{Query: "VM-0001"}), 10)
	equal(t, "% is no wildcard", count(store.VMFilter{Query: "%"}), 0)
	equal(t, "_ is no wildcard", count(store.VMFilter{Query: "vm_"}), 0)
	_, _, err := w.ListVMs(ctx, store.VMFilter{Host: "h9"})
	wantFault(t, err, fault.KindNotFound, "h9")
	for _, cursor := range []string{"!", "bm90IGpzb24", "WyJhIl0"} {
		_, _, err := w.ListVMs(ctx, store.VMFilter{Cursor: cursor})
		wantFault(t, err, fault.KindInvalid, "cursor")
		wantField(t, err, "cursor")
	}
	_, _, err = w.ListVMs(ctx, store.VMFilter{Limit: store.MaxPage + 1})
	wantFault(t, err, fault.KindInvalid)
	wantField(t, err, "limit")
}

func TestListVMsShowsWhoWorksOnThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	accepted, err := w.Accept(t.Context(), w.on(operation.Migrate, machine))
	must(t, err)
	found, _, err := w.ListVMs(t.Context(), store.VMFilter{})
	must(t, err)
	equal(t, "operation", found[0].Operation, accepted.Operation.ID)
	equal(t, "kind", found[0].OperationOf, "migrate")
	wantFault(t, found[0].Can(vm.Stop), fault.KindConflict, string(accepted.Operation.ID))
}

func TestUpdateVM(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	made := w.addVM("web")
	w.addVM("db")
	updated, err := w.UpdateVM(ctx, w.project, "web", store.VMChange{Name: ptr("www"), Description: ptr("front")}, made.Generation)
	must(t, err)
	equal(t, "name", updated.Name, "www")
	equal(t, "description", updated.Description, "front")
	equal(t, "generation", updated.Generation, made.Generation+1)

	_, err = w.UpdateVM(ctx, w.project, "www", store.VMChange{Description: ptr("x")}, made.Generation)
	wantFault(t, err, fault.KindConflict, "changed since it was read", "www")
	same, err := w.UpdateVM(ctx, w.project, "www", store.VMChange{Name: ptr("www")}, 0)
	must(t, err)
	equal(t, "generation when nothing changed", same.Generation, updated.Generation)
	_, err = w.UpdateVM(ctx, w.project, "www", store.VMChange{Name: ptr("db")}, 0)
	wantFault(t, err, fault.KindConflict, "named db")
	wantField(t, err, "name")
	_, err = w.UpdateVM(ctx, w.project, "www", store.VMChange{Name: ptr("vm_X")}, 0)
	wantFault(t, err, fault.KindInvalid)
	_, err = w.UpdateVM(ctx, w.project, "web", store.VMChange{}, 0)
	wantFault(t, err, fault.KindNotFound)
}

func TestConcurrentUpdatesWithIfMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.addVM("web")
	outcomes := make([]error, 20)
	atOnce(len(outcomes), func(i int) {
		_, outcomes[i] = w.UpdateVM(t.Context(), w.project, "web", store.VMChange{Description: ptr(fmt.Sprint(i))}, made.Generation)
	})
	succeeded := 0
	for _, err := range outcomes {
		if err == nil {
			succeeded++
			continue
		}
		wantFault(t, err, fault.KindConflict, "changed since it was read")
	}
	equal(t, "updates", succeeded, 1)
}

func TestSetVMState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	second := w.addHost("h2")
	accepted, err := w.Accept(ctx, w.provisioning("web"))
	must(t, err)
	machine, by := accepted.VM.ID, accepted.Operation.ID
	before, err := w.LastSequence(ctx)
	must(t, err)
	none := id.Host("")
	for _, became := range []store.SetState{
		{Host: &w.host, Operation: by},
		{State: vm.Running, Operation: by},
		{State: vm.Running, Host: &w.host},
		{Host: &second},
		{State: vm.Stopped, Host: &none},
	} {
		must(t, w.SetVMState(ctx, machine, became))
	}
	events, err := w.EventsAfter(ctx, w.project, before, 0)
	must(t, err)
	equal(t, "events", typesOf(events), "vm.placed vm.running vm.moved vm.stopped")
	equal(t, "the first one's operation", events[0].Operation, string(by))
	var facts map[string]string
	must(t, json.Unmarshal(events[3].Data, &facts))
	equal(t, "data", fmt.Sprint(facts), fmt.Sprintf("map[from_host_id:%s name:web state:stopped was:running]", second))
	found, err := w.GetVM(ctx, "", string(machine))
	must(t, err)
	equal(t, "host", found.Host, "")
	equal(t, "generation", found.Generation, 5)

	wantFault(t, w.SetVMState(ctx, id.New[id.VM](), store.SetState{State: vm.Running}), fault.KindNotFound)
	gone := id.New[id.Host]()
	wantFault(t, w.SetVMState(ctx, machine, store.SetState{Host: &gone}), fault.KindNotFound, "host")
	wantFault(t, w.SetVMState(ctx, machine, store.SetState{Host: &gone, Reserve: true}), fault.KindNotFound, "host")
}

func TestObservationsDoNotDisturbOperations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	accepted, err := w.Accept(ctx, w.on(operation.Stop, machine))
	must(t, err)
	observed := store.SetState{State: vm.Crashed, IfFree: true}
	wantFault(t, w.SetVMState(ctx, machine.ID, observed), fault.KindConflict, "(stop)")
	must(t, w.EndOperation(ctx, accepted.Operation.ID, store.Ending{State: operation.Succeeded}))
	must(t, w.SetVMState(ctx, machine.ID, observed))
}

// Memory is never promised twice: the host of 8 GiB keeps half of one, so that seven VMs of one fit.
func TestReserveAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machines := make([]id.VM, 20)
	for i := range machines {
		request := w.provisioning(fmt.Sprintf("web-%d", i))
		request.NewVM.Spec.MemoryBytes = gib
		accepted, err := w.Accept(t.Context(), request)
		must(t, err)
		machines[i] = accepted.VM.ID
	}
	outcomes := make([]error, len(machines))
	atOnce(len(machines), func(i int) {
		outcomes[i] = w.SetVMState(t.Context(), machines[i], store.SetState{Host: &w.host, Reserve: true})
	})
	placed := 0
	for i, err := range outcomes {
		if err == nil {
			placed++
			must(t, w.SetVMState(t.Context(), machines[i], store.SetState{Host: &w.host, Reserve: true}))
			continue
		}
		wantFault(t, err, fault.KindExhausted, "h1", "1024 MiB")
	}
	equal(t, "placed", placed, 7)
}

func TestDeleteVM(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	for range 2 {
		must(t, w.DeleteVM(t.Context(), machine.ID))
	}
	for _, table := range []string{"vms", "interfaces", "volumes"} {
		equal(t, table, w.count(table), 0)
	}
	equal(t, "events of it", strings.Count(typesOf(w.happened()), "vm.deleted"), 1)
	w.addVM("web")
}

func TestVMsOnHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addVM("web")
	w.addVM("db")
	found, err := w.VMsOnHost(t.Context(), w.host)
	must(t, err)
	equal(t, "VMs", fmt.Sprintf("%d %s %s", len(found), found[0].Name, found[1].Name), "2 db web")
	found, err = w.VMsOnHost(t.Context(), "")
	must(t, err)
	equal(t, "on no host", len(found), 0)
}

func TestEventsOfAProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("insert into projects (id, name) values ('prj_other', 'other')")
	must(t, w.AppendEvent(t.Context(), event.Event{Type: "vm.seen", Project: "prj_other", SubjectKind: "vm", SubjectID: "vm_x"}))
	mine, err := w.EventsAfter(t.Context(), w.project, 0, 0)
	must(t, err)
	equal(t, "mine and the installation's", typesOf(mine), "pool.added host.enrolled image.imported")
	theirs, err := w.EventsAfter(t.Context(), "prj_other", 0, 2)
	must(t, err)
	equal(t, "limit", len(theirs), 2)
}
