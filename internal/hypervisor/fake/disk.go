package fake

import (
	"bytes"
	"fmt"
	"maps"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// DefaultDiskBytes is the size of a disk that no SizeDisk made.
const DefaultDiskBytes = 16 << 20

// blockBytes is the granularity of disks and their bitmaps, as of qcow2's.
const blockBytes = 64 << 10

// disk is the bytes of a virtual disk, sparse. A block is never changed, only replaced, so that a copy of the map is a
// snapshot.
type disk struct {
	size    int64
	blocks  map[int64][]byte
	bitmaps map[string]*bitmap // by checkpoint: what was written since
}

type bitmap struct {
	dirty  map[int64]bool
	broken bool
}

func newDisk(size int64) *disk {
	return &disk{size: size, blocks: map[int64][]byte{}, bitmaps: map[string]*bitmap{}}
}

func (d *disk) clone() *disk {
	copied := &disk{size: d.size, blocks: maps.Clone(d.blocks), bitmaps: map[string]*bitmap{}}
	for name, b := range d.bitmaps {
		copied.bitmaps[name] = &bitmap{dirty: maps.Clone(b.dirty), broken: b.broken}
	}
	return copied
}

func (d *disk) allocated() int64 { return int64(len(d.blocks)) * blockBytes }

func (d *disk) breakBitmaps() {
	for _, b := range d.bitmaps {
		b.broken = true
	}
}

func (d *disk) readAt(into []byte, offset int64) {
	clear(into)
	for block, data := range d.blocks {
		start := block * blockBytes
		if start < offset+int64(len(into)) && offset < start+blockBytes {
			from, to := max(start, offset), min(start+blockBytes, offset+int64(len(into)))
			copy(into[from-offset:to-offset], data[from-start:])
		}
	}
}

func (d *disk) writeAt(data []byte, offset int64) {
	for len(data) > 0 {
		block, within := offset/blockBytes, offset%blockBytes
		fresh := make([]byte, blockBytes)
		copy(fresh, d.blocks[block])
		written := copy(fresh[within:], data)
		d.blocks[block] = fresh
		for _, b := range d.bitmaps {
			b.dirty[block] = true
		}
		data, offset = data[written:], offset+int64(written)
	}
}

// SizeDisk sets the size of a disk of a VM that is defined here.
func (h *Host) SizeDisk(vm id.VM, device string, bytes int64) error {
	return h.onDisk(vm, device, func(d *disk) error {
		d.size = bytes
		return nil
	})
}

// WriteDisk writes to a VM's disk as its guest would.
func (h *Host) WriteDisk(vm id.VM, device string, offset int64, data []byte) error {
	return h.onDisk(vm, device, func(d *disk) error {
		if offset < 0 || offset+int64(len(data)) > d.size {
			return fmt.Errorf("bytes %d to %d are outside a disk of %d", offset, offset+int64(len(data)), d.size)
		}
		d.writeAt(bytes.Clone(data), offset)
		return nil
	})
}

// ReadDisk reads all of a VM's disk.
func (h *Host) ReadDisk(vm id.VM, device string) ([]byte, error) {
	var content []byte
	err := h.onDisk(vm, device, func(d *disk) error {
		content = make([]byte, d.size)
		d.readAt(content, 0)
		return nil
	})
	return content, err
}

func (h *Host) onDisk(vm id.VM, device string, use func(*disk) error) error {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	m, err := h.find(vm)
	if err != nil {
		return err
	}
	place, found := diskNamed(m.definition.Disks, device)
	if !found {
		return fault.NotFound("VM %s has no disk %q", m.definition.Name, device)
	}
	return use(h.cluster.diskAt(h.node, place))
}

func diskNamed(disks []hypervisor.Disk, device string) (hypervisor.Disk, bool) {
	for _, place := range disks {
		if place.Device == device {
			return place, true
		}
	}
	return hypervisor.Disk{}, false
}
