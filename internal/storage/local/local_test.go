package local_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/local"
	"github.com/novacron/novacron/internal/storage/storagetest"
)

const mib = 1 << 20

func config(t *testing.T, shared bool) local.Config {
	t.Helper()
	return local.Config{Name: "pool", Dir: filepath.Join(t.TempDir(), "pool"), Shared: shared, RuntimeDir: t.TempDir()}
}

func open(t *testing.T, config local.Config) *local.Pool {
	t.Helper()
	pool, err := local.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func initialised(t *testing.T, shared bool) (local.Config, *local.Pool) {
	t.Helper()
	config := config(t, shared)
	if err := local.Init(config); err != nil {
		t.Fatal(err)
	}
	return config, open(t, config)
}

func TestContract(t *testing.T) {
	for name, shared := range map[string]bool{"own": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storagetest.Subject {
				config, pool := initialised(t, shared)
				return storagetest.Subject{Pool: pool, Peer: open(t, config)}
			})
		})
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

func write(t *testing.T, path string, content []byte, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestMissingMountIsUnavailable(t *testing.T) {
	config, pool := initialised(t, true)
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: mib, Format: "qcow2"}
	if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	away := config.Dir + ".away"
	if err := os.Rename(config.Dir, away); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(config.Dir, 0o755); err != nil { // the empty mount point
		t.Fatal(err)
	}
	image, _, fetch, _ := storagetest.Image(mib)
	_, createErr := pool.CreateVolume(t.Context(), spec)
	_, inspectErr := pool.InspectVolume(t.Context(), spec.Volume)
	_, listErr := pool.ListVolumes(t.Context())
	_, _, _, serveErr := pool.ServeVolume(t.Context(), spec.Volume, false)
	for _, err := range []error{
		createErr, inspectErr, listErr, serveErr, pool.EnsureImage(t.Context(), image, fetch),
		pool.DeleteVolume(t.Context(), spec.Volume), pool.DeleteImage(t.Context(), image.Image),
	} {
		if !fault.Is(err, fault.KindUnavailable) {
			t.Errorf("without its mount the pool said %v", err)
		}
	}
	if fact := pool.Fact(t.Context()); fact.Available || fact.Detail == "" || len(names(t, config.Dir)) != 0 {
		t.Errorf("the pool says %+v and left %v", fact, names(t, config.Dir))
	}
	if err := os.Remove(config.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(away, config.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.InspectVolume(t.Context(), spec.Volume); err != nil {
		t.Errorf("the mount is back: %v", err)
	}
}

func TestInit(t *testing.T) {
	own := config(t, false)
	for range 2 {
		if err := local.Init(own); err != nil {
			t.Fatal(err)
		}
	}
	other := own
	other.Name = "other"
	if err := local.Init(other); !fault.Is(err, fault.KindConflict) {
		t.Errorf("another pool's directory: %v", err)
	}
	if fact := open(t, other).Fact(t.Context()); fact.Available {
		t.Error("another pool's directory is available")
	}
	if err := local.Init(local.Config{Name: "x", Dir: "relative"}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a relative directory: %v", err)
	}
	if _, err := local.New(local.Config{Name: "x", Dir: "/x", RuntimeDir: "/" + strings.Repeat("x", 100)}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("sockets with too long a path: %v", err)
	}
	if _, err := local.New(local.Config{Dir: "/x"}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("no name: %v", err)
	}
	strange := config(t, false)
	if err := os.MkdirAll(strange.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(strange.Dir, "homework"), []byte("x"), 0)
	if err := local.Init(strange); !fault.Is(err, fault.KindConflict) {
		t.Errorf("a directory with other files: %v", err)
	}
	write(t, filepath.Join(own.Dir, local.MarkerName), []byte("{"), 0)
	if err := local.Init(own); !fault.Is(err, fault.KindConflict) {
		t.Errorf("a marker that cannot be read: %v", err)
	}
}

func TestInitOnce(t *testing.T) {
	own := config(t, false)
	own.Memory = filepath.Join(t.TempDir(), "pools", "pool")
	for range 2 {
		if err := local.InitOnce(own); err != nil || !open(t, own).Fact(t.Context()).Available {
			t.Fatalf("a new pool: %v", err)
		}
	}
	if err := os.RemoveAll(own.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(own.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := local.InitOnce(own); err != nil || open(t, own).Fact(t.Context()).Available {
		t.Errorf("an empty mount point was taken for the pool: %v", err)
	}
	if err := open(t, own).Clear(t.Context()); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("a mount that is missing was taken for a place that was given up: %v", err)
	}
	if err := local.InitOnce(local.Config{Name: "x", Dir: "relative", Memory: own.Memory + "2"}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a bad pool: %v", err)
	}
}

func TestADirectoryOfAnotherHost(t *testing.T) {
	own := config(t, false)
	own.Owner = "one"
	if err := local.Init(own); err != nil {
		t.Fatal(err)
	}
	own.Owner = "two"
	if err := local.Init(own); !fault.Is(err, fault.KindConflict) || open(t, own).Fact(t.Context()).Available {
		t.Errorf("two hosts have one directory for their own: %v", err)
	}
	shared := config(t, true)
	for _, owner := range []string{"one", "two"} {
		shared.Owner = owner
		if err := local.Init(shared); err != nil {
			t.Errorf("two hosts share a directory: %v", err)
		}
	}
}

func TestClearLeavesNothingAndTakesNothingElse(t *testing.T) {
	own := config(t, false)
	own.Memory = filepath.Join(t.TempDir(), "pools", "pool")
	if err := local.InitOnce(own); err != nil {
		t.Fatal(err)
	}
	pool := open(t, own)
	foreign := filepath.Join(own.Dir, "images", "notes.txt")
	write(t, foreign, []byte("somebody's"), 0)
	if err := pool.Clear(t.Context()); !fault.Is(err, fault.KindConflict) {
		t.Errorf("files that are not ours: %v", err)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := pool.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{own.Dir, own.Memory} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was left behind: %v", path, err)
		}
	}
}

func TestFactOfAFileSystemThatHangs(t *testing.T) {
	_, pool := initialised(t, false)
	ended, end := context.WithCancel(t.Context())
	end()
	// Whether the look is faster than the ended context is up to the scheduler; it must come back either way.
	_ = pool.Fact(ended)
	deadline := time.Now().Add(5 * time.Second)
	for !pool.Fact(t.Context()).Available {
		if time.Now().After(deadline) {
			t.Fatal("the pool did not become available")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestLeftoversAreListedAndSwept(t *testing.T) {
	config, pool := initialised(t, false)
	image, content, fetch, _ := storagetest.Image(mib)
	if err := pool.EnsureImage(t.Context(), image, fetch); err != nil {
		t.Fatal(err)
	}
	used, unused := id.New[id.Volume](), id.New[id.Volume]()
	if _, err := pool.CreateVolume(t.Context(), storage.VolumeSpec{Volume: used, SizeBytes: 2 * mib, Format: "qcow2", Base: image.Image}); err != nil {
		t.Fatal(err)
	}
	volumes, images := filepath.Join(config.Dir, "volumes"), filepath.Join(config.Dir, "images")
	imageFile := names(t, images)[0]
	// A crash in the middle of: a creation, a deletion of an image in use, one of an image not in use, two fetches.
	write(t, filepath.Join(volumes, ".creating."+string(unused)+".0123.qcow2"), nil, time.Minute)
	if err := os.Rename(filepath.Join(images, imageFile), filepath.Join(images, ".deleting."+imageFile)); err != nil {
		t.Fatal(err)
	}
	gone, old, fresh := id.New[id.Image](), id.New[id.Image](), id.New[id.Image]()
	hash := strings.Repeat("a", 64)
	write(t, filepath.Join(images, ".deleting."+string(gone)+"."+hash+".raw"), content, time.Minute)
	write(t, filepath.Join(images, ".fetching."+string(old)+"."+hash+".raw"), content, 48*time.Hour)
	write(t, filepath.Join(images, ".fetching."+string(fresh)+"."+hash+".raw"), content, time.Hour)
	write(t, filepath.Join(volumes, "README"), nil, 0)

	list, err := pool.ListVolumes(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("the unfinished volume is not listed: %+v, %v", list, err)
	}
	restarted := open(t, config)
	list, err = restarted.ListVolumes(t.Context())
	if err != nil || len(list) != 1 || list[0].Volume != used {
		t.Fatalf("after a restart: %+v, %v", list, err)
	}
	want := []string{".fetching." + string(fresh) + "." + hash + ".raw", imageFile}
	if got := names(t, images); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("images/ holds %v, not %v", got, want)
	}
	if err := restarted.DeleteImage(t.Context(), fresh); err != nil || len(names(t, images)) != 1 {
		t.Errorf("a partial image outlived its deletion: %v", err)
	}
	write(t, filepath.Join(volumes, ".creating."+string(unused)+".0123.qcow2"), nil, 0)
	if err := restarted.DeleteVolume(t.Context(), unused); err != nil || len(names(t, volumes)) != 2 {
		t.Errorf("an unfinished volume outlived its deletion: %v, %v", err, names(t, volumes))
	}
}

func TestAnAttemptClearsWhatAKilledOneLeft(t *testing.T) {
	for name, shared := range map[string]bool{"own": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			config, pool := initialised(t, shared)
			volumes := filepath.Join(config.Dir, "volumes")
			spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: mib, Format: "qcow2"}
			for attempt := range 2 { // the second one finds the volume
				write(t, filepath.Join(volumes, ".creating."+string(spec.Volume)+".0123.qcow2"), nil, 0)
				if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
					t.Fatal(err)
				}
				if left := names(t, volumes); len(left) != 1 {
					t.Errorf("attempt %d left %v", attempt, left)
				}
			}
		})
	}
}

