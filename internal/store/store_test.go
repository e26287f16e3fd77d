package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestOpenAndMigrate(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dsn := storetest.DSN(t)
	outcomes := make([]error, 4)
	atOnce(len(outcomes), func(i int) { outcomes[i] = store.Migrate(ctx, dsn) })
	must(t, errors.Join(outcomes...))
	opened, err := store.Open(ctx, dsn)
	must(t, err)
	must(t, opened.Ping(ctx))
	opened.Close()
	wantFault(t, opened.Ping(ctx), fault.KindUnavailable)

	_, err = store.Open(ctx, "postgres://%zz")
	wantFault(t, err, fault.KindInvalid, "postgres://")
	wantFault(t, store.Migrate(ctx, "port=none"), fault.KindInvalid)
	const nowhere = "host=/nowhere dbname=novacron user=postgres"
	_, err = store.Open(ctx, nowhere)
	wantFault(t, err, fault.KindUnavailable, "try again")
	wantFault(t, store.Migrate(ctx, nowhere), fault.KindUnavailable)
}

func TestALostDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Close()
	ctx := t.Context()
	_, listed := w.ListHosts(ctx)
	_, got := w.GetVM(ctx, "", "web")
	_, _, paged := w.ListVMs(ctx, store.VMFilter{})
	_, accepted := w.Accept(ctx, w.provisioning("web"))
	_, history := w.CapacitySamples(ctx, time.Now())
	_, principal := w.PrincipalByToken(ctx, nil)
	_, byToken := w.HostByToken(ctx, nil)
	_, image := w.GetImage(ctx, "", "tiny")
	_, network := w.GetNetwork(ctx, "", "default")
	_, schedule := w.GetSchedule(ctx, "", "nightly")
	_, pools := w.ListPools(ctx)
	_, installed := w.EnsureInstallation(ctx, store.Installation{})
	for _, err := range []error{
		listed, got, paged, accepted, history, principal, byToken, image, network, schedule, pools, installed,
		w.EndOperation(ctx, "op_1", store.Ending{State: "failed"}), w.EnsurePartitions(ctx, time.Now()),
	} {
		wantFault(t, err, fault.KindUnavailable, "try again")
	}
}

func TestABackendThatDiesIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tx, err := w.raw.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "lock table vms in access exclusive mode")
	must(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := w.GetVM(context.WithoutCancel(t.Context()), "", "web")
		failed <- err
	}()
	for killed := 0; killed == 0; time.Sleep(5 * time.Millisecond) {
		must(t, tx.QueryRow(t.Context(), `select count(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock'`).Scan(&killed))
	}
	wantFault(t, <-failed, fault.KindUnavailable)
	must(t, tx.Rollback(t.Context()))
	_, err = w.GetVM(t.Context(), "", "web")
	wantFault(t, err, fault.KindNotFound)
}

func TestAContextThatEndsIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.GetVM(ctx, "", "web")
	wantFault(t, err, fault.KindUnavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the cause is lost: %v", explained(err))
	}
}

func TestTextThatCannotBeKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addVM("web")
	_, err := w.UpdateVM(t.Context(), w.project, "web", store.VMChange{Description: ptr("a\x00b")}, 0)
	wantFault(t, err, fault.KindInvalid, "cannot be kept")
}

func TestADefectIsInternalAndKeepsItsCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("alter table image_records rename to elsewhere")
	_, err := w.ListImages(t.Context(), w.project)
	wantFault(t, err, fault.KindInternal)
	if errors.Unwrap(err) == nil {
		t.Error("the cause is lost")
	}
	request := w.provisioning("web")
	request.Operation.ID = id.Operation("op_1")
	_, err = w.Accept(t.Context(), request)
	must(t, err)
	again := w.provisioning("db")
	again.Operation.ID = "op_1"
	_, err = w.Accept(t.Context(), again)
	wantFault(t, err, fault.KindInternal)
}
