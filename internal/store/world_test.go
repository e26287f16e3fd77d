package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

const gib = int64(1) << 30

// world is an installation with one host and one image, and a back door to its database.
type world struct {
	*store.Store
	t       testing.TB
	dsn     string
	raw     *pgxpool.Pool
	project id.Project
	network id.Network
	host    id.Host
	image   id.Image
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dsn := storetest.DSN(t)
	opened, err := store.Open(t.Context(), dsn)
	must(t, err)
	t.Cleanup(opened.Close)
	raw, err := pgxpool.New(t.Context(), dsn)
	must(t, err)
	t.Cleanup(raw.Close)
	installed, err := opened.EnsureInstallation(t.Context(), store.Installation{AdminPasswordHash: "argon"})
	must(t, err)
	w := &world{
		Store: opened, t: t, dsn: dsn, raw: raw, project: installed.Project.ID, network: installed.Network.ID,
		image: id.New[id.Image](),
	}
	storetest.AddShared(t, opened)
	w.host = w.addHost("h1")
	must(t, opened.InsertImage(t.Context(), image.Image{
		ID: w.image, Name: "tiny", Format: "qcow2", SHA256: "ab", SizeBytes: 1 << 20, VirtualBytes: gib,
	}))
	return w
}

func hostFacts(address string) host.Facts {
	return host.Facts{
		CPUs: 4, MemoryBytes: 8 * gib, Architecture: "x86_64", MigrationAddress: address,
		Pools: []host.PoolFact{
			{Name: "local", Driver: "local", CapacityBytes: 100 * gib, UsedBytes: 10 * gib, Available: true},
			{Name: "shared", Driver: "local", Shared: true, CapacityBytes: 500 * gib, UsedBytes: 50 * gib, Available: true},
		},
	}
}

func (w *world) addHost(name string) id.Host {
	w.t.Helper()
	enrolment := []byte("enrolment of " + name)
	w.exec("insert into enrolments (hash, expires_at) values ($1, now() + interval '1 hour')", enrolment)
	enrolled, err := w.EnrolHost(w.t.Context(), enrolment, store.NewHost{
		ID: id.New[id.Host](), Name: name, TokenHash: []byte("token of " + name), Facts: hostFacts("10.77.0.11"),
	})
	must(w.t, err)
	return enrolled.ID
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	_, err := w.raw.Exec(context.Background(), statement, args...)
	must(w.t, err)
}

// provisioning is a request that makes a VM of that name.
func (w *world) provisioning(name string) store.Acceptance {
	machine := vm.VM{
		ID: id.New[id.VM](), Project: w.project, Name: name, Image: w.image, Spec: vm.Spec{CPUs: 1, MemoryBytes: 256 * vm.MiB},
		Interfaces: []vm.Interface{{Network: w.network}},
	}
	disk := volume.Volume{
		ID: id.New[id.Volume](), Project: w.project, VM: machine.ID, Device: "vda", Pool: "local", SizeBytes: gib, Image: w.image,
	}
	return store.Acceptance{
		Operation: w.operation(operation.Provision, machine.ID, name),
		Claims:    []string{string(machine.ID)}, NewVM: &machine, NewVolumes: []volume.Volume{disk},
	}
}

func (w *world) operation(kind operation.Kind, machine id.VM, name string) operation.Operation {
	return operation.Operation{
		ID: id.New[id.Operation](), Project: w.project, Kind: kind, Actor: "admin",
		Subject: operation.Subject{Kind: "vm", ID: string(machine), Name: name}, Request: json.RawMessage(`{"vm_id": "x"}`),
	}
}

// on is a request for an operation that has the VM for itself.
func (w *world) on(kind operation.Kind, machine vm.VM) store.Acceptance {
	return store.Acceptance{Operation: w.operation(kind, machine.ID, machine.Name), Claims: []string{string(machine.ID)}}
}

// addVM makes a VM that runs on the world's host and that nothing works on.
func (w *world) addVM(name string) vm.VM {
	w.t.Helper()
	ctx := w.t.Context()
	accepted, err := w.Accept(ctx, w.provisioning(name))
	must(w.t, err)
	must(w.t, w.SetVMState(ctx, accepted.VM.ID, store.SetState{State: vm.Running, Host: &w.host}))
	must(w.t, w.EndOperation(ctx, accepted.Operation.ID, store.Ending{State: operation.Succeeded}))
	made, err := w.GetVM(ctx, w.project, name)
	must(w.t, err)
	return made
}

// happened lists the types of all events so far.
func (w *world) happened() []event.Event {
	w.t.Helper()
	events, err := w.EventsAfter(w.t.Context(), "", 0, store.MaxPage)
	must(w.t, err)
	return events
}

func typesOf(events []event.Event) string {
	var types []string
	for _, each := range events {
		types = append(types, each.Type)
	}
	return strings.Join(types, " ")
}

func (w *world) count(table string) int {
	w.t.Helper()
	var rows int
	must(w.t, w.raw.QueryRow(context.Background(), "select count(*) from "+table).Scan(&rows))
	return rows
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", explained(err))
	}
}

func explained(err error) string {
	if found, ok := err.(*fault.Error); ok && found.Cause != nil {
		return fmt.Sprintf("%v (%s, because: %v)", err, found.Kind, found.Cause)
	}
	return err.Error()
}

// wantFault checks the kind, and that the sentence holds each of the words.
func wantFault(t testing.TB, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got error %v (%s), want %s", err, fault.KindOf(err), kind)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q does not mention %q", err, word)
		}
	}
}

func wantField(t testing.TB, err error, field string) {
	t.Helper()
	if found, ok := err.(*fault.Error); !ok || found.Field != field {
		t.Errorf("the error %#v is not at field %s", err, field)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func ptr[T any](value T) *T { return &value }