func TestInterruptedFetchGoesOn(t *testing.T) {
	config, pool := initialised(t, false)
	image, content, fetch, _ := storagetest.Image(3 * mib)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	go func() {
		_, _ = writer.Write(content[:mib])
		cancel()
		_, _ = writer.Write(content[mib:])
	}()
	_ = pool.EnsureImage(ctx, image, func(context.Context, int64) (io.ReadCloser, error) { return reader, nil })
	from := int64(-1)
	err := open(t, config).EnsureImage(t.Context(), image, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		from = offset
		return fetch(ctx, offset)
	})
	if err != nil || from < mib {
		t.Fatalf("went on from byte %d: %v", from, err)
	}
	// A partial image with wrong bytes is thrown away and begun again within the same call.
	damaged, damagedContent, _, _ := storagetest.Image(2 * mib)
	path := filepath.Join(config.Dir, "images", ".fetching."+string(damaged.Image)+"."+damaged.SHA256+".raw")
	write(t, path, make([]byte, mib), 0)
	var offsets []int64
	err = pool.EnsureImage(t.Context(), damaged, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		offsets = append(offsets, offset)
		return io.NopCloser(bytes.NewReader(damagedContent[offset:])), nil
	})
	if err != nil || len(offsets) != 2 || offsets[0] != mib || offsets[1] != 0 {
		t.Fatalf("fetched from %v: %v", offsets, err)
	}
	if left := names(t, filepath.Join(config.Dir, "images")); len(left) != 2 || strings.HasPrefix(left[0], ".") {
		t.Errorf("images/ holds %v", left)
	}
}

