package backuprepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

func TestFullBackup(t *testing.T) {
	for _, size := range []int64{512, chunk, chunk + 512, 40*mib + 4096} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			store, repository := fresh(t)
			source := newDisk(size)
			put(t, source, noise(1, int(size/2)), 0)            // cannot be compressed
			put(t, source, []byte("the end"), size-7)           // a short last chunk
			put(t, source, make([]byte, min(size, 3*chunk)), 0) // allocated zeroes
			before := store.Bytes()
			var told []int64
			backup := id.New[id.Backup]()
			request := backuprepo.WriteRequest{Backup: backup, Device: "vda", Source: source, Progress: func(done, total int64) {
				told = append(told, done, total)
			}}
			result, err := repository.WriteDisk(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if result.SizeBytes != size || result.ReadBytes > size || !strings.Contains(result.Manifest.Key, string(backup)) {
				t.Errorf("result %+v", result)
			}
			run, err := store.Stat(t.Context(), "runs/"+string(backup)+"/vda")
			if err != nil || result.StoredBytes != store.Bytes()-before-run.SizeBytes {
				t.Errorf("stored %d, the store grew by %d, %v", result.StoredBytes, store.Bytes()-before, err)
			}
			if len(told) < 2 || told[len(told)-2] != result.ReadBytes || told[len(told)-1] != result.ReadBytes {
				t.Errorf("progress %v", told)
			}
			wantRestored(t, repository, result.Manifest, content(t, source))
			again, err := repository.WriteDisk(t.Context(), request)
			if err != nil || again != result {
				t.Errorf("a second call: %+v, %v", again, err)
			}
		})
	}
}

func TestEqualChunksAreStoredOnce(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(8 * mib)
	for offset := int64(0); offset < 8*mib; offset += chunk {
		put(t, source, noise(uint64(offset/chunk)%3, chunk), offset)
	}
	_, result := write(t, repository, source, nil)
	if result.ReadBytes != 8*mib || store.Bytes() > 4*chunk {
		t.Errorf("three chunks took %d bytes", store.Bytes())
	}
	wantRestored(t, repository, result.Manifest, content(t, source))
}

// checkNothingLeft deletes backups and wants an empty repository.
func checkNothingLeft(t *testing.T, store *fake.Store, repository *backuprepo.Repository, backups ...id.Backup) {
	t.Helper()
	for _, backup := range backups {
		for range 2 {
			if err := repository.Delete(t.Context(), backup); err != nil {
				t.Fatalf("delete: %v", err)
			}
		}
	}
	if keys := store.Keys(); !slices.Equal(keys, []string{"repository.json"}) {
		t.Errorf("left behind: %v", keys)
	}
}

func TestChainSurvivesDeletionsInAnyOrder(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			store, repository := fresh(t)
			repository.SetPackBytes(256 << 10)
			source := newDisk(4*mib + 512)
			put(t, source, noise(7, 2*mib), mib)
			type point struct {
				backup id.Backup
				result backuprepo.DiskResult
				want   []byte
			}
			var points []point
			for round := range 6 {
				var parent *backuprepo.ManifestRef
				source.since = ""
				if round > 0 {
					parent, source.since = &points[random.IntN(len(points))].result.Manifest, "since"
					// The bitmap belongs to the newest point; an older parent is compared with in full.
					if *parent != points[len(points)-1].result.Manifest {
						source.since = ""
					}
				}
				backup, result := write(t, repository, source, parent)
				points = append(points, point{backup, result, content(t, source)})
				source.Track("since")
				for range 1 + random.IntN(5) {
					offset := random.Int64N(source.Size() - 100000)
					if random.IntN(3) == 0 {
						if err := source.Disk.WriteZeroes(offset, 100000); err != nil {
							t.Fatal(err)
						}
						continue
					}
					put(t, source, noise(random.Uint64(), 1+random.IntN(100000)), offset)
				}
			}
			for len(points) > 0 {
				for _, each := range points {
					wantRestored(t, repository, each.result.Manifest, each.want)
				}
				gone := random.IntN(len(points))
				if err := repository.Delete(t.Context(), points[gone].backup); err != nil {
					t.Fatal(err)
				}
				points = slices.Delete(points, gone, gone+1)
			}
			checkNothingLeft(t, store, repository)
		})
	}
}

func TestIncrementalReadsAndStoresOnlyWhatChanged(t *testing.T) {
	_, repository := fresh(t)
	source := newDisk(96 * mib)
	for offset := int64(0); offset < 32*mib; offset += mib {
		put(t, source, noise(uint64(offset), mib), offset*3)
	}
	_, full := write(t, repository, source, nil)
	if full.ReadBytes != 32*mib {
		t.Errorf("the full backup read %d bytes", full.ReadBytes)
	}
	source.Track("since")
	put(t, source, noise(1234567, 16*mib), 50*mib+4096)
	source.since = "since"
	_, result := write(t, repository, source, &full.Manifest)
	if result.ReadBytes > 20*mib || result.StoredBytes > 20*mib {
		t.Errorf("16 MiB written, %d read, %d stored", result.ReadBytes, result.StoredBytes)
	}
	wantRestored(t, repository, result.Manifest, content(t, source))
	// Reading everything again stores nothing again.
	source.since = ""
	_, again := write(t, repository, source, &result.Manifest)
	if again.StoredBytes > mib || again.ReadBytes < 32*mib {
		t.Errorf("an unchanged disk read in full: %d read, %d stored", again.ReadBytes, again.StoredBytes)
	}
}

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

