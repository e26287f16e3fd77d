package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

func TestAnOperationFromBeginToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	accepted, err := w.Accept(ctx, w.on(operation.Migrate, machine))
	must(t, err)
	of := accepted.Operation.ID
	before, err := w.LastSequence(ctx)
	must(t, err)

	pending, err := w.PendingOperations(ctx, 0)
	must(t, err)
	equal(t, "pending", fmt.Sprint(len(pending), pending[0].ID), fmt.Sprint(1, of))
	for range 2 {
		must(t, w.BeginOperation(ctx, of, "run-1"))
	}
	must(t, w.BeginOperation(ctx, of, "run-2"))
	pending, err = w.PendingOperations(ctx, 0)
	must(t, err)
	equal(t, "pending", len(pending), 0)
	for range 2 {
		must(t, w.SetOperationState(ctx, of, operation.Waiting, "bring h2 back"))
	}
	found, err := w.GetOperation(ctx, w.project, of)
	must(t, err)
	equal(t, "question", found.Question, "bring h2 back")
	equal(t, "run", found.RunID, "run-2")
	if found.StartedAt.IsZero() {
		t.Error("it has not started")
	}
	must(t, w.SetOperationState(ctx, of, operation.Undoing, ""))
	must(t, w.SaveTimeline(ctx, of, json.RawMessage(`{"steps": 1}`)))

	ending := store.Ending{
		State: operation.Failed, Error: &operation.Problem{Kind: fault.KindUnavailable, Message: "h2 is gone", Step: "start"},
		Leaks: []operation.Leak{{Kind: "volume", ID: "vol_1", Detail: "not removed"}}, Timeline: json.RawMessage(`{"steps": 2}`),
	}
	must(t, w.EndOperation(ctx, of, ending))
	must(t, w.EndOperation(ctx, of, store.Ending{State: operation.Succeeded}))
	found, err = w.GetOperation(ctx, "", of)
	must(t, err)
	equal(t, "state", found.State, operation.Failed)
	equal(t, "error", *found.Error, *ending.Error)
	equal(t, "leaks", fmt.Sprint(found.Leaks), fmt.Sprint(ending.Leaks))
	timeline, err := w.Timeline(ctx, of)
	must(t, err)
	equal(t, "timeline", string(timeline), `{"steps": 2}`)
	free, err := w.GetVM(ctx, w.project, "web")
	must(t, err)
	equal(t, "claim", free.Operation, "")

	events, err := w.EventsAfter(ctx, w.project, before, 0)
	must(t, err)
	equal(t, "events", typesOf(events), "operation.started operation.waiting operation.undoing operation.failed")
	if last := string(events[3].Data); !strings.Contains(last, "h2 is gone") || !strings.Contains(last, `"leaks": 1`) {
		t.Errorf("the last event's data is %s", last)
	}
}

func TestNothingChangesAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	accepted, err := w.Accept(ctx, w.on(operation.Stop, w.addVM("web")))
	must(t, err)
	of := accepted.Operation.ID
	must(t, w.EndOperation(ctx, of, store.Ending{State: operation.Cancelled}))
	wantFault(t, w.BeginOperation(ctx, of, "run"), fault.KindConflict, "ended")
	wantFault(t, w.SetOperationState(ctx, of, operation.Running, ""), fault.KindConflict, "ended")
	wantFault(t, w.MarkNoReturn(ctx, of), fault.KindConflict, "ended")
	_, err = w.RequestCancel(ctx, of)
	wantFault(t, err, fault.KindConflict, "nothing to cancel")

	none := id.New[id.Operation]()
	wantFault(t, w.BeginOperation(ctx, none, "run"), fault.KindNotFound, string(none), "novacron operation list")
	wantFault(t, w.SaveTimeline(ctx, none, json.RawMessage("{}")), fault.KindNotFound)
	_, err = w.Timeline(ctx, none)
	wantFault(t, err, fault.KindNotFound)
	_, err = w.GetOperation(ctx, "prj_other", of)
	wantFault(t, err, fault.KindNotFound)
	wantFault(t, w.SetOperationState(ctx, of, operation.Succeeded, ""), fault.KindInternal, "BUG")
	wantFault(t, w.EndOperation(ctx, of, store.Ending{State: operation.Running}), fault.KindInternal, "BUG")
}

func TestCancelUpToThePointOfNoReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	accepted, err := w.Accept(ctx, w.on(operation.Migrate, w.addVM("web")))
	must(t, err)
	for range 2 {
		asked, err := w.RequestCancel(ctx, accepted.Operation.ID)
		must(t, err)
		equal(t, "asked to stop", asked.CancelRequested, true)
	}
	for range 2 {
		must(t, w.MarkNoReturn(ctx, accepted.Operation.ID))
	}
	_, err = w.RequestCancel(ctx, accepted.Operation.ID)
	wantFault(t, err, fault.KindConflict, "point of no return")
	found, err := w.GetOperation(ctx, "", accepted.Operation.ID)
	must(t, err)
	equal(t, "no return", found.NoReturn, true)
}

