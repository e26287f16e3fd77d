package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/nbd"
	"github.com/novacron/novacron/internal/storage"
)

const mib = 1 << 20

// Subject is a fresh, empty pool.
type Subject struct {
	Pool storage.Pool
	Peer storage.Pool // the same pool as another host sees it; nil if it cannot be shared
	// Formats are those of its volumes, the first that of volumes that stand on an image; none means qcow2 and raw.
	Formats []string
	// Dense says that the pool cannot tell what of a volume is allocated, and calls all of it so.
	Dense bool
}

func (s Subject) formats() []string {
	if len(s.Formats) == 0 {
		return []string{"qcow2", "raw"}
	}
	return s.Formats
}

// Run holds a driver to the contract. open makes a fresh subject for each case.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	cases := map[string]func(t *testing.T, subject Subject){
		"volumes":               testVolumes,
		"bad specifications":    testBadSpecifications,
		"images":                testImages,
		"images broken off":     testImageBrokenOff,
		"images with bad bytes": testImageBadBytes,
		"overlays":              testOverlays,
		"races for an image":    testImageRace,
		"exports":               testExports,
		"giving up the place":   testClear,
		"growing":               testGrowing,
		"keeping images":        testKeepingImages,
		"snapshots":             testSnapshots,
		"ended contexts":        testEndedContext,
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Image makes a raw image of the size and a function that fetches it; fetches counts its calls.
func Image(size int) (image storage.BaseImage, content []byte, fetch func(context.Context, int64) (io.ReadCloser, error), fetches *atomic.Int64) {
	content = make([]byte, size)
	// The first sector stays empty, so that no magic number appears by chance.
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content[512:])
	fetches = new(atomic.Int64)
	return ImageOf(content, "raw"), content, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		fetches.Add(1)
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}, fetches
}

// ImageOf describes the image that a file of that format makes.
func ImageOf(file []byte, format string) storage.BaseImage {
	digest := sha256.Sum256(file)
	return storage.BaseImage{Image: id.New[id.Image](), SHA256: hex.EncodeToString(digest[:]), Format: format, SizeBytes: int64(len(file))}
}

func wantKind(t *testing.T, err error, kind fault.Kind, doing string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: got %v, want %s", doing, err, kind)
	}
}

func must(t *testing.T, err error, doing string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

func testVolumes(t *testing.T, subject Subject) {
	pool, ctx := subject.Pool, t.Context()
	fact := pool.Fact(ctx)
	if !fact.Available || fact.CapacityBytes <= 0 || fact.UsedBytes < 0 || fact.UsedBytes > fact.CapacityBytes || fact.Name == "" || fact.Driver == "" {
		t.Fatalf("the pool says of itself %+v", fact)
	}
	want := make(map[id.Volume]storage.Volume)
	for _, format := range subject.formats() {
		spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 8 * mib, Format: format}
		_, err := pool.InspectVolume(ctx, spec.Volume)
		wantKind(t, err, fault.KindNotFound, "inspect before create")
		made, err := pool.CreateVolume(ctx, spec)
		must(t, err, "create")
		if made.Volume != spec.Volume || made.Path == "" || made.Format != format || made.SizeBytes != 8*mib || made.Base != "" || made.AllocatedBytes > mib && !subject.Dense {
			t.Errorf("created %+v", made)
		}
		again, err := pool.CreateVolume(ctx, spec)
		must(t, err, "create again")
		inspected, err := pool.InspectVolume(ctx, spec.Volume)
		must(t, err, "inspect")
		if again != made || inspected != made {
			t.Errorf("created %+v, again %+v, inspected %+v", made, again, inspected)
		}
		larger, other := spec, spec
		larger.SizeBytes *= 2
		_, err = pool.CreateVolume(ctx, larger)
		wantKind(t, err, fault.KindConflict, "create with another size")
		other.Format = otherThan(format)
		_, err = pool.CreateVolume(ctx, other)
		if slices.Contains(subject.formats(), other.Format) {
			wantKind(t, err, fault.KindConflict, "create with another format")
		} else {
			wantKind(t, err, fault.KindInvalid, "create with a format that the pool does not have")
		}
		want[spec.Volume] = made
	}
	list, err := pool.ListVolumes(ctx)
	must(t, err, "list")
	if len(list) != len(want) {
		t.Errorf("the list has %d volumes, not %d", len(list), len(want))
	}
	for _, volume := range list {
		if want[volume.Volume] != volume {
			t.Errorf("listed %+v, created %+v", volume, want[volume.Volume])
		}
		must(t, pool.DeleteVolume(ctx, volume.Volume), "delete")
		must(t, pool.DeleteVolume(ctx, volume.Volume), "delete again")
		_, err := pool.InspectVolume(ctx, volume.Volume)
		wantKind(t, err, fault.KindNotFound, "inspect after delete")
	}
	list, err = pool.ListVolumes(ctx)
	if err != nil || len(list) != 0 {
		t.Errorf("after deleting all the list is %+v, %v", list, err)
	}
}

