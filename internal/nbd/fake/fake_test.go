package fake_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/novacron/novacron/internal/nbd"
	"github.com/novacron/novacron/internal/nbd/fake"
)

func TestSnapshotAndTracking(t *testing.T) {
	disk := fake.NewDisk(10*fake.BlockBytes + 512)
	if disk.Dirty("a") != nil {
		t.Fatal("a bitmap that nobody asked for")
	}
	write := func(text string, offset int64) {
		t.Helper()
		if err := disk.WriteAt([]byte(text), offset); err != nil {
			t.Fatal(err)
		}
	}
	write("before", 0)
	disk.Track("a")
	snapshot := disk.Snapshot()
	write("across", 3*fake.BlockBytes-3)
	write("end", disk.Size()-3)
	if err := disk.WriteZeroes(0, fake.BlockBytes); err != nil {
		t.Fatal(err)
	}
	want := []nbd.Extent{
		{Offset: 0, Length: fake.BlockBytes, Flags: nbd.StateDirty},
		{Offset: fake.BlockBytes, Length: fake.BlockBytes},
		{Offset: 2 * fake.BlockBytes, Length: 2 * fake.BlockBytes, Flags: nbd.StateDirty},
		{Offset: 4 * fake.BlockBytes, Length: 6 * fake.BlockBytes},
		{Offset: 10 * fake.BlockBytes, Length: 512, Flags: nbd.StateDirty},
	}
	got := disk.Dirty("a")
	if len(got) != len(want) {
		t.Fatalf("dirty %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("extent %d is %+v, not %+v", i, got[i], want[i])
		}
	}
	buffer := make([]byte, 6)
	if err := snapshot.ReadAt(buffer, 0); err != nil || string(buffer) != "before" {
		t.Fatalf("the snapshot reads %q, %v", buffer, err)
	}
	if err := disk.ReadAt(buffer, 0); err != nil || !bytes.Equal(buffer, make([]byte, 6)) {
		t.Fatalf("the disk reads %q, %v", buffer, err)
	}
	disk.Forget("a")
	if disk.Dirty("a") != nil {
		t.Fatal("the bitmap is still there")
	}
	for _, err := range []error{disk.WriteAt(buffer, disk.Size()), disk.ReadAt(buffer, -1), disk.WriteZeroes(0, disk.Size()+1)} {
		if err == nil {
			t.Error("bytes outside the disk")
		}
	}
}

func TestServedContextsAndZeroes(t *testing.T) {
	disk := fake.NewDisk(4 * fake.BlockBytes)
	disk.Track("since")
	if err := disk.WriteAt([]byte("x"), fake.BlockBytes); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	server, err := fake.Serve(socket, fake.Export{Name: "vda", Disk: disk, Contexts: map[string][]nbd.Extent{"qemu:dirty-bitmap:since": disk.Dirty("since")}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := nbd.Dial(t.Context(), socket, nbd.Options{Export: "vda", Contexts: []string{nbd.ContextAllocation, "qemu:dirty-bitmap:since"}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var dirty int64
	if err := client.Extents(t.Context(), "qemu:dirty-bitmap:since", 0, client.Size(), func(extent nbd.Extent) error {
		dirty += extent.Length * int64(extent.Flags&nbd.StateDirty)
		return nil
	}); err != nil || dirty != fake.BlockBytes {
		t.Fatalf("%d bytes dirty, %v", dirty, err)
	}
	if err := client.WriteZeroes(t.Context(), 0, client.Size()); err != nil {
		t.Fatal(err)
	}
	buffer := []byte("?")
	if err := client.ReadAt(t.Context(), buffer, fake.BlockBytes); err != nil || buffer[0] != 0 {
		t.Fatalf("%q, %v", buffer, err)
	}
	if _, err := fake.Serve(socket); err == nil {
		t.Error("a second server on the same socket")
	}
}
