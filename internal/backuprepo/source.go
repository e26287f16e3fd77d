package backuprepo

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
)

// Source is a disk to back up, at one instant. nbddisk has one that reads over NBD.
type Source interface {
	// Size is the disk's length in bytes.
	Size() int64
	// ReadAt fills buffer from offset on. Several calls run at once.
	ReadAt(ctx context.Context, buffer []byte, offset int64) error
	// Extents visits the disk from its beginning to its end, in extents that adjoin.
	Extents(ctx context.Context, visit func(Extent) error) error
}

// Extent is a range of a disk that is all of one kind.
type Extent struct {
	Offset int64
	Length int64
	Kind   ExtentKind
}

// ExtentKind says what there is to do about a range.
type ExtentKind uint8

// The kinds.
const (
	Data      ExtentKind = 1 << iota // read it
	Zero                             // it reads as zeroes
	Unchanged                        // it is as in the parent
)

// Sink is a disk to restore to. nbddisk has one that writes over NBD.
type Sink interface {
	// Size is the disk's length in bytes.
	Size() int64
	// WriteAt writes data at offset. Several calls run at once.
	WriteAt(ctx context.Context, data []byte, offset int64) error
	// WriteZeroes makes a range read as zeroes.
	WriteZeroes(ctx context.Context, offset, length int64) error
	// Flush returns once everything is on the disk.
	Flush(ctx context.Context) error
}

// batchChunks is how many chunks in a row are read from a source at once: 1 MiB.
const batchChunks = 16

// batch is a run of chunks to read.
type batch struct {
	first uint32
	bytes int64
}

// plan is what a backup of a disk has to do.
type plan struct {
	batches   []batch
	readBytes int64
	unchanged []bool // chunks to take from the parent, by number
}

// makePlan asks the source what there is to do. A chunk that is partly unchanged is read whole.
func makePlan(ctx context.Context, source Source) (*plan, error) {
	size := source.Size()
	if size <= 0 || size > maxSizeBytes {
		return nil, fault.Invalid("a disk of %d bytes cannot be backed up: it has at least one byte and at most 64 TiB", size)
	}
	kinds := make([]ExtentKind, (size+ChunkBytes-1)/ChunkBytes)
	next := int64(0)
	err := source.Extents(ctx, func(extent Extent) error {
		if extent.Offset != next || extent.Length <= 0 || extent.Length > size-next {
			return fault.Internal("the disk's map of changes does not adjoin at byte %d", next)
		}
		next += extent.Length
		for index := extent.Offset / ChunkBytes; index <= (next-1)/ChunkBytes; index++ {
			kinds[index] |= extent.Kind
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if next != size {
		return nil, fault.Internal("the disk's map of changes ends at byte %d of %d", next, size)
	}
	work := &plan{unchanged: make([]bool, len(kinds))}
	for index, kind := range kinds {
		switch kind {
		case Zero:
		case Unchanged:
			work.unchanged[index] = true
		default:
			work.read(uint32(index), min(ChunkBytes, size-int64(index)*ChunkBytes))
		}
	}
	return work, nil
}

func (p *plan) read(index uint32, bytes int64) {
	p.readBytes += bytes
	if last := len(p.batches) - 1; last >= 0 {
		previous := &p.batches[last]
		if previous.bytes < batchChunks*ChunkBytes && int64(previous.first)*ChunkBytes+previous.bytes == int64(index)*ChunkBytes {
			previous.bytes += bytes
			return
		}
	}
	p.batches = append(p.batches, batch{first: index, bytes: bytes})
}
