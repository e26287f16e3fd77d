package imagestore

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/objectstore/fake"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
}

func newStore(t *testing.T) (*Store, *fake.Store) {
	t.Helper()
	inventory, err := store.Open(t.Context(), storetest.DSN(t))
	must(t, err)
	t.Cleanup(inventory.Close)
	objects := fake.New()
	return New(Config{Inventory: inventory, Objects: objects, Spool: t.TempDir(), MaxBytes: 1 << 20}), objects
}

// bring takes content in as an upload does.
func bring(t *testing.T, s *Store, name string, content []byte) (image.Image, bool, error) {
	t.Helper()
	place, err := s.NewPlace()
	must(t, err)
	defer func() { must(t, place.Remove()) }()
	sum, err := s.Receive(place, 0, bytes.NewReader(content))
	must(t, err)
	ready, err := s.Prepare(t.Context(), place, sum)
	must(t, err)
	return s.Keep(t.Context(), Wanted{ID: id.New[id.Image](), Name: name}, ready)
}

func TestKeepIsRepeatable(t *testing.T) {
	t.Parallel()
	s, objects := newStore(t)
	content := bytes.Repeat([]byte("x"), 1024)
	first, created, err := bring(t, s, "a", content)
	if err != nil || !created {
		t.Fatalf("%t, %v", created, err)
	}
	must(t, objects.Delete(t.Context(), Key(first.SHA256)))
	again, created, err := bring(t, s, "a", content)
	if err != nil || created || again.ID != first.ID || s.Check(t.Context(), first) != nil {
		t.Errorf("the same image again: %+v, %t, %v; its bytes: %v", again, created, err, s.Check(t.Context(), first))
	}
	if _, _, err := bring(t, s, "a", bytes.Repeat([]byte("y"), 1024)); !fault.Is(err, fault.KindConflict) || len(objects.Keys()) != 1 {
		t.Errorf("other bytes: %v, objects %v", err, objects.Keys())
	}
	must(t, s.Discard(t.Context(), first.ID, first.SHA256))
	must(t, s.Discard(t.Context(), first.ID, first.SHA256))
	if len(objects.Keys()) != 0 {
		t.Errorf("left behind: %v", objects.Keys())
	}
}

