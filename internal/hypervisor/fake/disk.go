package fake

import (
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	nbdfake "github.com/novacron/novacron/internal/nbd/fake"
)

// DefaultDiskBytes is the size of a disk that no PutDisk brought.
const DefaultDiskBytes = 16 << 20

// disk is the bytes behind a path, with the bitmaps of its checkpoints.
type disk struct {
	bytes  *nbdfake.Disk
	broken map[string]bool // bitmaps that were open when their VM died; false means whole
}

func newDisk(bytes *nbdfake.Disk) *disk { return &disk{bytes: bytes, broken: map[string]bool{}} }

func (d *disk) track(checkpoint string) {
	d.bytes.Track(checkpoint)
	d.broken[checkpoint] = false
}

func (d *disk) forget(checkpoint string) {
	d.bytes.Forget(checkpoint)
	delete(d.broken, checkpoint)
}

func (d *disk) tracks(checkpoint string) bool {
	broken, tracked := d.broken[checkpoint]
	return tracked && !broken
}

func (d *disk) breakBitmaps() {
	for checkpoint := range d.broken {
		d.broken[checkpoint] = true
	}
}

func (d *disk) allocated() int64 {
	var total int64
	for _, extent := range d.bytes.Allocation() {
		if extent.Flags == 0 {
			total += extent.Length
		}
	}
	return total
}

// diskAt returns the bytes at a path as a node sees them.
func (c *Cluster) diskAt(n *node, place hypervisor.Disk) *disk {
	room := c.roomOf(n, place)
	found, known := room[place.Path]
	if !known {
		found = newDisk(nbdfake.NewDisk(DefaultDiskBytes))
		room[place.Path] = found
	}
	return found
}

func (c *Cluster) roomOf(n *node, place hypervisor.Disk) map[string]*disk {
	if place.Shared {
		return c.shared
	}
	return n.disks
}

// PutDisk puts bytes at a path of this host, or of every host if it is shared; a storage fake hands over its volumes so.
func (h *Host) PutDisk(path string, shared bool, bytes *nbdfake.Disk) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	h.cluster.roomOf(h.node, hypervisor.Disk{Shared: shared})[path] = newDisk(bytes)
}

// Disk returns the bytes of a VM's disk, to write to it as its guest would and to read it back.
func (h *Host) Disk(vm id.VM, device string) (*nbdfake.Disk, error) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	m, err := h.find(vm)
	if err != nil {
		return nil, err
	}
	for _, place := range m.definition.Disks {
		if place.Device == device {
			return h.cluster.diskAt(h.node, place).bytes, nil
		}
	}
	return nil, fault.NotFound("VM %s has no disk %q", m.definition.Name, device)
}
