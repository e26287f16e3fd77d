package imagewrite

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/novacron/novacron/internal/fault"
)

// Layout is how a disk becomes a qcow2 file that is written once from its beginning to its end, with nothing in it for what
// reads as zeroes. The same disk always becomes the same bytes, so that it can be read twice and compared by its hash. The
// format is https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt, version 3.
type Layout struct {
	virtual int64
	runs    []run // of clusters that hold data, in order
	tables  []int64
	data    int64 // clusters of data
}

// run is a range of a disk's clusters that hold data.
type run struct{ first, count int64 }

// Sizes in a file of ours: clusters of 64 KiB, as qemu-img makes them, and refcounts of 16 bits.
const (
	clusterBits    = 16
	clusterBytes   = int64(1) << clusterBits
	tableEntries   = clusterBytes / 8 // of L1, L2 and refcount tables
	blockRefcounts = clusterBytes / 2 // of a refcount block
	refcountOrder  = 4                // 2^4 bits
	copied         = uint64(1) << 63  // an entry's flag: nothing else refers to that cluster
	readClusters   = 16               // are read at once: 1 MiB
	headerBytes    = 104
)

// NewLayout begins a layout of a disk of that many bytes, a multiple of 512.
func NewLayout(virtualBytes int64) *Layout { return &Layout{virtual: virtualBytes} }

// Add says that a range of the disk holds data. Ranges come in order and do not overlap; the error is Internal if they do not,
// or lie outside the disk.
func (l *Layout) Add(offset, length int64) error {
	if length <= 0 || offset < 0 || offset+length > l.virtual {
		return fault.Internal("bytes %d to %d are not part of a disk of %d", offset, offset+length, l.virtual)
	}
	first, end := offset/clusterBytes, clustersOf(offset+length)
	if last := len(l.runs) - 1; last >= 0 {
		before := &l.runs[last]
		switch known := before.first + before.count; {
		case first < known-1:
			return fault.Internal("the disk's extents are not in order at byte %d", offset)
		case first <= known: // adjoins, or shares the cluster
			added := max(0, end-known)
			before.count += added
			l.count(known, known+added)
			return nil
		}
	}
	l.runs = append(l.runs, run{first, end - first})
	l.count(first, end)
	return nil
}

// count notes the L2 tables of clusters that are new.
func (l *Layout) count(first, end int64) {
	l.data += end - first
	for at := first; at < end; at = (at/tableEntries + 1) * tableEntries {
		if table := at / tableEntries; len(l.tables) == 0 || l.tables[len(l.tables)-1] != table {
			l.tables = append(l.tables, table)
		}
	}
}

func clustersOf(bytes int64) int64 { return (bytes + clusterBytes - 1) / clusterBytes }

// parts is how many clusters each part of the file takes, in their order behind the header's own.
type parts struct{ refcountTable, refcountBlocks, l1, l2, data int64 }

func (p parts) total() int64 { return 1 + p.refcountTable + p.refcountBlocks + p.l1 + p.l2 + p.data }

// parts grows the refcounts until they count all clusters, their own too.
func (l *Layout) parts() parts {
	p := parts{l1: clustersOf(8 * l.l1Entries()), l2: int64(len(l.tables)), data: l.data}
	for {
		blocks := (p.total() + blockRefcounts - 1) / blockRefcounts
		table := clustersOf(8 * blocks)
		if blocks == p.refcountBlocks && table == p.refcountTable {
			return p
		}
		p.refcountBlocks, p.refcountTable = blocks, table
	}
}

func (l *Layout) l1Entries() int64 { return (clustersOf(l.virtual) + tableEntries - 1) / tableEntries }

// FileBytes is how long the file is.
func (l *Layout) FileBytes() int64 { return l.parts().total() * clusterBytes }

// Write writes the file. read fills a buffer from an offset of the disk on; its errors, and those of the writer, are
// returned as they are.
func (l *Layout) Write(ctx context.Context, to io.Writer, read func(ctx context.Context, buffer []byte, offset int64) error) error {
	for _, part := range []func(io.Writer, parts) error{l.writeHeader, l.writeRefcounts, l.writeL1, l.writeL2} {
		if err := part(to, l.parts()); err != nil {
			return err
		}
	}
	buffer := make([]byte, readClusters*clusterBytes)
	for _, each := range l.runs {
		for at, end := each.first*clusterBytes, (each.first+each.count)*clusterBytes; at < end; at += int64(len(buffer)) {
			part := buffer[:min(int64(len(buffer)), end-at)]
			there := min(int64(len(part)), l.virtual-at)
			clear(part[there:])
			if err := read(ctx, part[:there], at); err != nil {
				return err
			}
			if _, err := to.Write(part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Layout) writeHeader(to io.Writer, p parts) error {
	head := make([]byte, clusterBytes)
	copy(head, "QFI\xfb")
	for at, value := range map[int]int64{4: 3, 20: clusterBits, 36: l.l1Entries(), 56: p.refcountTable, 96: refcountOrder, 100: headerBytes} {
		binary.BigEndian.PutUint32(head[at:], uint32(value))
	}
	for at, value := range map[int]int64{24: l.virtual, 40: l1At(p) * clusterBytes, 48: clusterBytes} {
		binary.BigEndian.PutUint64(head[at:], uint64(value))
	}
	_, err := to.Write(head)
	return err
}

func l1At(p parts) int64 { return 1 + p.refcountTable + p.refcountBlocks }

func (l *Layout) writeRefcounts(to io.Writer, p parts) error {
	if err := writeTable(to, p.refcountTable*tableEntries, func(entry int64) uint64 {
		if entry >= p.refcountBlocks {
			return 0
		}
		return uint64((1 + p.refcountTable + entry) * clusterBytes)
	}); err != nil {
		return err
	}
	block := make([]byte, clusterBytes)
	for first := int64(0); first < p.refcountBlocks*blockRefcounts; first += blockRefcounts {
		clear(block)
		for i := range min(blockRefcounts, p.total()-first) {
			block[2*i+1] = 1
		}
		if _, err := to.Write(block); err != nil {
			return err
		}
	}
	return nil
}

func (l *Layout) writeL1(to io.Writer, p parts) error {
	next := 0
	return writeTable(to, p.l1*tableEntries, func(entry int64) uint64 {
		if next == len(l.tables) || l.tables[next] != entry {
			return 0
		}
		next++
		return copied | uint64((l1At(p)+p.l1+int64(next-1))*clusterBytes)
	})
}

func (l *Layout) writeL2(to io.Writer, p parts) error {
	at, runs := l1At(p)+p.l1+p.l2, l.runs
	for _, table := range l.tables {
		err := writeTable(to, tableEntries, func(entry int64) uint64 {
			cluster := table*tableEntries + entry
			for len(runs) > 0 && cluster >= runs[0].first+runs[0].count {
				runs = runs[1:]
			}
			if len(runs) == 0 || cluster < runs[0].first {
				return 0
			}
			at++
			return copied | uint64((at-1)*clusterBytes)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeTable writes whole clusters of entries.
func writeTable(to io.Writer, entries int64, entryOf func(entry int64) uint64) error {
	cluster := make([]byte, 0, clusterBytes)
	for entry := range entries {
		cluster = binary.BigEndian.AppendUint64(cluster, entryOf(entry))
		if int64(len(cluster)) < clusterBytes {
			continue
		}
		if _, err := to.Write(cluster); err != nil {
			return err
		}
		cluster = cluster[:0]
	}
	return nil
}
