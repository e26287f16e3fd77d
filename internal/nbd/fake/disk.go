package fake

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/novacron/novacron/internal/nbd"
)

// BlockBytes is the grain of allocation and of dirty bitmaps, as in QEMU's defaults.
const BlockBytes = 64 << 10

var zeroBlock [BlockBytes]byte

// Disk is a sparse disk in memory with any number of dirty bitmaps. It is safe for concurrent use.
type Disk struct {
	lock   sync.RWMutex
	size   atomic.Int64
	blocks map[int64][]byte // never changed in place, so that snapshots share them
	dirty  map[string]map[int64]bool
	kept   map[string]instant
}

// instant is a disk as it was.
type instant struct {
	size   int64
	blocks map[int64][]byte
}

// Keep keeps the disk as it is under a name; one that is kept already stays as it is.
func (d *Disk) Keep(name string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if _, there := d.kept[name]; there {
		return
	}
	if d.kept == nil {
		d.kept = map[string]instant{}
	}
	d.kept[name] = instant{size: d.size.Load(), blocks: maps.Clone(d.blocks)}
}

// Revert sets the disk back to what was kept; false if nothing was.
func (d *Disk) Revert(name string) bool {
	d.lock.Lock()
	defer d.lock.Unlock()
	was, there := d.kept[name]
	if there {
		d.size.Store(was.size)
		d.blocks = maps.Clone(was.blocks)
	}
	return there
}

// Drop forgets what was kept.
func (d *Disk) Drop(name string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	delete(d.kept, name)
}

// Kept lists the names under which the disk was kept.
func (d *Disk) Kept() []string {
	d.lock.RLock()
	defer d.lock.RUnlock()
	return slices.Sorted(maps.Keys(d.kept))
}

// NewDisk makes a disk of zeroes.
func NewDisk(size int64) *Disk {
	made := &Disk{blocks: make(map[int64][]byte), dirty: make(map[string]map[int64]bool)}
	made.size.Store(size)
	return made
}

// Size returns the disk's length in bytes.
func (d *Disk) Size() int64 { return d.size.Load() }

// Grow makes the disk larger; what is new reads as zeroes. A size that is not larger changes nothing.
func (d *Disk) Grow(size int64) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.size.Store(max(size, d.size.Load()))
}

// ReadAt fills buffer from offset on.
func (d *Disk) ReadAt(buffer []byte, offset int64) error {
	if err := d.check(offset, int64(len(buffer))); err != nil {
		return err
	}
	d.lock.RLock()
	defer d.lock.RUnlock()
	for len(buffer) > 0 {
		within := offset % BlockBytes
		count := min(int64(len(buffer)), BlockBytes-within)
		if block := d.blocks[offset/BlockBytes]; block != nil {
			copy(buffer[:count], block[within:])
		} else {
			clear(buffer[:count])
		}
		buffer, offset = buffer[count:], offset+count
	}
	return nil
}

// WriteAt writes data at offset.
func (d *Disk) WriteAt(data []byte, offset int64) error {
	if err := d.check(offset, int64(len(data))); err != nil {
		return err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	for len(data) > 0 {
		within := offset % BlockBytes
		count := min(int64(len(data)), BlockBytes-within)
		block := make([]byte, BlockBytes)
		copy(block, d.blocks[offset/BlockBytes])
		copy(block[within:], data[:count])
		d.put(offset/BlockBytes, block)
		data, offset = data[count:], offset+count
	}
	return nil
}

// WriteZeroes makes a range read as zeroes; whole blocks are given back.
func (d *Disk) WriteZeroes(offset, length int64) error {
	if err := d.check(offset, length); err != nil {
		return err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	for end := offset + length; offset < end; {
		within := offset % BlockBytes
		count := min(end-offset, BlockBytes-within)
		index := offset / BlockBytes
		if old := d.blocks[index]; old != nil {
			block := bytes.Clone(old)
			clear(block[within : within+count])
			if bytes.Equal(block, zeroBlock[:]) {
				block = nil
			}
			d.put(index, block)
		}
		offset += count
	}
	return nil
}

func (d *Disk) put(index int64, block []byte) {
	if block == nil {
		delete(d.blocks, index)
	} else {
		d.blocks[index] = block
	}
	for _, bitmap := range d.dirty {
		bitmap[index] = true
	}
}

// Snapshot returns a disk with the same content that later writes to d do not change; it has no bitmaps.
func (d *Disk) Snapshot() *Disk {
	d.lock.RLock()
	defer d.lock.RUnlock()
	taken := &Disk{blocks: maps.Clone(d.blocks), dirty: make(map[string]map[int64]bool)}
	taken.size.Store(d.size.Load())
	return taken
}

// Track begins to note under the name which blocks are written; it forgets what was noted before.
func (d *Disk) Track(name string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.dirty[name] = make(map[int64]bool)
}

// Forget ends Track.
func (d *Disk) Forget(name string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	delete(d.dirty, name)
}

// Dirty returns the whole disk as extents with nbd.StateDirty where it was written since Track; nil if it was not tracked.
func (d *Disk) Dirty(name string) []nbd.Extent {
	d.lock.RLock()
	defer d.lock.RUnlock()
	bitmap, tracked := d.dirty[name]
	if !tracked {
		return nil
	}
	return d.extents(func(index int64) uint32 {
		if bitmap[index] {
			return nbd.StateDirty
		}
		return 0
	})
}

// Allocation returns the whole disk as extents with the flags of nbd.ContextAllocation.
func (d *Disk) Allocation() []nbd.Extent {
	d.lock.RLock()
	defer d.lock.RUnlock()
	return d.extents(func(index int64) uint32 {
		if d.blocks[index] == nil {
			return nbd.StateHole | nbd.StateZero
		}
		return 0
	})
}

func (d *Disk) extents(flagsOf func(index int64) uint32) []nbd.Extent {
	var list []nbd.Extent
	for offset := int64(0); offset < d.size.Load(); offset += BlockBytes {
		flags, length := flagsOf(offset/BlockBytes), min(BlockBytes, d.size.Load()-offset)
		if last := len(list) - 1; last >= 0 && list[last].Flags == flags {
			list[last].Length += length
			continue
		}
		list = append(list, nbd.Extent{Offset: offset, Length: length, Flags: flags})
	}
	return list
}

func (d *Disk) check(offset, length int64) error {
	if offset < 0 || length < 0 || offset > d.size.Load()-length {
		return fmt.Errorf("%d bytes at %d lie outside a disk of %d", length, offset, d.size.Load())
	}
	return nil
}
