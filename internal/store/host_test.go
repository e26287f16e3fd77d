package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

func newHost(name string) store.NewHost {
	return store.NewHost{ID: id.New[id.Host](), Name: name, TokenHash: []byte(id.New[id.Token]()), Facts: hostFacts("10.77.0.12")}
}

func TestEnrolHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	must(t, w.CreateEnrolment(ctx, []byte("once"), time.Now().Add(time.Hour)))
	must(t, w.CreateEnrolment(ctx, []byte("late"), time.Now().Add(-time.Second)))

	_, err := w.EnrolHost(ctx, []byte("never made"), newHost("h2"))
	wantFault(t, err, fault.KindDenied, "unknown or has expired")
	_, err = w.EnrolHost(ctx, []byte("late"), newHost("h2"))
	wantFault(t, err, fault.KindDenied, "expired")
	_, err = w.EnrolHost(ctx, []byte("once"), newHost("h1"))
	wantFault(t, err, fault.KindConflict, "named h1")
	wantField(t, err, "name")
	_, err = w.EnrolHost(ctx, []byte("once"), newHost("H 2"))
	wantFault(t, err, fault.KindInvalid)
	lost := newHost("h2")
	lost.Facts.MigrationAddress = "0.0.0.0"
	_, err = w.EnrolHost(ctx, []byte("once"), lost)
	wantFault(t, err, fault.KindInvalid, "NOVACRON_MIGRATION_ADDRESS")

	first := newHost("h2")
	enrolled, err := w.EnrolHost(ctx, []byte("once"), first)
	must(t, err)
	equal(t, "state", enrolled.State, host.Ready)
	equal(t, "facts", enrolled.Facts.CPUs, 4)

	// The answer was lost: the worker asks again, and its first token is worth nothing.
	second := newHost("h2")
	again, err := w.EnrolHost(ctx, []byte("once"), second)
	must(t, err)
	equal(t, "the same host", again.ID, first.ID)
	_, err = w.HostByToken(ctx, first.TokenHash)
	wantFault(t, err, fault.KindDenied)
	_, err = w.EnrolHost(ctx, []byte("once"), newHost("h3"))
	wantFault(t, err, fault.KindDenied, "has been used")

	// Once it has reported, the enrolment is worth nothing either.
	found, err := w.HostByToken(ctx, second.TokenHash)
	must(t, err)
	must(t, w.RecordSamples(ctx, found.ID, store.Samples{}))
	_, err = w.EnrolHost(ctx, []byte("once"), newHost("h2"))
	wantFault(t, err, fault.KindDenied, "has been used")
}

func TestEnrolOnceAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.CreateEnrolment(t.Context(), []byte("once"), time.Now().Add(time.Hour)))
	outcomes := make([]error, 20)
	atOnce(len(outcomes), func(i int) {
		_, outcomes[i] = w.EnrolHost(t.Context(), []byte("once"), newHost(fmt.Sprintf("rack-%d", i)))
	})
	enrolled := 0
	for _, err := range outcomes {
		if err == nil {
			enrolled++
			continue
		}
		wantFault(t, err, fault.KindDenied)
	}
	equal(t, "hosts enrolled", enrolled, 1)
}

func TestListHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.addHost("h0")
	w.addVM("web")
	w.addVM("db")
	accepted, err := w.Accept(ctx, store.Acceptance{Operation: w.operation(operation.Drain, "", "h1"), Claims: []string{string(w.host)}})
	must(t, err)
	w.exec("update hosts set last_seen_at = now() - interval '1 minute' where name = 'h0'")
	hosts, err := w.ListHosts(ctx)
	must(t, err)
	equal(t, "names", fmt.Sprintf("%d %s %s", len(hosts), hosts[0].Name, hosts[1].Name), "2 h0 h1")
	equal(t, "silent", hosts[0].State, host.Offline)
	equal(t, "promised", hosts[1].Promised, host.Resources{CPUs: 2, MemoryBytes: 512 << 20})
	equal(t, "VMs", hosts[1].VMs, 2)
	equal(t, "operation", hosts[1].Operation, accepted.Operation.ID)
}

func TestSetHostFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	facts := hostFacts("fd00::11")
	facts.WorkerVersion = "2"
	must(t, w.SetHostFacts(t.Context(), w.host, facts))
	found, err := w.GetHost(t.Context(), "h1")
	must(t, err)
	equal(t, "version", found.Facts.WorkerVersion, "2")
	if !strings.HasSuffix(typesOf(w.happened()), "host.connected") {
		t.Errorf("events: %s", typesOf(w.happened()))
	}
	wantFault(t, w.SetHostFacts(t.Context(), id.New[id.Host](), facts), fault.KindNotFound, "enrol again")
	facts.MigrationAddress = "h1"
	wantFault(t, w.SetHostFacts(t.Context(), w.host, facts), fault.KindInvalid)
}

func TestCordonHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	cordoned, err := w.CordonHost(ctx, "h1", true, 1)
	must(t, err)
	equal(t, "state", cordoned.State, host.Cordoned)
	equal(t, "generation", cordoned.Generation, 2)
	_, err = w.CordonHost(ctx, "h1", false, 1)
	wantFault(t, err, fault.KindConflict, "changed since it was read", "h1")
	same, err := w.CordonHost(ctx, string(w.host), true, 0)
	must(t, err)
	equal(t, "generation when nothing changed", same.Generation, 2)
	free, err := w.CordonHost(ctx, "h1", false, 2)
	must(t, err)
	equal(t, "state", free.State, host.Ready)
	_, err = w.CordonHost(ctx, "h9", true, 0)
	wantFault(t, err, fault.KindNotFound, "h9", "novacron host list")
	if !strings.HasSuffix(typesOf(w.happened()), "host.cordoned host.uncordoned") {
		t.Errorf("events: %s", typesOf(w.happened()))
	}
}

func TestRemoveHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	must(t, w.RecordSamples(ctx, w.host, store.Samples{Pools: hostFacts("").Pools}))
	machine := w.addVM("web")
	wantFault(t, w.RemoveHost(ctx, "h1"), fault.KindConflict, "1 VMs", "drain h1")
	must(t, w.DeleteVM(ctx, machine.ID))
	accepted, err := w.Accept(ctx, store.Acceptance{Operation: w.operation(operation.Drain, "", "h1"), Claims: []string{string(w.host)}})
	must(t, err)
	wantFault(t, w.RemoveHost(ctx, "h1"), fault.KindConflict, "host h1 is busy", "(drain)")
	must(t, w.EndOperation(ctx, accepted.Operation.ID, store.Ending{State: operation.Succeeded}))
	must(t, w.RemoveHost(ctx, "h1"))
	_, err = w.HostByToken(ctx, []byte("token of h1"))
	wantFault(t, err, fault.KindDenied, "enrol again")
	wantFault(t, w.RemoveHost(ctx, "h1"), fault.KindNotFound)
	wantFault(t, w.RecordSamples(ctx, w.host, store.Samples{}), fault.KindNotFound)
}