func otherThan(format string) string {
	return map[string]string{"qcow2": "raw", "raw": "qcow2"}[format]
}

func testBadSpecifications(t *testing.T, subject Subject) {
	pool, ctx := subject.Pool, t.Context()
	sane := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: mib, Format: subject.formats()[0]}
	for doing, change := range map[string]func(*storage.VolumeSpec){
		"no size":           func(s *storage.VolumeSpec) { s.SizeBytes = 0 },
		"negative size":     func(s *storage.VolumeSpec) { s.SizeBytes = -512 },
		"odd size":          func(s *storage.VolumeSpec) { s.SizeBytes = 1000 },
		"unknown format":    func(s *storage.VolumeSpec) { s.Format = "vmdk" },
		"escaping ID":       func(s *storage.VolumeSpec) { s.Volume = "../../etc/passwd" },
		"escaping image ID": func(s *storage.VolumeSpec) { s.Base = "../img" },
		"odd overlay":       func(s *storage.VolumeSpec) { s.Format, s.Base = otherThan(subject.formats()[0]), id.New[id.Image]() },
	} {
		spec := sane
		change(&spec)
		_, err := pool.CreateVolume(ctx, spec)
		wantKind(t, err, fault.KindInvalid, doing)
	}
	wantKind(t, pool.DeleteVolume(ctx, "x/../y"), fault.KindInvalid, "delete with a bad ID")
	wantKind(t, pool.DeleteImage(ctx, "x/../y"), fault.KindInvalid, "delete image with a bad ID")
	_, err := pool.InspectVolume(ctx, "")
	wantKind(t, err, fault.KindInvalid, "inspect with no ID")
	image, _, fetch, _ := Image(mib)
	for doing, change := range map[string]func(*storage.BaseImage){
		"image ID":     func(b *storage.BaseImage) { b.Image = "img/../x" },
		"image hash":   func(b *storage.BaseImage) { b.SHA256 = "../../x" },
		"image format": func(b *storage.BaseImage) { b.Format = "iso" },
		"image size":   func(b *storage.BaseImage) { b.SizeBytes = 0 },
	} {
		bad := image
		change(&bad)
		wantKind(t, pool.EnsureImage(ctx, bad, fetch), fault.KindInvalid, doing)
	}
}

func testImages(t *testing.T, subject Subject) {
	pool, ctx := subject.Pool, t.Context()
	image, _, fetch, fetches := Image(3*mib + 512)
	must(t, pool.DeleteImage(ctx, image.Image), "delete an image that was never there")
	for range 2 {
		must(t, pool.EnsureImage(ctx, image, fetch), "ensure")
	}
	if fetches.Load() != 1 {
		t.Errorf("the image was fetched %d times", fetches.Load())
	}
	other, _, fetchOther, _ := Image(mib)
	other.Image = image.Image
	wantKind(t, pool.EnsureImage(ctx, other, fetchOther), fault.KindConflict, "other bytes under the same ID")
	must(t, pool.DeleteImage(ctx, image.Image), "delete")
	must(t, pool.DeleteImage(ctx, image.Image), "delete again")
	must(t, pool.EnsureImage(ctx, image, fetch), "ensure after delete")
	if fetches.Load() != 2 {
		t.Errorf("after it was deleted the image was fetched %d times", fetches.Load()-1)
	}
}

