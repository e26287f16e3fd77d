package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// A reader that follows the log while many write to it sees every event, once, in order.
func TestReadersMissNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const writers, each = 16, 20
	start, err := w.LastSequence(t.Context())
	must(t, err)
	written := make(chan struct{})
	go func() {
		defer close(written)
		atOnce(writers, func(i int) {
			for n := range each {
				happened := event.Event{Type: "test.happened", SubjectKind: "test", SubjectID: fmt.Sprintf("%d-%d", i, n)}
				if err := w.AppendEvent(t.Context(), happened); err != nil {
					t.Error(explained(err))
				}
			}
		})
	}()
	seen, last, finished := map[string]bool{}, start, false
	for {
		events, err := w.EventsAfter(t.Context(), "", last, 7)
		must(t, err)
		for _, happened := range events {
			if happened.Sequence <= last {
				t.Fatalf("sequence %d comes after %d", happened.Sequence, last)
			}
			last = happened.Sequence
			seen[happened.SubjectID] = true
		}
		if len(events) == 0 && finished {
			break
		}
		select {
		case <-written:
			finished = true
		default:
		}
	}
	equal(t, "events seen", len(seen), writers*each)
}

// Events stand in the order of commits even when a transaction that began first ends last.
func TestSequencesFollowCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	machine := w.addVM("web")
	tx, err := w.raw.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "select pg_advisory_xact_lock(1313822273, 1163284052)")
	must(t, err)
	_, err = tx.Exec(t.Context(), "insert into events (type, subject_kind, subject_id) values ('slow.happened', 'test', '1')")
	must(t, err)
	accepted := make(chan error, 1)
	go func() {
		_, err := w.Accept(t.Context(), w.on(operation.Stop, machine))
		accepted <- err
	}()
	select {
	case err := <-accepted:
		t.Fatalf("an acceptance overtook a transaction that had drawn its sequence: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	must(t, tx.Commit(t.Context()))
	must(t, <-accepted)
	events := w.happened()
	equal(t, "events", typesOf(events[len(events)-2:]), "slow.happened operation.accepted")
}

func TestListen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var heard atomic.Int64
	connected := make(chan struct{}, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- w.Listen(ctx, func(sequence int64) {
			heard.Store(sequence)
			connected <- struct{}{}
		})
	}()
	<-connected
	happen := func() int64 {
		t.Helper()
		must(t, w.AppendEvent(t.Context(), event.Event{Type: "test.happened", SubjectKind: "test", SubjectID: "1"}))
		last, err := w.LastSequence(t.Context())
		must(t, err)
		return last
	}
	awaitSequence(t, &heard, happen())

	// The connection is lost, and something happens before there is a new one.
	w.exec(`select pg_terminate_backend(pid) from pg_stat_activity
		where datname = current_database() and application_name = 'novacron-listen'`)
	awaitSequence(t, &heard, happen())
	awaitSequence(t, &heard, happen())
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("it ended with %v", err)
	}
}

func awaitSequence(t *testing.T, heard *atomic.Int64, want int64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); heard.Load() < want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("heard of %d, want %d", heard.Load(), want)
		}
	}
}

func TestEventsAfterChecksItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.EventsAfter(t.Context(), "", 0, store.MaxPage+1)
	wantFault(t, err, fault.KindInvalid)
	wantField(t, err, "limit")
}
