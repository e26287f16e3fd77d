package nbd_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/nbd"
	"github.com/novacron/novacron/internal/nbd/fake"
)

const mib = 1 << 20

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}

// serveQEMU starts a real qemu-nbd on the image and returns its socket.
func serveQEMU(t *testing.T, args ...string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	server := exec.Command("qemu-nbd", append([]string{"-k", socket, "-x", "disk", "-t", "-e", "8", "--discard=unmap"}, args...)...)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for range 1000 {
		if connection, err := net.Dial("unix", socket); err == nil {
			connection.Close()
			return socket
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("qemu-nbd does not listen")
	return ""
}

func dial(t *testing.T, socket, export string, contexts ...string) *nbd.Client {
	t.Helper()
	client, err := nbd.Dial(t.Context(), socket, nbd.Options{Export: export, Contexts: contexts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// servers are the two kinds of server that offer an empty 64 MiB disk.
var servers = map[string]func(t *testing.T) string{
	"qemu": func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "disk.qcow2")
		run(t, "qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
		return serveQEMU(t, "-f", "qcow2", path)
	},
	"fake": func(t *testing.T) string {
		socket := filepath.Join(t.TempDir(), "s")
		server, err := fake.Serve(socket, fake.Export{Name: "disk", Disk: fake.NewDisk(64 * mib)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		return socket
	},
}

func eachServer(t *testing.T, test func(t *testing.T, socket string)) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

func pattern(seed uint64, length int) []byte {
	data := make([]byte, length)
	source := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = source.Read(data)
	return data
}

func allocated(t *testing.T, client *nbd.Client, offset, length int64) (list []nbd.Extent) {
	t.Helper()
	err := client.Extents(t.Context(), nbd.ContextAllocation, offset, length, func(extent nbd.Extent) error {
		if last := len(list) - 1; last >= 0 && list[last].Flags == extent.Flags && list[last].Offset+list[last].Length == extent.Offset {
			list[last].Length += extent.Length
			return nil
		}
		list = append(list, extent)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestReadWriteZeroFlush(t *testing.T) {
	eachServer(t, func(t *testing.T, socket string) {
		client := dial(t, socket, "disk", nbd.ContextAllocation)
		if client.Size() != 64*mib || client.ReadOnly() || !client.HasContext(nbd.ContextAllocation) {
			t.Fatalf("size %d, read-only %t", client.Size(), client.ReadOnly())
		}
		data := pattern(1, 40*mib) // more than one request may carry
		if err := client.WriteAt(t.Context(), data, 4*mib); err != nil {
			t.Fatal(err)
		}
		if err := client.WriteZeroes(t.Context(), 8*mib, mib); err != nil {
			t.Fatal(err)
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		clear(data[4*mib : 5*mib])
		whole := bytes.Repeat([]byte{0xff}, 64*mib)
		if err := client.ReadAt(t.Context(), whole, 0); err != nil {
			t.Fatal(err)
		}
		want := make([]byte, 64*mib)
		copy(want[4*mib:], data)
		if !bytes.Equal(whole, want) {
			t.Fatal("what was read is not what was written")
		}
		list := allocated(t, client, 0, client.Size())
		var zero int64
		for _, extent := range list {
			if extent.Flags&nbd.StateZero != 0 {
				zero += extent.Length
			}
		}
		if zero != 64*mib-39*mib || list[0].Offset != 0 || list[0].Length != 4*mib {
			t.Fatalf("%d bytes are zeroes; extents %+v", zero, list)
		}
		if part := allocated(t, client, 5*mib, mib); len(part) != 1 || part[0].Offset != 5*mib || part[0].Length != mib {
			t.Fatalf("a part's extents: %+v", part)
		}
	})
}

func TestManyRequestsInFlight(t *testing.T) {
	eachServer(t, func(t *testing.T, socket string) {
		client := dial(t, socket, "disk")
		var group sync.WaitGroup
		for worker := range 32 {
			group.Go(func() {
				data := pattern(uint64(worker), mib)
				got := make([]byte, mib)
				if err := client.WriteAt(t.Context(), data, int64(worker)*mib); err != nil {
					t.Error(err)
				}
				if err := client.ReadAt(t.Context(), got, int64(worker)*mib); err != nil || !bytes.Equal(got, data) {
					t.Errorf("worker %d read something else: %v", worker, err)
				}
			})
		}
		group.Wait()
	})
}

func TestRefusals(t *testing.T) {
	eachServer(t, func(t *testing.T, socket string) {
		if _, err := nbd.Dial(t.Context(), socket, nbd.Options{Export: "other"}); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("unknown export: %v", err)
		}
		if _, err := nbd.Dial(t.Context(), socket, nbd.Options{Export: "other", Contexts: []string{nbd.ContextAllocation}}); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("unknown export with contexts: %v", err)
		}
		client := dial(t, socket, "disk", "qemu:dirty-bitmap:none")
		if client.HasContext("qemu:dirty-bitmap:none") {
			t.Error("a context was granted that nobody offers")
		}
		if err := client.Extents(t.Context(), "qemu:dirty-bitmap:none", 0, 512, nil); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("unknown context: %v", err)
		}
		if err := client.ReadAt(t.Context(), make([]byte, 512), 64*mib); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("read beyond the end: %v", err)
		}
	})
	if _, err := nbd.Dial(t.Context(), filepath.Join(t.TempDir(), "none"), nbd.Options{}); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("no server: %v", err)
	}
}

func TestReadOnlyAndServerErrors(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	var failing atomic.Uint32
	server, err := fake.Serve(socket, fake.Export{Name: "ro", Disk: fake.NewDisk(mib), ReadOnly: true},
		fake.Export{Name: "bad", Disk: fake.NewDisk(mib), Fail: func(uint16, int64) uint32 { return failing.Load() }})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	readOnly := dial(t, socket, "ro")
	if err := readOnly.WriteAt(t.Context(), []byte("x"), 0); !readOnly.ReadOnly() || !fault.Is(err, fault.KindConflict) {
		t.Errorf("write to a read-only disk: %v", err)
	}
	bad := dial(t, socket, "bad")
	for number, kind := range map[uint32]fault.Kind{
		nbd.ErrorNoSpace: fault.KindExhausted, nbd.ErrorIO: fault.KindUnavailable, nbd.ErrorInvalid: fault.KindInvalid,
	} {
		failing.Store(number)
		if err := bad.ReadAt(t.Context(), make([]byte, 512), 0); !fault.Is(err, kind) {
			t.Errorf("error %d became %v", number, err)
		}
	}
	failing.Store(0)
	if err := bad.ReadAt(t.Context(), make([]byte, 512), 0); err != nil {
		t.Errorf("the connection did not outlive an error: %v", err)
	}
}

func TestServerDies(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	server, err := fake.Serve(socket, fake.Export{Name: "disk", Disk: fake.NewDisk(mib)})
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, socket, "disk")
	server.Close()
	for range 2 {
		if err := client.ReadAt(t.Context(), make([]byte, 512), 0); !fault.Is(err, fault.KindUnavailable) {
			t.Errorf("read from a dead server: %v", err)
		}
	}
}

func TestDialGivesUp(t *testing.T) {
	for name, greeting := range map[string]string{"mute": "", "stranger": "SSH-2.0-OpenSSH_9.2p1", "oldstyle": "NBDMAGIC\x00\x00\x42\x02\x81\x86\x12\x53\x00\x00"} {
		socket := filepath.Join(t.TempDir(), "s")
		listener, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		go func() {
			if connection, err := listener.Accept(); err == nil {
				t.Cleanup(func() { _ = connection.Close() }) // a connection that nobody holds is closed by the collector
				_, _ = io.WriteString(connection, greeting)
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = nbd.Dial(ctx, socket, nbd.Options{})
		if name == "mute" && !errors.Is(err, context.DeadlineExceeded) || name != "mute" && !fault.Is(err, fault.KindUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQEMUDirtyBitmap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.qcow2")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
	run(t, "qemu-img", "bitmap", "--add", path, "since")
	run(t, "qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 2M", "-c", "write -P 8 40M 64k", path)
	client := dial(t, serveQEMU(t, "-f", "qcow2", "-r", "-B", "since", path), "disk", nbd.ContextAllocation, "qemu:dirty-bitmap:since")
	if !client.ReadOnly() {
		t.Error("the export should be read-only")
	}
	var dirty []nbd.Extent
	err := client.Extents(t.Context(), "qemu:dirty-bitmap:since", 0, client.Size(), func(extent nbd.Extent) error {
		if extent.Flags&nbd.StateDirty != 0 {
			dirty = append(dirty, extent)
		}
		return nil
	})
	if err != nil || len(dirty) != 2 || dirty[0] != (nbd.Extent{Offset: mib, Length: 2 * mib, Flags: 1}) || dirty[1].Offset != 40*mib || dirty[1].Length != 64<<10 {
		t.Fatalf("dirty %+v, %v", dirty, err)
	}
	stop := errors.New("enough")
	if err := client.Extents(t.Context(), nbd.ContextAllocation, 0, client.Size(), func(nbd.Extent) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a visitor's error was lost: %v", err)
	}
}