func TestRefusesAnImageThatNamesFilesOfTheHost(t *testing.T) {
	_, pool := initialised(t, false)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, make([]byte, mib), 0)
	path := filepath.Join(t.TempDir(), "evil.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image, fetch := describe(content, "qcow2")
	if err := pool.EnsureImage(t.Context(), image, fetch); !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), "backing file") {
		t.Fatalf("an image with a backing file: %v", err)
	}
}

func TestDamagedVolumeIsListed(t *testing.T) {
	config, pool := initialised(t, false)
	volume := id.New[id.Volume]()
	write(t, filepath.Join(config.Dir, "volumes", string(volume)+".qcow2"), []byte("rubbish"), 0)
	list, err := pool.ListVolumes(t.Context())
	if err != nil || len(list) != 1 || list[0].Volume != volume {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := pool.CreateVolume(t.Context(), storage.VolumeSpec{Volume: volume, SizeBytes: mib, Format: "qcow2"}); err == nil {
		t.Error("a damaged volume was taken for a sound one")
	}
	if _, _, _, err := pool.ServeVolume(t.Context(), volume, false); err == nil {
		t.Error("a damaged volume was served")
	}
}

// helperVariable makes this test program serve a volume of the pool in that directory and wait to be killed.
const helperVariable = "NOVACRON_TEST_SERVE"

func TestMain(m *testing.M) {
	arguments := strings.Fields(os.Getenv(helperVariable))
	if len(arguments) != 3 {
		os.Exit(m.Run())
	}
	pool, err := local.New(local.Config{Name: "pool", Dir: arguments[0], RuntimeDir: arguments[1]})
	if err != nil {
		panic(err)
	}
	socket, _, _, err := pool.ServeVolume(context.Background(), id.Volume(arguments[2]), true)
	if err != nil {
		panic(err)
	}
	fmt.Println(socket)
	select {}
}

func TestExportDiesWithItsProcess(t *testing.T) {
	config, pool := initialised(t, false)
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: mib, Format: "qcow2"}
	if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	helper := exec.Command(os.Args[0])
	helper.Env = append(os.Environ(), helperVariable+"="+config.Dir+" "+config.RuntimeDir+" "+string(spec.Volume))
	output, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	socket, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("unix", strings.TrimSpace(socket))
	if err != nil {
		t.Fatal(err)
	}
	connection.Close()
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait()
	dead := strings.TrimSpace(socket)
	if err := os.Chtimes(dead, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, _, stop, err := pool.ServeVolume(t.Context(), spec.Volume, true)
		if err == nil {
			if err := stop(); err != nil {
				t.Error(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the export outlived its process: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := open(t, config).ListVolumes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the dead export's socket is still there: %v", err)
	}
}

// TestImagesOfTheSameBytesAreFetchedOnce brings one image's bytes under two IDs; they are in the pool once, until both are gone.
func TestImagesOfTheSameBytesAreFetchedOnce(t *testing.T) {
	config, pool := initialised(t, false)
	one, _, fetch, fetches := storagetest.Image(1 << 20)
	two := one
	two.Image = id.New[id.Image]()
	for _, each := range []storage.BaseImage{one, two} {
		if err := pool.EnsureImage(t.Context(), each, fetch); err != nil {
			t.Fatal(err)
		}
	}
	if fetches.Load() != 1 {
		t.Errorf("they were fetched %d times", fetches.Load())
	}
	files := make([]os.FileInfo, 2)
	for i, each := range []storage.BaseImage{one, two} {
		var err error
		if files[i], err = os.Stat(filepath.Join(config.Dir, "images", string(each.Image)+"."+each.SHA256+"."+each.Format)); err != nil {
			t.Fatal(err)
		}
	}
	if !os.SameFile(files[0], files[1]) {
		t.Error("the bytes are there twice")
	}
	if err := pool.DeleteImage(t.Context(), one.Image); err != nil {
		t.Fatal(err)
	}
	spec := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 20, Format: "qcow2", Base: two.Image}
	if _, err := pool.CreateVolume(t.Context(), spec); err != nil {
		t.Errorf("the other one cannot be used any more: %v", err)
	}
}
