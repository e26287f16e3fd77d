package backuprepo_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/nbd"
	nbdfake "github.com/novacron/novacron/internal/nbd/fake"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

const (
	mib   = 1 << 20
	chunk = backuprepo.ChunkBytes
)

// disk is a disk in memory as a source and a sink.
type disk struct {
	*nbdfake.Disk
	since  string                          // the bitmap of what changed; "" to read all
	onRead func(ctx context.Context) error // called before each read
}

func (d *disk) ReadAt(ctx context.Context, buffer []byte, offset int64) error {
	if d.onRead != nil {
		if err := d.onRead(ctx); err != nil {
			return err
		}
	}
	return d.Disk.ReadAt(buffer, offset)
}

func (d *disk) Extents(_ context.Context, visit func(backuprepo.Extent) error) error {
	for _, extent := range d.Allocation() {
		kind := backuprepo.Data
		if extent.Flags&nbd.StateZero != 0 {
			kind = backuprepo.Zero
		}
		dirty := []nbd.Extent{{Offset: 0, Length: d.Size(), Flags: nbd.StateDirty}}
		if d.since != "" {
			dirty = d.Dirty(d.since)
		}
		for _, change := range dirty {
			from, to := max(extent.Offset, change.Offset), min(extent.Offset+extent.Length, change.Offset+change.Length)
			if from >= to {
				continue
			}
			now := kind
			if change.Flags == 0 {
				now = backuprepo.Unchanged
			}
			if err := visit(backuprepo.Extent{Offset: from, Length: to - from, Kind: now}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *disk) WriteAt(_ context.Context, data []byte, offset int64) error {
	return d.Disk.WriteAt(data, offset)
}

func (d *disk) WriteZeroes(_ context.Context, offset, length int64) error {
	return d.Disk.WriteZeroes(offset, length)
}

func (d *disk) Flush(context.Context) error { return nil }

func newDisk(size int64) *disk { return &disk{Disk: nbdfake.NewDisk(size)} }

func noise(seed uint64, length int) []byte {
	data := make([]byte, length)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(data)
	return data
}

func content(t *testing.T, d *disk) []byte {
	t.Helper()
	data := make([]byte, d.Size())
	if err := d.Disk.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, d *disk, data []byte, offset int64) {
	t.Helper()
	if err := d.Disk.WriteAt(data, offset); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, store objectstore.Store) *backuprepo.Repository {
	t.Helper()
	repository, err := backuprepo.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

func fresh(t *testing.T) (*fake.Store, *backuprepo.Repository) {
	t.Helper()
	store := fake.New()
	return store, open(t, store)
}

func write(t *testing.T, repository *backuprepo.Repository, source backuprepo.Source, parent *backuprepo.ManifestRef) (id.Backup, backuprepo.DiskResult) {
	t.Helper()
	backup := id.New[id.Backup]()
	result, err := repository.WriteDisk(t.Context(), backuprepo.WriteRequest{Backup: backup, Device: "vda", Source: source, Parent: parent})
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return backup, result
}

// wantRestored checks that the backup is this content, by verifying it and by restoring it over rubbish and over zeroes.
func wantRestored(t *testing.T, repository *backuprepo.Repository, ref backuprepo.ManifestRef, want []byte) {
	t.Helper()
	if _, err := repository.Verify(t.Context(), ref, nil); err != nil {
		t.Fatalf("verify: %v", err)
	}
	for _, zero := range []bool{false, true} {
		sink := newDisk(int64(len(want)))
		if !zero {
			put(t, sink, noise(99, len(want)), 0)
		}
		if err := repository.ReadDisk(t.Context(), backuprepo.ReadRequest{Manifest: ref, Sink: sink, SinkIsZero: zero}); err != nil {
			t.Fatalf("restore: %v", err)
		}
		if !bytes.Equal(content(t, sink), want) {
			t.Fatalf("what was restored is not what was backed up (sink is zero: %t)", zero)
		}
	}
}
