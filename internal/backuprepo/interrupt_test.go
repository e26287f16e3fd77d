package backuprepo_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

// failAt makes the store fail its call with that number, before or after its work, and every later one until healed.
func failAt(store *fake.Store, number int, after bool) (calls func() int, heal func()) {
	var lock sync.Mutex
	count := 0
	fail := func(string, string) error {
		lock.Lock()
		defer lock.Unlock()
		if count++; count >= number {
			return fault.Unavailable("the store is away")
		}
		return nil
	}
	if after {
		store.After = fail
	} else {
		store.Before = fail
	}
	return func() int { return count }, func() { store.Before, store.After = nil, nil }
}

func TestWriteInterruptedAnywhere(t *testing.T) {
	source := newDisk(4 * mib)
	put(t, source, noise(1, 3*mib), 0) // three packs
	store, repository := fresh(t)
	repository.SetPackBytes(mib)
	base, full := write(t, repository, source, nil)
	source.Track("since")
	put(t, source, noise(2, 2*mib), mib)
	source.since = "since"
	want := content(t, source)
	for _, after := range []bool{false, true} {
		for number := 1; ; number++ {
			calls, heal := failAt(store, number, after)
			backup := id.New[id.Backup]()
			request := backuprepo.WriteRequest{Backup: backup, Device: "vda", Source: source, Parent: &full.Manifest}
			_, err := repository.WriteDisk(t.Context(), request)
			heal()
			reached := calls() >= number
			if reached != (err != nil) {
				t.Fatalf("call %d failed (%t) and the write said %v", number, reached, err)
			}
			if number%2 == 0 {
				// Half of the time the operation is undone instead of tried again.
				checkUndone(t, store, repository, backup)
			} else {
				result, err := repository.WriteDisk(t.Context(), request)
				if err != nil {
					t.Fatalf("after failing at call %d: %v", number, err)
				}
				if number%7 == 1 {
					wantRestored(t, repository, result.Manifest, want)
				}
				checkNoStrays(t, store, backup)
				checkUndone(t, store, repository, backup)
			}
			if !reached {
				break
			}
		}
	}
	checkNothingLeft(t, store, repository, base)
}

// checkNoStrays wants every pack of a finished backup to be of one attempt.
func checkNoStrays(t *testing.T, store *fake.Store, backup id.Backup) {
	t.Helper()
	attempts := make(map[string]bool)
	for _, key := range store.Keys() {
		if name, found := strings.CutPrefix(key, "packs/"+string(backup)+"/vda-"); found {
			attempts[name[:strings.Index(name, "-")]] = true
		}
	}
	if len(attempts) != 1 {
		t.Fatalf("packs of %d attempts are there", len(attempts))
	}
}

func checkUndone(t *testing.T, store *fake.Store, repository *backuprepo.Repository, backup id.Backup) {
	t.Helper()
	if err := repository.Delete(t.Context(), backup); err != nil {
		t.Fatalf("delete: %v", err)
	}
	for _, key := range store.Keys() {
		if strings.Contains(key, string(backup)) {
			t.Fatalf("left behind: %s", key)
		}
	}
}

func TestLaterAttemptWins(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(4 * mib)
	put(t, source, noise(1, 3*mib), 0)
	backup := id.New[id.Backup]()
	reading, goOn := make(chan struct{}), make(chan struct{})
	slow := newDisk(4 * mib)
	put(t, slow, noise(1, 3*mib), 0)
	var once sync.Once
	slow.onRead = func(context.Context) error {
		once.Do(func() { close(reading) })
		<-goOn
		return nil
	}
	first := make(chan error)
	go func() {
		_, err := repository.WriteDisk(t.Context(), backuprepo.WriteRequest{Backup: backup, Device: "vda", Source: slow})
		first <- err
	}()
	<-reading
	result, err := repository.WriteDisk(t.Context(), backuprepo.WriteRequest{Backup: backup, Device: "vda", Source: source})
	if err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if err := <-first; !fault.Is(err, fault.KindConflict) {
		t.Errorf("the attempt that was taken over: %v", err)
	}
	wantRestored(t, repository, result.Manifest, content(t, source))
	checkUndone(t, store, repository, backup)
}

func TestCancelledWriteEndsAndIsUndone(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(64 * mib)
	put(t, source, noise(1, 60*mib), 0)
	ctx, cancel := context.WithCancel(t.Context())
	reads := 0
	var lock sync.Mutex
	source.onRead = func(ctx context.Context) error {
		lock.Lock()
		defer lock.Unlock()
		if reads++; reads == 40 {
			cancel()
		}
		return ctx.Err()
	}
	backup := id.New[id.Backup]()
	_, err := repository.WriteDisk(ctx, backuprepo.WriteRequest{Backup: backup, Device: "vda", Source: source})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	checkNothingLeft(t, store, repository, backup)
}