func testImageBrokenOff(t *testing.T, subject Subject) {
	pool, ctx := subject.Pool, t.Context()
	image, content, fetch, _ := Image(3 * mib)
	away := fault.Unavailable("nobody there")
	err := pool.EnsureImage(ctx, image, func(context.Context, int64) (io.ReadCloser, error) { return nil, away })
	wantKind(t, err, fault.KindUnavailable, "fetch fails")
	err = pool.EnsureImage(ctx, image, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[offset:2*mib]), failing{})), nil
	})
	wantKind(t, err, fault.KindUnavailable, "the connection breaks")
	err = pool.EnsureImage(ctx, image, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content[offset : 2*mib+100])), nil
	})
	wantKind(t, err, fault.KindUnavailable, "the image ends early")
	_, err = pool.CreateVolume(ctx, storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 4 * mib, Format: subject.formats()[0], Base: image.Image})
	wantKind(t, err, fault.KindNotFound, "an overlay of half an image")
	must(t, pool.EnsureImage(ctx, image, fetch), "ensure in the end")
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func testImageBadBytes(t *testing.T, subject Subject) {
	pool, ctx := subject.Pool, t.Context()
	image, content, fetch, _ := Image(2 * mib)
	serve := func(content []byte) func(context.Context, int64) (io.ReadCloser, error) {
		return func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content[min(offset, int64(len(content))):])), nil
		}
	}
	flipped := bytes.Clone(content)
	flipped[mib] ^= 1
	wantKind(t, pool.EnsureImage(ctx, image, serve(flipped)), fault.KindInvalid, "a flipped bit")
	wantKind(t, pool.EnsureImage(ctx, image, serve(append(bytes.Clone(content), 0))), fault.KindInvalid, "a byte too many")
	mislabelled := image
	mislabelled.Format = "qcow2"
	wantKind(t, pool.EnsureImage(ctx, mislabelled, fetch), fault.KindInvalid, "another format than recorded")
	_, err := pool.CreateVolume(ctx, storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 4 * mib, Format: subject.formats()[0], Base: image.Image})
	wantKind(t, err, fault.KindNotFound, "an overlay of a bad image")
	must(t, pool.EnsureImage(ctx, image, fetch), "the right bytes at last")
}

func testOverlays(t *testing.T, subject Subject) {
	pool, ctx := subject.Pool, t.Context()
	image, content, fetch, _ := Image(2 * mib)
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 4 * mib, Format: subject.formats()[0], Base: image.Image}
	_, err := pool.CreateVolume(ctx, spec)
	wantKind(t, err, fault.KindNotFound, "an overlay without its image")
	must(t, pool.EnsureImage(ctx, image, fetch), "ensure")
	small := spec
	small.SizeBytes = mib
	_, err = pool.CreateVolume(ctx, small)
	wantKind(t, err, fault.KindInvalid, "an overlay smaller than its image")
	made, err := pool.CreateVolume(ctx, spec)
	must(t, err, "create")
	again, err := pool.CreateVolume(ctx, spec)
	if err != nil || again != made || made.Base != image.Image || made.SizeBytes != 4*mib {
		t.Errorf("created %+v, again %+v, %v", made, again, err)
	}
	other := spec
	other.Base = ""
	_, err = pool.CreateVolume(ctx, other)
	wantKind(t, err, fault.KindConflict, "create with another base")
	if exporter, ok := pool.(storage.Exporter); ok {
		got := readVolume(t, exporter, spec.Volume)
		if !bytes.Equal(got[:2*mib], content) || !bytes.Equal(got[2*mib:], make([]byte, 2*mib)) {
			t.Error("the overlay does not read as its image")
		}
	}
	wantKind(t, pool.DeleteImage(ctx, image.Image), fault.KindConflict, "delete an image in use")
	must(t, pool.DeleteVolume(ctx, spec.Volume), "delete the overlay")
	must(t, pool.DeleteImage(ctx, image.Image), "delete an image not in use any more")
	_, err = pool.CreateVolume(ctx, spec)
	wantKind(t, err, fault.KindNotFound, "an overlay of a deleted image")
}