func TestBadRequests(t *testing.T) {
	store, repository := fresh(t)
	source := newDisk(mib)
	backup, result := write(t, repository, source, nil)
	keys := len(store.Keys())
	source.Track("since")
	changed := newDisk(mib)
	changed.Track("since")
	changed.since = "since"
	grown := newDisk(2 * mib)
	grown.Track("since")
	grown.since = "since"
	for doing, c := range map[string]struct {
		request backuprepo.WriteRequest
		kind    fault.Kind
	}{
		"bad backup":     {backuprepo.WriteRequest{Backup: "../x", Device: "vda", Source: source}, fault.KindInvalid},
		"bad device":     {backuprepo.WriteRequest{Backup: id.New[id.Backup](), Device: "vd/a", Source: source}, fault.KindInvalid},
		"bad parent":     {backuprepo.WriteRequest{Backup: id.New[id.Backup](), Device: "vda", Source: source, Parent: &backuprepo.ManifestRef{Key: "packs/x"}}, fault.KindInvalid},
		"its own parent": {backuprepo.WriteRequest{Backup: backup, Device: "vdb", Source: source, Parent: &result.Manifest}, fault.KindInvalid},
		"unknown parent": {backuprepo.WriteRequest{Backup: id.New[id.Backup](), Device: "vda", Source: source, Parent: &backuprepo.ManifestRef{Key: "manifests/" + string(id.New[id.Backup]()) + "/vda"}}, fault.KindConflict},
	} {
		if _, err := repository.WriteDisk(t.Context(), c.request); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", doing, err)
		}
	}
	if len(store.Keys()) != keys {
		t.Errorf("refused requests left %v", store.Keys())
	}
	for doing, c := range map[string]struct {
		source backuprepo.Source
		parent *backuprepo.ManifestRef
		kind   fault.Kind
	}{
		"unchanged without parent": {changed, nil, fault.KindInvalid},
		"a disk that has grown":    {grown, &result.Manifest, fault.KindConflict},
		"an empty disk":            {newDisk(0), nil, fault.KindInvalid},
		"extents with a hole":      {&holey{newDisk(mib), mib / 2}, nil, fault.KindInternal},
		"extents that end early":   {&holey{newDisk(mib), mib}, nil, fault.KindInternal},
	} {
		request := backuprepo.WriteRequest{Backup: id.New[id.Backup](), Device: "vda", Source: c.source, Parent: c.parent}
		if _, err := repository.WriteDisk(t.Context(), request); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", doing, err)
		}
		checkUndone(t, store, repository, request.Backup)
	}
	if err := repository.Delete(t.Context(), "../x"); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("delete of a bad ID: %v", err)
	}
}

// holey leaves out the extents before from, or after a quarter if from is the end.
type holey struct {
	*disk
	from int64
}

func (h *holey) Extents(_ context.Context, visit func(backuprepo.Extent) error) error {
	if h.from < h.Size() {
		return visit(backuprepo.Extent{Offset: h.from, Length: h.Size() - h.from, Kind: backuprepo.Data})
	}
	return visit(backuprepo.Extent{Offset: 0, Length: h.Size() / 4, Kind: backuprepo.Data})
}

func TestSourceErrorsPassThrough(t *testing.T) {
	_, repository := fresh(t)
	source := newDisk(mib)
	put(t, source, []byte("x"), 0)
	broken := fault.Unavailable("the guest's disk is away")
	source.onRead = func(context.Context) error { return broken }
	_, err := repository.WriteDisk(t.Context(), backuprepo.WriteRequest{Backup: id.New[id.Backup](), Device: "vda", Source: source})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestRestoreToOtherSizes(t *testing.T) {
	_, repository := fresh(t)
	source := newDisk(mib + 512)
	put(t, source, noise(1, 500), mib)
	_, result := write(t, repository, source, nil)
	small := newDisk(mib)
	if err := repository.ReadDisk(t.Context(), backuprepo.ReadRequest{Manifest: result.Manifest, Sink: small}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a disk that is too small: %v", err)
	}
	large := newDisk(3 * mib)
	put(t, large, noise(2, 3*mib), 0)
	if err := repository.ReadDisk(t.Context(), backuprepo.ReadRequest{Manifest: result.Manifest, Sink: large}); err != nil {
		t.Fatal(err)
	}
	if got := content(t, large); !bytes.Equal(got[:source.Size()], content(t, source)) || !bytes.Equal(got[source.Size():], make([]byte, 2*mib-512)) {
		t.Error("a larger disk was not filled up with zeroes")
	}
}

func TestOpen(t *testing.T) {
	store := fake.New()
	_, heal := failAt(store, 1, false)
	repository, err := backuprepo.Open(t.Context(), store)
	if err != nil {
		t.Fatalf("a store that is away: %v", err)
	}
	if _, err := repository.Verify(t.Context(), backuprepo.ManifestRef{Key: "manifests/" + string(id.New[id.Backup]()) + "/vda"}, nil); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("a store that is still away: %v", err)
	}
	heal()
	if _, err := repository.Unreferenced(t.Context(), func(context.Context) ([]id.Backup, error) { return nil, nil }); err != nil {
		t.Errorf("a store that came back: %v", err)
	}
	later := fake.New()
	if err := later.Put(t.Context(), "repository.json", strings.NewReader(`{"format":2}`), 12); err != nil {
		t.Fatal(err)
	}
	if _, err := backuprepo.Open(t.Context(), later); !fault.Is(err, fault.KindConflict) {
		t.Errorf("a later format: %v", err)
	}
}
