package storagetest

import (
	"bytes"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
)

func testGrowing(t *testing.T, subject Subject) {
	grower, able := subject.Pool.(storage.Grower)
	if !able {
		t.Skip("it cannot make volumes larger")
	}
	pool, ctx := subject.Pool, t.Context()
	wantKind(t, grower.GrowVolume(ctx, id.New[id.Volume](), mib), fault.KindNotFound, "grow what is not there")
	for _, format := range subject.formats() {
		disk := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 4 * mib, Format: format}
		_, err := pool.CreateVolume(ctx, disk)
		must(t, err, "create")
		for range 2 {
			must(t, grower.GrowVolume(ctx, disk.Volume, 6*mib), "grow")
		}
		wantKind(t, grower.GrowVolume(ctx, disk.Volume, 5*mib), fault.KindConflict, "make it smaller")
		wantKind(t, grower.GrowVolume(ctx, disk.Volume, 7*mib+1), fault.KindInvalid, "half a sector")
		found, err := pool.InspectVolume(ctx, disk.Volume)
		must(t, err, "inspect")
		if found.SizeBytes != 6*mib {
			t.Errorf("a %s volume has %d bytes", format, found.SizeBytes)
		}
		if exporter, able := pool.(storage.Exporter); able {
			if content := readVolume(t, exporter, disk.Volume); len(content) != 6*mib || len(bytes.Trim(content, "\x00")) > 0 {
				t.Errorf("a %s volume that was made larger reads as %d bytes", format, len(content))
			}
		}
	}
}

func testClear(t *testing.T, subject Subject) {
	pool, ctx := subject.Pool, t.Context()
	image, _, fetch, fetches := Image(mib)
	must(t, pool.EnsureImage(ctx, image, fetch), "ensure")
	disk := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: mib, Format: subject.formats()[0], Base: image.Image}
	_, err := pool.CreateVolume(ctx, disk)
	must(t, err, "create")
	wantKind(t, pool.Clear(ctx), fault.KindConflict, "clear with a volume")
	if _, err := pool.InspectVolume(ctx, disk.Volume); err != nil {
		t.Fatalf("a volume after a refusal: %v", err)
	}
	must(t, pool.DeleteVolume(ctx, disk.Volume), "delete")
	for range 2 {
		must(t, pool.Clear(ctx), "clear")
	}
	if !pool.Fact(ctx).Available {
		return // the place is no pool any more
	}
	must(t, pool.EnsureImage(ctx, image, fetch), "ensure after all was cleared")
	if fetches.Load() != 2 {
		t.Errorf("an image outlived the clearing")
	}
}
