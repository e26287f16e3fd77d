//go:build lab

package netfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/deploy/lab"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/storagetest"
)

func script(t *testing.T, words ...string) {
	t.Helper()
	if _, err := lab.Server(context.Background(), "sshfs", words...); err != nil {
		t.Fatal(err)
	}
}

// settings starts the server if it does not run.
var settings = sync.OnceValues(func() (map[string]string, error) { return lab.ServerUp(context.Background(), "sshfs") })

// export is a new directory of the server, as this machine mounts it.
func export(t *testing.T) Config {
	t.Helper()
	known, err := settings()
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(known["SSHFS_KEY_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	served := filepath.Join(known["SSHFS_EXPORT"], string(id.New[id.Pool]()))
	if err := os.Mkdir(served, 0o700); err != nil {
		t.Fatal(err)
	}
	// A mount must go before the directory it is on: t.TempDir is removed before an older clean-up runs.
	directory, err := os.MkdirTemp("", "nc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	return Config{
		Name: "nas", Key: strings.TrimSpace(string(key)), RuntimeDir: filepath.Join(directory, "run"), Memory: filepath.Join(directory, "seen"),
		Settings: pool.NetFSSettings{
			Protocol: pool.SSHFS, Source: "root@127.0.0.1:" + served, At: filepath.Join(directory, "mount"), Options: "port=" + known["SSHFS_PORT"],
			HostKey: strings.Replace(known["SSHFS_HOST_KEY"], ":", " ", 1),
		},
	}
}

func open(t *testing.T, config Config) *Pool {
	t.Helper()
	opened, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		opened.Forget()
		if is, err := opened.inPlace(); is || err != nil {
			t.Errorf("still mounted: %t, %v", is, err)
			_ = unix.Unmount(config.Settings.At, unix.MNT_DETACH)
		}
	})
	return opened
}

// other is the same export, as another host mounts it.
func other(t *testing.T, config Config) Config {
	t.Helper()
	config.Settings.At += "-2"
	config.Memory += "-2"
	config.RuntimeDir += "-2"
	return config
}

func TestContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		wanted := export(t)
		return storagetest.Subject{Pool: open(t, wanted), Dense: true} // sftp does not tell
	})
}

func await(t *testing.T, within time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

func TestASecondHostSeesTheSameVolumes(t *testing.T) {
	wanted := export(t)
	first, second := open(t, wanted), open(t, other(t, wanted))
	disk := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 20, Format: "raw"}
	if _, err := first.CreateVolume(t.Context(), disk); err != nil {
		t.Fatal(err)
	}
	if _, err := second.InspectVolume(t.Context(), disk.Volume); err != nil {
		t.Errorf("the other host does not see it: %v", err)
	}
}

// TestNothingLandsBelowAMountThatIsMissing takes the mount away in all the ways there are.
func TestNothingLandsBelowAMountThatIsMissing(t *testing.T) {
	wanted := export(t)
	opened := open(t, wanted)
	disk := func() storage.VolumeSpec {
		return storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 20, Format: "raw"}
	}
	if _, err := opened.CreateVolume(t.Context(), disk()); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(wanted.Settings.At, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if _, err := opened.CreateVolume(t.Context(), disk()); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("a volume without its mount: %v", err)
	}
	if fact := opened.Fact(t.Context()); fact.Available || !strings.Contains(fact.Detail, "not mounted") || fact.Driver != "netfs" {
		t.Errorf("fact: %+v", fact)
	}
	if err := os.WriteFile(filepath.Join(wanted.Settings.At, "stray"), nil, 0o600); err == nil {
		if entries, _ := os.ReadDir(wanted.Settings.At); len(entries) > 0 && entries[0].Name() == "stray" {
			t.Log("this file system has no immutable directories")
			_ = os.Remove(filepath.Join(wanted.Settings.At, "stray"))
		}
	}
	await(t, 3*watchEvery, "it is mounted again", func() bool { return opened.Fact(t.Context()).Available })

	script(t, "kill", "sshd")
	_, err := opened.ListVolumes(t.Context())
	t.Logf("while the server is gone: %v", err)
	await(t, 60*time.Second, "it is reported as away", func() bool { return !opened.Fact(t.Context()).Available })
	script(t, "up")
	await(t, 60*time.Second, "it is back", func() bool { return opened.Fact(t.Context()).Available })
	if volumes, err := opened.ListVolumes(t.Context()); err != nil || len(volumes) != 1 {
		t.Errorf("after all that: %v, %v", volumes, err)
	}
}

// TestASilentServer freezes the server: nothing may wait for it without end.
func TestASilentServer(t *testing.T) {
	opened := open(t, export(t))
	script(t, "stop")
	t.Cleanup(func() { script(t, "go") })
	await(t, 30*time.Second, "it is reported as away", func() bool {
		limited, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		return !opened.Fact(limited).Available
	})
	script(t, "go")
	await(t, 60*time.Second, "it is back", func() bool {
		limited, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		return opened.Fact(limited).Available
	})
}

func TestWrongCredentials(t *testing.T) {
	wanted := export(t)
	elsewhere := wanted
	elsewhere.Settings.HostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtlEKprTD5d5VOmSHQfHGoBGd5HPGkV7XJGTqJ1qC4P"
	for name, config := range map[string]Config{"another server": elsewhere, "another key": func() Config {
		bad := other(t, wanted)
		bad.Key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"
		return bad
	}()} {
		opened := open(t, config)
		fact := opened.Fact(t.Context())
		if fact.Available || !strings.Contains(fact.Detail, "cannot be mounted") {
			t.Errorf("%s: %+v", name, fact)
		}
		t.Logf("%s: %s", name, fact.Detail)
	}
}

func TestForgettingLeavesNothing(t *testing.T) {
	wanted := export(t)
	opened, err := New(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	opened.Forget()
	for _, path := range []string{wanted.Settings.At, wanted.Memory, opened.keyPath(), opened.knownHostsPath()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	_, served, _ := strings.Cut(wanted.Settings.Source, ":")
	if entries, err := os.ReadDir(served); err != nil || len(entries) > 0 {
		t.Errorf("left on the server: %v, %v", fmt.Sprint(entries), err)
	}
}
