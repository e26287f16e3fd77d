package storagetest

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/storage"
)

// copyIn is what the pool says of one image.
func copyIn(t *testing.T, keeper storage.ImageKeeper, of id.Image) (found image.Copy, there bool) {
	t.Helper()
	copies, err := keeper.Images(t.Context())
	must(t, err, "list images")
	for _, each := range copies {
		if each.Image == of {
			return each, true
		}
	}
	return found, false
}

func testKeepingImages(t *testing.T, subject Subject) {
	keeper, able := subject.Pool.(storage.ImageKeeper)
	if !able {
		t.Skip("it does not say which images it has")
	}
	pool, ctx := subject.Pool, t.Context()
	base, content, fetch, _ := Image(mib)
	_, err := keeper.OpenImage(ctx, base, 0)
	wantKind(t, err, fault.KindNotFound, "open what is not there")
	must(t, pool.EnsureImage(ctx, base, fetch), "ensure")
	first, there := copyIn(t, keeper, base.Image)
	if !there || first.SizeBytes != base.SizeBytes || first.Held || time.Since(first.UsedAt).Abs() > time.Minute {
		t.Errorf("of a new copy it says %+v, %t", first, there)
	}
	for _, offset := range []int64{0, 1000, base.SizeBytes} {
		opened, err := keeper.OpenImage(ctx, base, offset)
		must(t, err, "open")
		read, err := io.ReadAll(opened)
		if err != nil || !bytes.Equal(read, content[offset:]) {
			t.Errorf("from %d on it reads %d bytes, %v", offset, len(read), err)
		}
		must(t, opened.Close(), "close")
	}
	other := base
	other.SHA256 = "0" + base.SHA256[1:]
	if other == base {
		other.SHA256 = "1" + base.SHA256[1:]
	}
	_, err = keeper.OpenImage(ctx, other, 0)
	wantKind(t, err, fault.KindNotFound, "open other bytes under the same ID")
	time.Sleep(1100 * time.Millisecond) // SFTP, and so sshfs, keeps times to the second
	must(t, pool.EnsureImage(ctx, base, fetch), "ensure again")
	if again, _ := copyIn(t, keeper, base.Image); !again.UsedAt.After(first.UsedAt) {
		t.Errorf("a copy that was asked for again was used at %s, before at %s", again.UsedAt, first.UsedAt)
	}
	disk := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: mib, Format: subject.formats()[0], Base: base.Image}
	_, err = pool.CreateVolume(ctx, disk)
	must(t, err, "create")
	if held, _ := copyIn(t, keeper, base.Image); !held.Held {
		t.Error("a copy that a volume stands on is not held")
	}
	must(t, pool.DeleteVolume(ctx, disk.Volume), "delete the volume")
	if free, _ := copyIn(t, keeper, base.Image); free.Held {
		t.Error("a copy that no volume stands on any more is held")
	}
	must(t, pool.DeleteImage(ctx, base.Image), "delete the image")
	if _, there := copyIn(t, keeper, base.Image); there {
		t.Error("a copy that was deleted is listed")
	}
}
