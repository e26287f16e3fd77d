//go:build lab && ceph

package rbd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/novacron/novacron/deploy/lab"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/nbd"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/storagetest"
)

const mib = 1 << 20

// script runs deploy/lab/ceph.sh beside the lab that the tests share.
func script(t *testing.T, words ...string) string {
	t.Helper()
	output, err := lab.Server(t.Context(), "ceph", words...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// settings starts the server if it does not run.
var settings = sync.OnceValues(func() (map[string]string, error) { return lab.ServerUp(context.Background(), "ceph") })

// config is for a namespace of its own.
func config(t *testing.T) Config {
	t.Helper()
	known, err := settings()
	if err != nil {
		t.Fatal(err)
	}
	wanted := Config{
		Name: "ceph", Monitors: []string{known["CEPH_MONITORS"]}, Pool: known["CEPH_POOL"], Namespace: strings.ToLower(string(id.New[id.Volume]())),
		User: known["CEPH_USER"], Key: known["CEPH_KEY"], StagingDir: filepath.Join(t.TempDir(), "staging"), RuntimeDir: t.TempDir(),
	}
	script(t, "namespace", wanted.Namespace)
	return wanted
}

func open(t *testing.T, config Config) *Pool {
	t.Helper()
	pool, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	pool.patience = time.Second
	t.Cleanup(pool.Close)
	return pool
}

func TestContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		wanted := config(t)
		return storagetest.Subject{Pool: open(t, wanted), Peer: open(t, wanted), Formats: []string{"raw"}}
	})
}