func testImageRace(t *testing.T, subject Subject) {
	image, _, fetch, fetches := Image(5 * mib)
	var group sync.WaitGroup
	for number := range 6 {
		pool := subject.Pool
		if number%2 == 1 && subject.Peer != nil {
			pool = subject.Peer
		}
		group.Go(func() {
			if err := pool.EnsureImage(t.Context(), image, fetch); err != nil {
				t.Errorf("caller %d: %v", number, err)
			}
			spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 8 * mib, Format: subject.formats()[0], Base: image.Image}
			if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
				t.Errorf("caller %d: %v", number, err)
			}
		})
	}
	group.Wait()
	if fetches.Load() != 1 {
		t.Errorf("the image was fetched %d times", fetches.Load())
	}
	list, err := subject.Pool.ListVolumes(t.Context())
	if err != nil || len(list) != 6 {
		t.Errorf("%d volumes, %v", len(list), err)
	}
}

func testExports(t *testing.T, subject Subject) {
	exporter, ok := subject.Pool.(storage.Exporter)
	if !ok {
		return
	}
	ctx := t.Context()
	_, _, _, err := exporter.ServeVolume(ctx, id.New[id.Volume](), false)
	wantKind(t, err, fault.KindNotFound, "serve a missing volume")
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 8 * mib, Format: subject.formats()[0]}
	_, err = subject.Pool.CreateVolume(ctx, spec)
	must(t, err, "create")
	socket, export, stop, err := exporter.ServeVolume(ctx, spec.Volume, true)
	must(t, err, "serve")
	_, _, _, err = exporter.ServeVolume(ctx, spec.Volume, true)
	wantKind(t, err, fault.KindConflict, "serve twice for writing")
	client, err := nbd.Dial(ctx, socket, nbd.Options{Export: export})
	must(t, err, "dial")
	must(t, client.WriteAt(ctx, []byte("hello"), 3*mib), "write")
	must(t, client.Close(), "close")
	must(t, stop(), "stop")
	must(t, stop(), "stop again")
	if got := readVolume(t, exporter, spec.Volume); string(got[3*mib:3*mib+5]) != "hello" || len(got) != 8*mib {
		t.Errorf("read back %q of %d bytes", got[3*mib:3*mib+5], len(got))
	}
	ending, end := context.WithCancel(ctx)
	socket, export, stop, err = exporter.ServeVolume(ending, spec.Volume, false)
	must(t, err, "serve for reading")
	client, err = nbd.Dial(ctx, socket, nbd.Options{Export: export})
	must(t, err, "dial")
	if err := client.WriteAt(ctx, []byte("x"), 0); !client.ReadOnly() || err == nil {
		t.Errorf("a read-only export took a write: %v", err)
	}
	end()
	must(t, stop(), "stop after the context ended")
	if err := client.ReadAt(ctx, make([]byte, 512), 0); err == nil {
		t.Error("the export outlived its context")
	}
	must(t, client.Close(), "close")
}

func readVolume(t *testing.T, exporter storage.Exporter, volume id.Volume) []byte {
	t.Helper()
	socket, export, stop, err := exporter.ServeVolume(t.Context(), volume, false)
	must(t, err, "serve for reading")
	client, err := nbd.Dial(t.Context(), socket, nbd.Options{Export: export})
	must(t, err, "dial")
	content := make([]byte, client.Size())
	must(t, client.ReadAt(t.Context(), content, 0), "read")
	must(t, client.Close(), "close")
	must(t, stop(), "stop")
	return content
}

func testEndedContext(t *testing.T, subject Subject) {
	ended, end := context.WithCancel(t.Context())
	end()
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 8 * mib, Format: subject.formats()[0]}
	if _, err := subject.Pool.CreateVolume(ended, spec); !errors.Is(err, context.Canceled) {
		t.Errorf("create with an ended context: %v", err)
	}
	image, _, fetch, _ := Image(2 * mib)
	if err := subject.Pool.EnsureImage(ended, image, fetch); !errors.Is(err, context.Canceled) {
		t.Errorf("ensure with an ended context: %v", err)
	}
	list, err := subject.Pool.ListVolumes(t.Context())
	if err != nil || len(list) != 0 {
		t.Errorf("something was left: %+v, %v", list, err)
	}
	_, err = subject.Pool.CreateVolume(t.Context(), spec)
	must(t, err, "create afterwards")
	must(t, subject.Pool.EnsureImage(t.Context(), image, fetch), "ensure afterwards")
}