// Images of the same bytes come and go at the same time: an image that is there has its bytes, and when all are gone none are left.
func TestSharedBytesComeAndGo(t *testing.T) {
	t.Parallel()
	s, objects := newStore(t)
	content := bytes.Repeat([]byte("x"), 1024)
	var group sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		group.Go(func() {
			for range 15 {
				made, _, err := bring(t, s, name, content)
				if err == nil {
					err = s.Check(context.Background(), made)
				}
				if err == nil {
					err = s.Delete(context.Background(), made)
				}
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	group.Wait()
	if len(objects.Keys()) != 0 {
		t.Errorf("left behind: %v", objects.Keys())
	}
}

func TestReceiveRefuses(t *testing.T) {
	t.Parallel()
	s := New(Config{Spool: t.TempDir(), MaxBytes: 100})
	place, err := s.NewPlace()
	must(t, err)
	if _, err := s.Receive(place, 0, bytes.NewReader(make([]byte, 101))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	broken := readerOf(func([]byte) (int, error) { return 0, errors.New("gone") })
	if _, err := s.Receive(place, 0, broken); !errors.Is(err, ErrBroken) || !fault.Is(err, fault.KindInvalid) {
		t.Errorf("broken: %v", err)
	}
}

type readerOf func([]byte) (int, error)

func (r readerOf) Read(buffer []byte) (int, error) { return r(buffer) }

func TestOneAttemptAtATime(t *testing.T) {
	t.Parallel()
	s := New(Config{Spool: t.TempDir()})
	place := s.PlaceOf("img_1")
	release, err := place.Lock(t.Context())
	must(t, err)
	limited, stop := context.WithTimeout(t.Context(), 3*lockEvery)
	defer stop()
	if _, err := place.Lock(limited); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second attempt: %v", err)
	}
	taken := make(chan error, 1)
	go func() {
		release, err := place.Lock(t.Context())
		if err == nil {
			_, err = os.Stat(filepath.Join(place.dir, "lock"))
			release()
		}
		taken <- err
	}()
	must(t, place.Remove()) // whoever waits makes the place anew
	release()
	must(t, <-taken)
}

func TestSweepTakesWhatNobodyWritesTo(t *testing.T) {
	t.Parallel()
	s := New(Config{Spool: t.TempDir()})
	old, fresh := s.PlaceOf("img_old"), s.PlaceOf("img_fresh")
	other := filepath.Join(s.config.Spool, "other")
	must(t, os.Mkdir(other, 0o700))
	for _, each := range []Place{old, fresh} {
		release, err := each.Lock(t.Context())
		must(t, err)
		release()
	}
	past := time.Now().Add(-48 * time.Hour)
	for _, path := range []string{filepath.Join(old.dir, "lock"), old.dir, fresh.dir, other} {
		must(t, os.Chtimes(path, past, past))
	}
	must(t, s.sweep(time.Now()))
	left, err := os.ReadDir(s.config.Spool)
	must(t, err)
	if len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

func packed(t *testing.T, content []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	packing := gzip.NewWriter(&packed)
	_, err := packing.Write(content)
	must(t, err)
	must(t, packing.Close())
	return packed.Bytes()
}

func TestPackedImages(t *testing.T) {
	t.Parallel()
	s := New(Config{Spool: t.TempDir(), MaxBytes: 1 << 20})
	prepare := func(content []byte) (Place, Ready, error) {
		place, err := s.NewPlace()
		must(t, err)
		sum, err := s.Receive(place, 0, bytes.NewReader(content))
		must(t, err)
		ready, err := s.Prepare(t.Context(), place, sum)
		return place, ready, err
	}
	content := append(append(make([]byte, 200<<10), bytes.Repeat([]byte("x"), 512)...), make([]byte, 300<<10)...)
	place, ready, err := prepare(packed(t, content))
	sum := sha256.Sum256(content)
	if err != nil || ready.Format != "raw" || ready.SourceFormat != "raw" || ready.SHA256 != hex.EncodeToString(sum[:]) || ready.SizeBytes != int64(len(content)) {
		t.Fatalf("%+v, %v", ready, err)
	}
	if got, err := os.ReadFile(ready.Path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the image differs: %v", err)
	}
	if again, err := s.Again(t.Context(), place, ready); err != nil || again != ready {
		t.Errorf("again: %+v, %v", again, err)
	}
	whole := packed(t, content)
	for name, each := range map[string]struct {
		content []byte
		says    string
	}{
		"cut":       {whole[:len(whole)-9], "damaged"},
		"garbage":   {append([]byte{0x1f, 0x8b}, bytes.Repeat([]byte("x"), 510)...), "damaged"},
		"too large": {packed(t, make([]byte, 1<<20+1)), "larger than"},
		"twice":     {packed(t, whole), "gzip file: unpack it"},
		"empty":     {packed(t, nil), "empty"},
	} {
		if _, _, err := prepare(each.content); !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), each.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReceiveGoesOn sends a file in three parts, the second one twice, and asks for what is not there.
func TestReceiveGoesOn(t *testing.T) {
	t.Parallel()
	s := New(Config{Spool: t.TempDir(), MaxBytes: 100})
	content := bytes.Repeat([]byte("0123456789"), 9)
	whole := sha256.Sum256(content)
	place := s.UploadPlace("prj_1", hex.EncodeToString(whole[:]))
	release, err := place.LockSoon(t.Context(), time.Second)
	must(t, err)
	defer release()
	if _, err := s.Receive(place, 10, bytes.NewReader(content)); !fault.Is(err, fault.KindConflict) || place.ReceivedBytes() != 0 {
		t.Errorf("what should go on where nothing is: %v, %d bytes", err, place.ReceivedBytes())
	}
	gone := errors.New("gone")
	for _, part := range []struct{ from, to int64 }{{0, 30}, {30, 70}, {30, 80}} {
		broken := io.MultiReader(bytes.NewReader(content[part.from:part.to]), readerOf(func([]byte) (int, error) { return 0, gone }))
		if _, err := s.Receive(place, part.from, broken); !errors.Is(err, ErrBroken) || place.ReceivedBytes() != part.to {
			t.Errorf("after a part up to %d there are %d bytes, %v", part.to, place.ReceivedBytes(), err)
		}
	}
	if _, err := s.Receive(place, 80, bytes.NewReader(make([]byte, 21))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large in parts: %v", err)
	}
	sum, err := s.Receive(place, 80, bytes.NewReader(content[80:]))
	if err != nil || sum != hex.EncodeToString(whole[:]) {
		t.Errorf("the whole is %s, %v", sum, err)
	}
	if other := s.UploadPlace("prj_2", hex.EncodeToString(whole[:])); other == place {
		t.Error("two projects share what comes")
	}
	if _, err := place.LockSoon(t.Context(), 10*time.Millisecond); !fault.Is(err, fault.KindConflict) {
		t.Errorf("a place that is taken: %v", err)
	}
}
