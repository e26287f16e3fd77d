package backuprepo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// chain makes a full backup and an incremental one of it.
func chain(t *testing.T, repository *backuprepo.Repository) (source *disk, full, next id.Backup, fullResult, nextResult backuprepo.DiskResult) {
	t.Helper()
	repository.SetPackBytes(mib)
	source = newDisk(4 * mib)
	put(t, source, noise(1, 3*mib), 0)
	full, fullResult = write(t, repository, source, nil)
	source.Track("since")
	put(t, source, noise(2, mib), 0)
	source.since = "since"
	next, nextResult = write(t, repository, source, &fullResult.Manifest)
	return source, full, next, fullResult, nextResult
}

func TestDeleteInterruptedAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for number := 1; ; number++ {
			store, repository := fresh(t)
			source, full, next, _, nextResult := chain(t, repository)
			calls, heal := failAt(store, number, after)
			err := repository.Delete(t.Context(), full)
			heal()
			reached := calls() >= number
			if reached != (err != nil) {
				t.Fatalf("call %d failed (%t) and the deletion said %v", number, reached, err)
			}
			if err := repository.Delete(t.Context(), full); err != nil {
				t.Fatal(err)
			}
			wantRestored(t, repository, nextResult.Manifest, content(t, source))
			_, heal = failAt(store, number, after)
			_ = repository.Delete(t.Context(), next)
			heal()
			checkNothingLeft(t, store, repository, next)
			if !reached {
				break
			}
		}
	}
}

func TestParentIsDeletedWhileItsChildIsWritten(t *testing.T) {
	store, repository := fresh(t)
	repository.SetPackBytes(mib)
	source := newDisk(4 * mib)
	put(t, source, noise(1, 3*mib), 0)
	parent, parentResult := write(t, repository, source, nil)
	source.Track("since")
	put(t, source, noise(2, mib), 0)
	source.since = "since"
	var once sync.Once
	source.onRead = func(ctx context.Context) (err error) {
		once.Do(func() { err = repository.Delete(ctx, parent) })
		return err
	}
	child, childResult := write(t, repository, source, &parentResult.Manifest)
	wantRestored(t, repository, childResult.Manifest, content(t, source))
	checkNothingLeft(t, store, repository, child)

	// A parent that goes away before its child is tied to it is noticed.
	parent, parentResult = write(t, repository, newDisk(mib), nil)
	store.After = func(call, key string) error {
		if call == "Put" && strings.HasPrefix(key, "runs/") {
			store.After = nil
			return repository.Delete(t.Context(), parent)
		}
		return nil
	}
	child = id.New[id.Backup]()
	_, err := repository.WriteDisk(t.Context(), backuprepo.WriteRequest{Backup: child, Device: "vda", Source: newDisk(mib), Parent: &parentResult.Manifest})
	if !fault.Is(err, fault.KindNotFound) {
		t.Errorf("a parent that vanished: %v", err)
	}
	checkNothingLeft(t, store, repository, child)
}

func TestUnreferenced(t *testing.T) {
	store, repository := fresh(t)
	_, full, next, _, _ := chain(t, repository)
	find := func(known ...id.Backup) []backuprepo.Leak {
		t.Helper()
		leaks, err := repository.Unreferenced(t.Context(), func(context.Context) ([]id.Backup, error) { return known, nil })
		if err != nil {
			t.Fatal(err)
		}
		return leaks
	}
	if leaks := find(full, next); len(leaks) != 0 {
		t.Errorf("known backups were reported: %+v", leaks)
	}
	if leaks := find(full); len(leaks) != 1 || leaks[0].Backup != next || leaks[0].Objects != 3 || leaks[0].Bytes < mib {
		t.Errorf("an unknown backup: %+v", leaks)
	}
	if err := repository.Delete(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if leaks := find(next); len(leaks) != 0 {
		t.Errorf("packs that are still in use were reported: %+v", leaks)
	}
	// A writer that came back to life after its backup was deleted leaves a pack.
	stray := "packs/" + string(full) + "/vda-ZOMBIE-000000"
	if err := store.Put(t.Context(), stray, strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	leaks := find(next)
	if len(leaks) != 1 || leaks[0] != (backuprepo.Leak{Backup: full, Objects: 1, Bytes: 1}) {
		t.Fatalf("a stray pack: %+v", leaks)
	}
	if err := repository.Delete(t.Context(), leaks[0].Backup); err != nil || slices.Contains(store.Keys(), stray) {
		t.Errorf("the stray pack stayed: %v", err)
	}
	// An unfinished backup may still need any pack of its parents.
	begun := id.New[id.Backup]()
	for key, text := range map[string]string{"runs/" + string(begun) + "/vda": `{"attempt":"x","owners":["` + string(full) + `"]}`, "links/" + string(full) + "/" + string(begun) + ".vda": "{}", stray: "x"} {
		if err := store.Put(t.Context(), key, strings.NewReader(text), int64(len(text))); err != nil {
			t.Fatal(err)
		}
	}
	if leaks := find(next, begun); len(leaks) != 0 {
		t.Errorf("packs that may still be needed were reported: %+v", leaks)
	}
	failed := errors.New("no inventory")
	if _, err := repository.Unreferenced(t.Context(), func(context.Context) ([]id.Backup, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("an inventory that does not answer: %v", err)
	}
	checkNothingLeft(t, store, repository, begun, next)
}

func TestDeleteKeepsWhatADamagedBackupMayNeed(t *testing.T) {
	store, repository := fresh(t)
	_, full, next, _, nextResult := chain(t, repository)
	store.Damage(nextResult.Manifest.Key, flip)
	before := len(store.Keys())
	if err := repository.Delete(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	packs := 0
	for _, key := range store.Keys() {
		if strings.HasPrefix(key, "packs/"+string(full)) {
			packs++
		}
	}
	if packs < 2 {
		t.Errorf("%d packs are left of %d objects", packs, before)
	}
	checkNothingLeft(t, store, repository, next)
}
