package imagewrite

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/imagefile"
)

type extent struct{ offset, length int64 }

func laidOut(t *testing.T, disk []byte, extents []extent) []byte {
	t.Helper()
	layout := NewLayout(int64(len(disk)))
	for _, each := range extents {
		if err := layout.Add(each.offset, each.length); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	err := layout.Write(t.Context(), &file, func(_ context.Context, buffer []byte, offset int64) error {
		copy(buffer, disk[offset:offset+int64(len(buffer))])
		return nil
	})
	if err != nil || int64(file.Len()) != layout.FileBytes() {
		t.Fatalf("%d bytes, announced were %d; %v", file.Len(), layout.FileBytes(), err)
	}
	return file.Bytes()
}

// What qemu-img reads back is the disk, it finds no fault with the file, and we would take it in.
func TestLayoutIsTheDisk(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Fatal("qemu-img (package qemu-utils) is needed:", err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		bytes   int64
		extents func(int64) []extent
	}{
		"empty":           {1 << 20, func(int64) []extent { return nil }},
		"one sector":      {512, func(int64) []extent { return []extent{{0, 512}} }},
		"full":            {3<<20 + 512, func(size int64) []extent { return []extent{{0, size}} }},
		"the last sector": {5<<20 + 512, func(size int64) []extent { return []extent{{size - 512, 512}} }},
		"in one cluster":  {1 << 20, func(int64) []extent { return []extent{{512, 512}, {1024, 512}, {4096, 512}, {65536, 512}} }},
		"two tables":      {516 << 20, func(size int64) []extent { return []extent{{0, 4096}, {512<<20 - 1<<20, 2 << 20}, {size - 4096, 4096}} }},
		"at random":       {64 << 20, func(size int64) []extent { return scattered(random, size) }},
	} {
		t.Run(name, func(t *testing.T) {
			disk := make([]byte, c.bytes)
			extents := c.extents(c.bytes)
			for _, each := range extents {
				for at := each.offset; at < each.offset+each.length; at += 512 {
					copy(disk[at:at+512], bytes.Repeat([]byte{byte(1 + random.IntN(255))}, 512))
				}
			}
			file := laidOut(t, disk, extents)
			if !bytes.Equal(file, laidOut(t, disk, extents)) {
				t.Error("the same disk became other bytes")
			}
			found, err := imagefile.Examine(bytes.NewReader(file), int64(len(file)))
			if err != nil || !found.Kept() || found.Format != imagefile.QCOW2 || found.Disk.VirtualBytes != c.bytes {
				t.Errorf("examined: %+v, %v", found, err)
			}
			dir := t.TempDir()
			made, back := filepath.Join(dir, "disk.qcow2"), filepath.Join(dir, "disk.raw")
			if err := os.WriteFile(made, file, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range [][]string{{"check", "-f", "qcow2", made}, {"convert", "-f", "qcow2", "-O", "raw", made, back}} {
				if output, err := exec.Command("qemu-img", command...).CombinedOutput(); err != nil {
					t.Fatalf("qemu-img %s: %v %s", command[0], err, output)
				}
			}
			read, err := os.ReadFile(back)
			if err != nil || !bytes.Equal(read, disk) {
				t.Errorf("what is read back is not the disk (%d bytes of %d); %v", len(read), len(disk), err)
			}
		})
	}
}

func scattered(random *rand.Rand, size int64) []extent {
	var extents []extent
	for at := int64(0); ; {
		at += 512 * random.Int64N(8<<20/512)
		length := 512 * (1 + random.Int64N(1<<20/512))
		if at+length > size {
			return extents
		}
		extents = append(extents, extent{at, length})
		at += length
	}
}

// The largest disk there is, with a sector in each of its ends, is described in little memory.
func TestLayoutOfTheLargestDisk(t *testing.T) {
	t.Parallel()
	layout := NewLayout(imagefile.MaxVirtualBytes)
	for _, offset := range []int64{0, imagefile.MaxVirtualBytes - 512} {
		if err := layout.Add(offset, 512); err != nil {
			t.Fatal(err)
		}
	}
	head := &firstBytes{limit: 1 << 20}
	err := layout.Write(t.Context(), head, func(context.Context, []byte, int64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	header, err := imagefile.ParseQCOW2(head.bytes)
	if err != nil || header.VirtualBytes != imagefile.MaxVirtualBytes || header.L1Entries != 1<<17 || layout.FileBytes() > 4<<20 {
		t.Errorf("%+v, %d bytes, %v", header, layout.FileBytes(), err)
	}
}

type firstBytes struct {
	bytes []byte
	limit int
}

func (f *firstBytes) Write(data []byte) (int, error) {
	f.bytes = append(f.bytes, data[:min(len(data), f.limit-len(f.bytes))]...)
	return len(data), nil
}

func TestLayoutRefuses(t *testing.T) {
	t.Parallel()
	for name, extents := range map[string][]extent{
		"outside":      {{1 << 20, 512}},
		"beyond":       {{1<<20 - 512, 1024}},
		"before":       {{-512, 512}},
		"empty":        {{0, 0}},
		"out of order": {{512 << 10, 512}, {0, 512}},
	} {
		layout, err := NewLayout(1<<20), error(nil)
		for _, each := range extents {
			err = layout.Add(each.offset, each.length)
		}
		if !fault.Is(err, fault.KindInternal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken")
	layout := NewLayout(1 << 20)
	if err := layout.Add(0, 512); err != nil {
		t.Fatal(err)
	}
	err := layout.Write(t.Context(), &bytes.Buffer{}, func(context.Context, []byte, int64) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("a disk that cannot be read: %v", err)
	}
}
