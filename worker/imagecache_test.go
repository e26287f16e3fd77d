package worker

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/storage/storagetest"
)

// TestCopiesOfImagesAreBounded keeps three images of 1 MiB where there is room for one, and a disk on the oldest.
func TestCopiesOfImagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := storagefake.New(storagefake.Config{Name: "local"})
		host := &Host{pools: setOf(t, kept), ImageCacheBytes: 1 << 20, Log: slog.New(slog.DiscardHandler)}
		var images []storage.BaseImage
		for range 3 {
			base, _, fetch, _ := storagetest.Image(1 << 20)
			must(t, kept.EnsureImage(t.Context(), base, fetch))
			images = append(images, base)
			time.Sleep(time.Minute)
		}
		_, err := kept.CreateVolume(t.Context(), storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 20, Format: "qcow2", Base: images[0].Image})
		must(t, err)
		left := func() (names []id.Image) {
			copies, err := kept.Images(t.Context())
			must(t, err)
			for _, each := range copies {
				names = append(names, each.Image)
			}
			return names
		}
		must(t, host.evictImages(t.Context()))
		if len(left()) != 3 {
			t.Errorf("what was just asked for goes; left are %v", left())
		}
		time.Sleep(2 * time.Hour)
		for range 2 {
			must(t, host.evictImages(t.Context()))
			if found := left(); len(found) != 2 {
				t.Errorf("left are %v", found)
			}
		}
		if _, err := kept.OpenImage(t.Context(), images[1], 0); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("the least recently used that nothing stands on is there: %v", err)
		}
	})
}
