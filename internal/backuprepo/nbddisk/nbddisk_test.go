package nbddisk_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/backuprepo/nbddisk"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	nbdfake "github.com/novacron/novacron/internal/nbd/fake"
	"github.com/novacron/novacron/internal/objectstore/dir"
)

const mib = 1 << 20

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}

// serve runs a real qemu-nbd on the image until stop.
func serve(t *testing.T, args ...string) (socket string, stop func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	server := exec.Command("qemu-nbd", append([]string{"-k", socket, "-x", "disk", "-t", "-e", "8", "--discard=unmap", "-f", "qcow2"}, args...)...)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}
	t.Cleanup(stop)
	for range 2000 {
		if connection, err := net.Dial("unix", socket); err == nil {
			connection.Close()
			return socket, stop
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("qemu-nbd does not listen")
	return "", nil
}

func repository(t *testing.T) *backuprepo.Repository {
	t.Helper()
	root := filepath.Join(t.TempDir(), "repository")
	if err := dir.Init(root); err != nil {
		t.Fatal(err)
	}
	objects, err := dir.New(root)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := backuprepo.Open(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func backUp(t *testing.T, to *backuprepo.Repository, parent *backuprepo.ManifestRef, dirty string, args ...string) backuprepo.DiskResult {
	t.Helper()
	socket, stop := serve(t, append([]string{"-r"}, args...)...)
	defer stop()
	source, err := nbddisk.OpenSource(t.Context(), socket, "disk", dirty)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	result, err := to.WriteDisk(t.Context(), backuprepo.WriteRequest{Backup: id.New[id.Backup](), Device: "vda", Source: source, Parent: parent})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestQEMUChain takes a full and an incremental backup of an overlay as QEMU serves it, restores the second into a fresh
// image, and has qemu-img compare the two disks.
func TestQEMUChain(t *testing.T) {
	place := t.TempDir()
	base, disk, restored := filepath.Join(place, "base.qcow2"), filepath.Join(place, "disk.qcow2"), filepath.Join(place, "restored.qcow2")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", base, "512M")
	run(t, "qemu-io", "-f", "qcow2", "-c", "write -P 1 0 24M", "-c", "write -P 2 500M 3M", base)
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk, "1G")
	run(t, "qemu-io", "-f", "qcow2", "-c", "write -P 3 2M 1M", "-c", "write -z 500M 1M", disk)
	to := repository(t)
	full := backUp(t, to, nil, "", disk)
	if full.SizeBytes != 1<<30 || full.ReadBytes != 26*mib {
		t.Errorf("the full backup read %d bytes of a disk of %d", full.ReadBytes, full.SizeBytes)
	}
	run(t, "qemu-img", "bitmap", "--add", disk, "since")
	run(t, "qemu-io", "-f", "qcow2", "-c", "write -P 4 600M 16M", "-c", "write -z 10M 1M", "-c", "discard 20M 1M", disk)
	next := backUp(t, to, &full.Manifest, "qemu:dirty-bitmap:since", "-B", "since", disk)
	if next.ReadBytes > 20*mib || next.ReadBytes < 16*mib {
		t.Errorf("16 MiB written, and the incremental backup read %d bytes", next.ReadBytes)
	}
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", restored, "1G")
	socket, stop := serve(t, restored)
	sink, err := nbddisk.OpenSink(t.Context(), socket, "disk")
	if err != nil {
		t.Fatal(err)
	}
	if err := to.ReadDisk(t.Context(), backuprepo.ReadRequest{Manifest: next.Manifest, Sink: sink, SinkIsZero: true}); err != nil {
		t.Fatal(err)
	}
	sink.Close()
	stop()
	run(t, "qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", disk, restored)
	// In place, over other content.
	socket, stop = serve(t, base)
	if sink, err = nbddisk.OpenSink(t.Context(), socket, "disk"); err != nil {
		t.Fatal(err)
	}
	if err := to.ReadDisk(t.Context(), backuprepo.ReadRequest{Manifest: next.Manifest, Sink: sink}); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a restore to a smaller disk: %v", err)
	}
	sink.Close()
	stop()
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", restored, "1G")
	run(t, "qemu-io", "-f", "qcow2", "-c", "write -P 9 0 40M", restored)
	socket, stop = serve(t, restored)
	if sink, err = nbddisk.OpenSink(t.Context(), socket, "disk"); err != nil {
		t.Fatal(err)
	}
	if err := to.ReadDisk(t.Context(), backuprepo.ReadRequest{Manifest: next.Manifest, Sink: sink}); err != nil {
		t.Fatal(err)
	}
	sink.Close()
	stop()
	run(t, "qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", disk, restored)
}

func TestRefusals(t *testing.T) {
	disk := nbdfake.NewDisk(mib)
	if err := disk.WriteAt(bytes.Repeat([]byte("x"), 1000), 0); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	server, err := nbdfake.Serve(socket, nbdfake.Export{Name: "vda", Disk: disk, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := nbddisk.OpenSource(t.Context(), socket, "vda", "qemu:dirty-bitmap:gone"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("a bitmap that is gone: %v", err)
	}
	if _, err := nbddisk.OpenSource(t.Context(), socket, "vdb", ""); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("a disk that is not there: %v", err)
	}
	if _, err := nbddisk.OpenSink(t.Context(), socket, "vdb"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("a disk that is not there: %v", err)
	}
	if _, err := nbddisk.OpenSink(t.Context(), socket, "vda"); !fault.Is(err, fault.KindConflict) {
		t.Errorf("a disk that is read-only: %v", err)
	}
	// The export dies in the middle of a backup.
	source, err := nbddisk.OpenSource(t.Context(), socket, "vda", "")
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	_, err = repository(t).WriteDisk(context.Background(), backuprepo.WriteRequest{Backup: id.New[id.Backup](), Device: "vda", Source: source})
	if !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("an export that died: %v", err)
	}
}
