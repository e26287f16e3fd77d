package storagetest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/nbd"
	"github.com/novacron/novacron/internal/storage"
)

func testSnapshots(t *testing.T, subject Subject) {
	keeper, able := subject.Pool.(storage.Snapshotter)
	if !able {
		t.Skip("it keeps no snapshots")
	}
	exporter, able := subject.Pool.(storage.Exporter)
	if !able {
		t.Skip("what its volumes hold cannot be read")
	}
	pool, ctx := subject.Pool, t.Context()
	disk := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 4 * mib, Format: subject.formats()[0]}
	first, second, none := id.New[id.Snapshot](), id.New[id.Snapshot](), id.New[id.Snapshot]()
	wantKind(t, keeper.SnapshotVolume(ctx, disk.Volume, first), fault.KindNotFound, "snapshot what is not there")
	must(t, keeper.DropSnapshot(ctx, disk.Volume, first), "drop a snapshot of what is not there")
	_, err := pool.CreateVolume(ctx, disk)
	must(t, err, "create")
	wantKind(t, keeper.SnapshotVolume(ctx, disk.Volume, "x"), fault.KindInvalid, "an ID that is none")
	wantKind(t, keeper.RevertVolume(ctx, disk.Volume, none), fault.KindNotFound, "revert to what is not there")

	contents := map[id.Snapshot][]byte{}
	for fill, snapshot := range map[byte]id.Snapshot{1: first, 2: second} {
		writeVolume(t, exporter, disk.Volume, bytes.Repeat([]byte{fill}, mib))
		for range 2 {
			must(t, keeper.SnapshotVolume(ctx, disk.Volume, snapshot), "snapshot")
		}
		contents[snapshot] = readVolume(t, exporter, disk.Volume)
	}
	writeVolume(t, exporter, disk.Volume, bytes.Repeat([]byte{9}, 2*mib))
	kept, err := keeper.Snapshots(ctx, disk.Volume)
	must(t, err, "list")
	if len(kept) != 2 || !slices.Contains(kept, first) || !slices.Contains(kept, second) {
		t.Errorf("snapshots %v, want %s and %s", kept, first, second)
	}
	for _, snapshot := range []id.Snapshot{first, second, first} {
		for range 2 {
			must(t, keeper.RevertVolume(ctx, disk.Volume, snapshot), "revert")
		}
		if !bytes.Equal(readVolume(t, exporter, disk.Volume), contents[snapshot]) {
			t.Errorf("the volume is not what it was at %s", snapshot)
		}
	}
	for range 2 {
		must(t, keeper.DropSnapshot(ctx, disk.Volume, first), "drop")
	}
	wantKind(t, keeper.RevertVolume(ctx, disk.Volume, first), fault.KindNotFound, "revert to what was dropped")
	must(t, keeper.RevertVolume(ctx, disk.Volume, second), "revert to the one that is left")
	if !bytes.Equal(readVolume(t, exporter, disk.Volume), contents[second]) {
		t.Error("dropping one snapshot changed another")
	}
	must(t, pool.DeleteVolume(ctx, disk.Volume), "delete a volume with a snapshot")
	_, err = pool.InspectVolume(ctx, disk.Volume)
	wantKind(t, err, fault.KindNotFound, "inspect what was deleted")
}

func writeVolume(t *testing.T, exporter storage.Exporter, volume id.Volume, content []byte) {
	t.Helper()
	socket, export, stop, err := exporter.ServeVolume(t.Context(), volume, true)
	must(t, err, "serve for writing")
	client, err := nbd.Dial(t.Context(), socket, nbd.Options{Export: export})
	must(t, err, "dial")
	must(t, client.WriteAt(t.Context(), content, 0), "write")
	must(t, client.Close(), "close")
	must(t, stop(), "stop")
}
