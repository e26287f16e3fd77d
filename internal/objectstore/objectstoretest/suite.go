package objectstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

// Run holds a driver to the contract. open makes a fresh, empty store for each case.
func Run(t *testing.T, open func(t *testing.T) objectstore.Store) {
	cases := map[string]func(t *testing.T, store objectstore.Store){
		"objects":        testObjects,
		"ranges":         testRanges,
		"lists":          testLists,
		"bad keys":       testBadKeys,
		"failed puts":    testFailedPuts,
		"concurrent use": testConcurrentUse,
		"ended contexts": testEndedContext,
		"clearing":       testClearing,
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, store objectstore.Store, key, content string) {
	t.Helper()
	if err := store.Put(t.Context(), key, strings.NewReader(content), int64(len(content))); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func get(t *testing.T, store objectstore.Store, key string, offset, length int64) string {
	t.Helper()
	reader, err := store.Get(t.Context(), key, offset, length)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer reader.Close()
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return string(content)
}

func wantKind(t *testing.T, err error, kind fault.Kind, doing string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: got %v, want %s", doing, err, kind)
	}
}

func list(t *testing.T, store objectstore.Store, prefix string) (keys []string) {
	t.Helper()
	err := store.List(t.Context(), prefix, func(object objectstore.Object) error {
		keys = append(keys, object.Key)
		return nil
	})
	if err != nil {
		t.Fatalf("list %q: %v", prefix, err)
	}
	return keys
}

// wantKeys looks again where lists may lag.
func wantKeys(t *testing.T, store objectstore.Store, prefix string, want []string, doing string) {
	t.Helper()
	deadline := time.Now()
	if slow, ok := store.(objectstore.Lagging); ok {
		deadline = deadline.Add(slow.ListLag())
	}
	for {
		got := list(t, store, prefix)
		if slices.Equal(got, want) {
			return
		}
		if !time.Now().Before(deadline) {
			t.Errorf("%s: keys with prefix %q are %v, not %v", doing, prefix, got, want)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func testObjects(t *testing.T, store objectstore.Store) {
	const key = "packs/bkp_1/vda-0.pack"
	_, err := store.Stat(t.Context(), key)
	wantKind(t, err, fault.KindNotFound, "stat of a missing object")
	_, err = store.Get(t.Context(), key, 0, -1)
	wantKind(t, err, fault.KindNotFound, "get of a missing object")
	for _, content := range []string{"first", "second, longer", "", "3rd"} {
		put(t, store, key, content)
		if got := get(t, store, key, 0, -1); got != content {
			t.Errorf("got %q, put %q", got, content)
		}
		object, err := store.Stat(t.Context(), key)
		if err != nil || object.Key != key || object.SizeBytes != int64(len(content)) || time.Since(object.ModifiedAt).Abs() > time.Minute {
			t.Errorf("stat says %+v, %v", object, err)
		}
	}
	_, err = store.Stat(t.Context(), key+"/below")
	wantKind(t, err, fault.KindNotFound, "stat below an object")
	_, err = store.Stat(t.Context(), "packs/bkp_1")
	wantKind(t, err, fault.KindNotFound, "stat of a part of a key")
	if err := store.Delete(t.Context(), "packs/bkp_1"); err != nil {
		t.Errorf("delete of a part of a key: %v", err)
	}
	wantKeys(t, store, "", []string{key}, "after deleting a part of a key")
	for range 2 {
		if err := store.Delete(t.Context(), key); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	wantKeys(t, store, "", nil, "after deleting all")
}

func testRanges(t *testing.T, store objectstore.Store) {
	put(t, store, "a", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "0123456789"}, {3, 4, "3456"}, {3, -1, "3456789"}, {8, 100, "89"}, {10, -1, ""}, {10, 5, ""}, {2, 0, ""}} {
		if got := get(t, store, "a", c.offset, c.length); got != c.want {
			t.Errorf("%d bytes from %d are %q, not %q", c.length, c.offset, got, c.want)
		}
	}
	for _, offset := range []int64{-1, 11} {
		_, err := store.Get(t.Context(), "a", offset, 1)
		wantKind(t, err, fault.KindInvalid, fmt.Sprintf("a range from %d", offset))
	}
}

func testLists(t *testing.T, store objectstore.Store) {
	keys := []string{"a-b/1", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "b/1", "b/10", "b/2"}
	for _, key := range slices.Backward(keys) {
		put(t, store, key, key)
	}
	slices.Sort(keys)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/c/", "b/1", "none", "a/c/d/e", "a/b/"} {
		var want []string
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		wantKeys(t, store, prefix, want, "after storing them")
	}
	enough, seen := errors.New("enough"), 0
	err := store.List(t.Context(), "", func(objectstore.Object) error {
		seen++
		if seen == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != 2 {
		t.Errorf("the visitor's error: %v after %d objects", err, seen)
	}
	// Deleting what is listed, while it is listed, is how a prefix is cleared.
	if err := store.List(t.Context(), "b/", func(object objectstore.Object) error { return store.Delete(t.Context(), object.Key) }); err != nil {
		t.Errorf("delete while listing: %v", err)
	}
	wantKeys(t, store, "b", nil, "after deleting what was listed")
}

func testClearing(t *testing.T, store objectstore.Store) {
	for _, key := range []string{"a/b/1", "a/b/2", "a/bc", "a/d", "e"} {
		put(t, store, key, key)
	}
	if bulk, able := store.(objectstore.BulkDeleter); able {
		for range 2 {
			if err := bulk.DeleteAll(t.Context(), []string{"e", "a/d", "never/there"}); err != nil {
				t.Errorf("delete many: %v", err)
			}
		}
		wantKeys(t, store, "", []string{"a/b/1", "a/b/2", "a/bc"}, "after deleting many")
	}
	clearer, able := store.(objectstore.Clearer)
	if !able {
		return
	}
	wantKeys(t, store, "a/b/", []string{"a/b/1", "a/b/2"}, "before clearing")
	for range 2 {
		if err := clearer.Clear(t.Context(), "a/b/"); err != nil {
			t.Errorf("clear: %v", err)
		}
	}
	wantKeys(t, store, "a/b", []string{"a/bc"}, "after clearing")
	wantKind(t, clearer.Clear(t.Context(), "../"), fault.KindInvalid, "clear ../")
}

func testBadKeys(t *testing.T, store objectstore.Store) {
	for _, key := range []string{"", "/a", "a/", "a//b", ".", "..", "a/../b", "../x", "a/.hidden", "a b", "a\\b", "a\x00b", "ä", strings.Repeat("a", 600)} {
		wantKind(t, store.Put(t.Context(), key, strings.NewReader("x"), 1), fault.KindInvalid, "put "+key)
		_, err := store.Get(t.Context(), key, 0, -1)
		wantKind(t, err, fault.KindInvalid, "get "+key)
		_, err = store.Stat(t.Context(), key)
		wantKind(t, err, fault.KindInvalid, "stat "+key)
		wantKind(t, store.Delete(t.Context(), key), fault.KindInvalid, "delete "+key)
	}
	wantKind(t, store.List(t.Context(), "../", func(objectstore.Object) error { return nil }), fault.KindInvalid, "list ../")
}

func testFailedPuts(t *testing.T, store objectstore.Store) {
	put(t, store, "a", "old")
	broken := io.MultiReader(strings.NewReader("new"), failing{})
	for doing, err := range map[string]error{
		"too short": store.Put(t.Context(), "a", strings.NewReader("new"), 4),
		"too long":  store.Put(t.Context(), "a", strings.NewReader("new"), 2),
		"broken":    store.Put(t.Context(), "a", broken, 6),
	} {
		if err == nil {
			t.Errorf("an object that is %s was stored", doing)
		}
	}
	if got := get(t, store, "a", 0, -1); got != "old" {
		t.Errorf("after failed puts the object is %q", got)
	}
	wantKeys(t, store, "", []string{"a"}, "after failed puts")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func testConcurrentUse(t *testing.T, store objectstore.Store) {
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for round := range 10 {
				content := bytes.Repeat([]byte{byte('a' + worker)}, 10000+round)
				if err := store.Put(t.Context(), "same/key", bytes.NewReader(content), int64(len(content))); err != nil {
					t.Errorf("put: %v", err)
				}
				if err := store.Put(t.Context(), fmt.Sprintf("dir/%d", worker), strings.NewReader("x"), 1); err != nil {
					t.Errorf("put: %v", err)
				}
				// Readers see one object or another, never a mixture.
				if got := get(t, store, "same/key", 0, -1); strings.Trim(got, got[:1]) != "" || len(got) < 10000 {
					t.Errorf("a mixture of objects")
				}
				if err := store.Delete(t.Context(), fmt.Sprintf("dir/%d", worker)); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	group.Wait()
	wantKeys(t, store, "", []string{"same/key"}, "after all have ended")
}

func testEndedContext(t *testing.T, store objectstore.Store) {
	ended, end := context.WithCancel(t.Context())
	end()
	_, getErr := store.Get(ended, "a", 0, -1)
	_, statErr := store.Stat(ended, "a")
	for _, err := range []error{
		store.Put(ended, "a", strings.NewReader("x"), 1), store.Delete(ended, "a"), getErr, statErr,
		store.List(ended, "", func(objectstore.Object) error { return nil }),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
	}
}