func TestEndingManyTimesAtOnceIsOneEnding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	accepted, err := w.Accept(t.Context(), w.on(operation.Stop, w.addVM("web")))
	must(t, err)
	before := len(w.happened())
	atOnce(20, func(int) {
		if err := w.EndOperation(t.Context(), accepted.Operation.ID, store.Ending{State: operation.Succeeded}); err != nil {
			t.Error(explained(err))
		}
	})
	equal(t, "events", len(w.happened())-before, 1)
}

func TestListOperations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	web, db := w.addVM("web"), w.addVM("db")
	parent, err := w.Accept(ctx, store.Acceptance{Operation: w.operation(operation.Drain, "", "h1"), Claims: []string{string(w.host)}})
	must(t, err)
	child := w.on(operation.Migrate, web)
	child.Operation.Parent = parent.Operation.ID
	migration, err := w.Accept(ctx, child)
	must(t, err)

	list := func(filter store.OperationFilter) []operation.Operation {
		t.Helper()
		found, _, err := w.ListOperations(ctx, filter)
		must(t, err)
		return found
	}
	equal(t, "all", len(list(store.OperationFilter{})), 4)
	equal(t, "of the project", len(list(store.OperationFilter{Project: w.project})), 4)
	equal(t, "of another", len(list(store.OperationFilter{Project: "prj_other"})), 0)
	equal(t, "open", len(list(store.OperationFilter{Open: true})), 2)
	equal(t, "kind", len(list(store.OperationFilter{Kind: operation.Provision})), 2)
	equal(t, "state", len(list(store.OperationFilter{State: operation.Succeeded})), 2)
	equal(t, "subject's ID", len(list(store.OperationFilter{Subject: string(db.ID)})), 1)
	equal(t, "subject's name", len(list(store.OperationFilter{Subject: "web"})), 2)
	children := list(store.OperationFilter{Parent: parent.Operation.ID})
	equal(t, "children", fmt.Sprint(len(children), children[0].ID, children[0].Parent), fmt.Sprint(1, migration.Operation.ID, parent.Operation.ID))
	open, err := w.OpenOperations(ctx)
	must(t, err)
	equal(t, "open operations", len(open), 2)

	var walked []id.Operation
	for cursor := ""; ; {
		page, next, err := w.ListOperations(ctx, store.OperationFilter{Limit: 1, Cursor: cursor})
		must(t, err)
		walked = append(walked, page[0].ID)
		if cursor = next; next == "" {
			break
		}
	}
	equal(t, "pages", len(walked), 4)
	for i := 1; i < len(walked); i++ {
		if walked[i] >= walked[i-1] {
			t.Errorf("page %d is not older than the one before", i)
		}
	}
	_, _, err = w.ListOperations(ctx, store.OperationFilter{Limit: -1})
	wantFault(t, err, fault.KindInvalid)
	_, _, err = w.ListOperations(ctx, store.OperationFilter{Cursor: "@"})
	wantFault(t, err, fault.KindInvalid)
	_, err = w.PendingOperations(ctx, store.MaxPage+1)
	wantFault(t, err, fault.KindInvalid)
}

func TestSweepClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	accepted, err := w.Accept(t.Context(), w.on(operation.Stop, machine))
	must(t, err)
	w.exec("update operations set state = 'failed', ended_at = now() where id = $1", accepted.Operation.ID)
	released, err := w.SweepClaims(t.Context())
	must(t, err)
	equal(t, "released", released, 1)
	_, err = w.Accept(t.Context(), w.on(operation.Start, machine))
	must(t, err)
	released, err = w.SweepClaims(t.Context())
	must(t, err)
	equal(t, "released of open operations", released, 0)
}

func TestExpectedSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	none, err := w.ExpectedSeconds(t.Context(), operation.Migrate)
	must(t, err)
	equal(t, "without history", none, 0)
	for i := range 25 { // the first five are older than the last twenty
		w.exec(`insert into operations (id, project_id, kind, state, subject_kind, subject_id, subject_name, actor, request, created_at, started_at, ended_at)
			values ($1, $2, 'migrate', 'succeeded', 'vm', '', '', '', '{}', now(), now() + $3::int * interval '1 hour',
				now() + $3::int * interval '1 hour' + $4::int * interval '1 second')`,
			fmt.Sprintf("op_%02d", i), w.project, i, max(i-5, 0)*2+1000*(max(5-i, 0)))
	}
	median, err := w.ExpectedSeconds(t.Context(), operation.Migrate)
	must(t, err)
	equal(t, "median of 0, 2, …, 38", median, 19)
	found, err := w.GetOperation(t.Context(), "", "op_07")
	must(t, err)
	equal(t, "with an operation", found.ExpectedSeconds, 19)
}

// An operation may end while others try to claim what it held; they win or lose, and the claims stay whole.
func TestEndingWhileOthersClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	var mutex sync.Mutex
	done := 0
	atOnce(8, func(int) {
		for range 10 {
			accepted, err := w.Accept(t.Context(), w.on(operation.Restart, machine))
			if fault.Is(err, fault.KindConflict) {
				continue
			}
			if err == nil {
				err = w.EndOperation(t.Context(), accepted.Operation.ID, store.Ending{State: operation.Succeeded})
			}
			mutex.Lock()
			done++
			mutex.Unlock()
			if err != nil {
				t.Error(explained(err))
			}
		}
	})
	equal(t, "claims left", w.count("claims"), 0)
	equal(t, "operations", w.count("operations where kind = 'restart'"), done)
}