// TestAVolumeWhoseServerWasKilledCanBeServedAgain takes as long as the cluster does to find out: half a minute.
func TestAVolumeWhoseServerWasKilledCanBeServedAgain(t *testing.T) {
	t.Parallel()
	pool := open(t, config(t))
	pool.patience = watchLapse
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 8 << 20, Format: "raw"}
	if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	socket, _, _, err := pool.ServeVolume(t.Context(), spec.Volume, true)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("pkill", "-KILL", "-f", "--", "--socket="+socket).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, _, stop, err := pool.ServeVolume(t.Context(), spec.Volume, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// names lists every image of the pool, the trash too.
func names(t *testing.T, pool *Pool) []string {
	t.Helper()
	found, err := do(t.Context(), pool, func(ioctx *rados.IOContext) ([]string, error) {
		all, err := rbd.GetImageNames(ioctx)
		if err != nil {
			return nil, err
		}
		thrown, err := rbd.GetTrashList(ioctx)
		for _, each := range thrown {
			all = append(all, "trash:"+each.Name)
		}
		return all, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// qcow2 makes an image file of that format.
func qcow2(t *testing.T, content []byte) (image storage.BaseImage, fetch fetcher) {
	t.Helper()
	raw, packed := filepath.Join(t.TempDir(), "raw"), filepath.Join(t.TempDir(), "qcow2")
	if err := os.WriteFile(raw, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("qemu-img", "convert", "-O", "qcow2", "-c", raw, packed).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v: %s", err, output)
	}
	file, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	return storagetest.ImageOf(file, "qcow2"), func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(file[offset:])), nil
	}
}

func TestImagesInOtherFormatsAreConverted(t *testing.T) {
	wanted := config(t)
	pool := open(t, wanted)
	_, content, _, _ := storagetest.Image(9*mib + 512)
	image, fetch := qcow2(t, content)
	if err := pool.EnsureImage(t.Context(), image, fetch); err != nil {
		t.Fatal(err)
	}
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 16 * mib, Format: format, Base: image.Image}
	made, err := pool.CreateVolume(t.Context(), spec)
	if err != nil || made.AllocatedBytes != 0 {
		t.Fatalf("a clone that nobody wrote to: %+v, %v", made, err)
	}
	if got := read(t, pool, spec.Volume); !bytes.Equal(got[:len(content)], content) || len(bytes.Trim(got[len(content):], "\x00")) != 0 {
		t.Error("the volume does not read as its image")
	}
	if left, _ := filepath.Glob(filepath.Join(wanted.StagingDir, "*")); len(left) != 0 {
		t.Errorf("left on the host: %v", left)
	}
}

func read(t *testing.T, pool *Pool, volume id.Volume) []byte {
	t.Helper()
	socket, export, stop, err := pool.ServeVolume(t.Context(), volume, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }()
	client, err := nbd.Dial(t.Context(), socket, nbd.Options{Export: export})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	content := make([]byte, client.Size())
	if err := client.ReadAt(t.Context(), content, 0); err != nil {
		t.Fatal(err)
	}
	return content
}

// TestWhatAKilledProcessLeft lays down what is there after a kill at the worst moments.
func TestWhatAKilledProcessLeft(t *testing.T) {
	pool := open(t, config(t))
	image, _, fetch, _ := storagetest.Image(5 * mib)
	volume := id.New[id.Volume]()
	_, err := do(t.Context(), pool, func(ioctx *rados.IOContext) (struct{}, error) {
		options := rbd.NewRbdImageOptions()
		defer options.Destroy()
		for _, name := range []string{creatingPrefix + string(volume), fetchingPrefix + string(image.Image)} {
			if err := rbd.CreateImage(ioctx, name, 64*mib, options); err != nil {
				return struct{}{}, err
			}
			// Half of another content, and even the marks of a finished image.
			err := within(ioctx, name, func(open *rbd.Image) error {
				_, err := open.WriteAt(bytes.Repeat([]byte{7}, mib), 3*mib)
				if err == nil {
					err = finish(open, storage.BaseImage{SHA256: "other"})
				}
				return err
			})
			if err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := pool.ListVolumes(t.Context())
	if err != nil || len(list) != 1 || list[0].Volume != volume {
		t.Errorf("the unfinished volume is not listed: %+v, %v", list, err)
	}
	if err := pool.EnsureImage(t.Context(), image, fetch); err != nil {
		t.Fatal(err)
	}
	made, err := pool.CreateVolume(t.Context(), storage.VolumeSpec{Volume: volume, SizeBytes: 8 * mib, Format: format, Base: image.Image})
	if err != nil || made.SizeBytes != 8*mib {
		t.Fatalf("%+v, %v", made, err)
	}
	if got := names(t, pool); len(got) != 2 {
		t.Errorf("there are %v", got)
	}
	_, content, _, _ := storagetest.Image(5 * mib)
	if got := read(t, pool, volume); !bytes.Equal(got[:5*mib], content) {
		t.Error("the volume does not read as its image")
	}
}

// TestAnOpenVolumeGoesToTheTrash deletes a volume whose client has not let go of it yet.
func TestAnOpenVolumeGoesToTheTrash(t *testing.T) {
	pool := open(t, config(t))
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 8 * mib, Format: format}
	if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	_, _, stop, err := pool.ServeVolume(t.Context(), spec.Volume, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.DeleteVolume(t.Context(), spec.Volume); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.InspectVolume(t.Context(), spec.Volume); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("the volume is still there: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := pool.DeleteVolume(t.Context(), spec.Volume); err != nil || len(names(t, pool)) != 0 {
		t.Errorf("left: %v, %v", names(t, pool), err)
	}
}

func TestWrongCredentials(t *testing.T) {
	wanted := config(t)
	wanted.Key = "AQAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA=="
	pool := open(t, wanted)
	_, err := pool.ListVolumes(t.Context())
	if !fault.Is(err, fault.KindDenied) || strings.Contains(err.Error(), wanted.Key) {
		t.Errorf("%v: %v", err, errors.Unwrap(err))
	}
	wanted = config(t)
	wanted.Pool = "nowhere"
	if _, err := open(t, wanted).ListVolumes(t.Context()); !fault.Is(err, fault.KindUnavailable) && !fault.Is(err, fault.KindDenied) {
		t.Errorf("a pool that does not exist: %v", err)
	}
}

func TestMonitorsThatDoNotAnswer(t *testing.T) {
	wanted := config(t)
	wanted.Monitors = []string{"127.0.0.1:1"}
	began := time.Now()
	_, err := open(t, wanted).ListVolumes(t.Context())
	if !fault.Is(err, fault.KindUnavailable) || time.Since(began) > 20*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	fact := open(t, wanted).Fact(t.Context())
	if fact.Available || fact.Detail == "" {
		t.Errorf("the pool says of itself %+v", fact)
	}
}

// TestOSDDiesMeanwhile kills the OSD while an image arrives; the call ends in bounded time, and a later one succeeds.
func TestOSDDiesMeanwhile(t *testing.T) {
	pool := open(t, config(t))
	image, content, _, _ := storagetest.Image(16 * mib)
	dying := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[offset:8*mib]), &deed{do: func() {
			script(t, "kill", "osd")
			time.AfterFunc(2*time.Second, func() { script(t, "up") })
		}}, bytes.NewReader(content[8*mib:]))), nil
	}
	began := time.Now()
	err := pool.EnsureImage(t.Context(), image, dying)
	if err != nil && !fault.Is(err, fault.KindUnavailable) || time.Since(began) > 2*time.Minute {
		t.Fatalf("after %s: %v", time.Since(began), err)
	}
	whole := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
	for range 10 {
		if err = pool.EnsureImage(t.Context(), image, whole); err == nil {
			break
		}
		time.Sleep(time.Second)
	}
	if err != nil || len(names(t, pool)) != 1 {
		t.Errorf("there are %v, %v", names(t, pool), err)
	}
}

// deed does something when it is read, and is empty.
type deed struct {
	do   func()
	done bool
}

func (d *deed) Read([]byte) (int, error) {
	if !d.done {
		d.done = true
		d.do()
	}
	return 0, io.EOF
}

// Whoever gives up waiting leaves work behind, and a pool may be closed under it: librados ends the process if its connection
// goes while it is used.
func TestCloseWhileAtWork(t *testing.T) {
	wanted := config(t)
	for range 20 {
		pool := open(t, wanted)
		var left sync.WaitGroup
		for range 8 {
			left.Go(func() {
				ctx, giveUp := context.WithTimeout(t.Context(), time.Millisecond)
				defer giveUp()
				_, _ = pool.ListVolumes(ctx)
				pool.Fact(ctx)
			})
		}
		left.Wait()
		pool.Close()
	}
}
