package backuprepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
	for seed := range uint64(4) {
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
