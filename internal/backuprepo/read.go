package backuprepo

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/novacron/internal/fault"
)

// ReadRequest asks for a disk's backup to be written to a sink.
type ReadRequest struct {
	Manifest   ManifestRef
	Sink       Sink
	SinkIsZero bool // the sink reads as zeroes already, so that zeroes need not be written
	Progress   Progress
}

// ReadDisk writes a disk's backup to the sink, checking every chunk's hash before it is written, and flushes. A sink that
// is larger reads as zeroes beyond the backup's end; a smaller one is Invalid. Damage is a Conflict with DamageOf; what
// the sink holds is then of no use.
func (r *Repository) ReadDisk(ctx context.Context, request ReadRequest) error {
	list, err := r.load(ctx, request.Manifest)
	if err != nil {
		return err
	}
	size := request.Sink.Size()
	if size < list.SizeBytes {
		return fault.Invalid("a backup of %d bytes does not fit on a disk of %d", list.SizeBytes, size).At("size_bytes")
	}
	if !request.SinkIsZero {
		if err := list.gaps(size, func(offset, length int64) error { return request.Sink.WriteZeroes(ctx, offset, length) }); err != nil {
			return err
		}
	}
	progress := newMeter(request.Progress, list.dataBytes())
	err = r.eachRange(ctx, list, func(ctx context.Context, part *readRange) error {
		return part.decode(func(index uint32, chunk []byte) error {
			defer progress.add(int64(len(chunk)))
			return request.Sink.WriteAt(ctx, chunk, int64(index)*ChunkBytes)
		}, func(damage Damage) error { return damage.fault() })
	})
	if damage, damaged := DamageOf(err); damaged {
		r.remember(ctx, damage)
	}
	if err != nil {
		return err
	}
	return request.Sink.Flush(ctx)
}

// VerifyReport is what a verification found.
type VerifyReport struct {
	Chunks        int64    `json:"chunks"`
	Bytes         int64    `json:"bytes"` // of the disk
	DamagedChunks int64    `json:"damaged_chunks"`
	Damages       []Damage `json:"damages,omitempty"` // the first few, by place on the disk
}

const reportedDamages = 16

// Verify reads a disk's backup whole and checks every chunk. It goes on after damage, to say how much there is; the error
// is then that of the first damage on the disk (Conflict with DamageOf), and the report is still good.
func (r *Repository) Verify(ctx context.Context, ref ManifestRef, tell Progress) (VerifyReport, error) {
	list, err := r.load(ctx, ref)
	if damage, damaged := DamageOf(err); damaged {
		return VerifyReport{Damages: []Damage{damage}}, err
	}
	if err != nil {
		return VerifyReport{}, err
	}
	report := VerifyReport{Chunks: list.Chunks, Bytes: list.dataBytes()}
	progress := newMeter(tell, report.Bytes)
	var lock sync.Mutex
	err = r.eachRange(ctx, list, func(_ context.Context, part *readRange) error {
		return part.decode(func(_ uint32, chunk []byte) error {
			progress.add(int64(len(chunk)))
			return nil
		}, func(damage Damage) error {
			progress.add(list.chunkLength(uint32(damage.Offset / ChunkBytes)))
			lock.Lock()
			defer lock.Unlock()
			report.DamagedChunks++
			report.Damages = append(report.Damages, damage)
			return nil
		})
	})
	if err != nil || report.DamagedChunks == 0 {
		return report, err
	}
	r.remember(ctx, report.Damages...)
	slices.SortFunc(report.Damages, func(a, b Damage) int { return cmp.Compare(a.Offset, b.Offset) })
	report.Damages = report.Damages[:min(len(report.Damages), reportedDamages)]
	return report, report.Damages[0].fault()
}

// remember notes which packs are damaged, so that no later backup relies on them. It is a precaution: that it failed
// must not hide the damage itself.
func (r *Repository) remember(ctx context.Context, damages ...Damage) {
	noted := make(map[string]bool)
	for _, each := range damages {
		if !noted[each.Object] {
			noted[each.Object] = true
			_ = r.put(ctx, damageKey(each.Object), []byte("{}\n"))
		}
	}
}

// dataBytes is how much of the disk is not zero, in whole chunks.
func (m *manifest) dataBytes() int64 {
	total := int64(0)
	for _, each := range m.entries {
		total += m.chunkLength(each.index)
	}
	return total
}

// gaps visits the ranges of a disk of the size that the manifest does not list.
func (m *manifest) gaps(size int64, visit func(offset, length int64) error) error {
	next := int64(0)
	for _, each := range m.entries {
		if offset := int64(each.index) * ChunkBytes; offset > next {
			if err := visit(next, offset-next); err != nil {
				return err
			}
		}
		next = int64(each.index)*ChunkBytes + m.chunkLength(each.index)
	}
	if next < size {
		return visit(next, size-next)
	}
	return nil
}

// A range of a pack is read at once up to this length, over gaps of at most one chunk's length.
const rangeBytes = 2 << 20

// readRange is a part of a pack with the chunks in it, in the order of the pack.
type readRange struct {
	list    *manifest
	pack    string
	offset  int64
	entries []entry
	content []byte // shorter than needed if the pack is; nil if it is missing
	decoder *zstd.Decoder
	scratch []byte
}

func (p *readRange) end() int64 {
	last := p.entries[len(p.entries)-1]
	return int64(last.offset) + int64(last.length)
}

// eachRange reads all of a manifest's chunks, pack by pack, and calls visit for each range, several at once.
func (r *Repository) eachRange(ctx context.Context, list *manifest, visit func(context.Context, *readRange) error) error {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(r.workers), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(1<<20))
	if err != nil {
		return fault.Internal("the decompressor does not start").Because(err)
	}
	defer decoder.Close()
	group, ctx := errgroup.WithContext(ctx)
	parts := make(chan *readRange)
	group.Go(func() error {
		defer close(parts)
		for _, part := range list.ranges() {
			part.decoder = decoder
			select {
			case parts <- part:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range r.workers {
		group.Go(func() error {
			scratch := make([]byte, 0, ChunkBytes)
			for part := range parts {
				part.scratch = scratch
				if err := r.fetch(ctx, part); err != nil {
					return err
				}
				if err := visit(ctx, part); err != nil {
					return err
				}
				part.content = nil
			}
			return nil
		})
	}
	return group.Wait()
}

// ranges orders the chunks by their place in the packs and groups neighbours.
func (m *manifest) ranges() []*readRange {
	ordered := slices.Clone(m.entries)
	slices.SortFunc(ordered, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.pack, b.pack), cmp.Compare(a.offset, b.offset), cmp.Compare(a.index, b.index))
	})
	var parts []*readRange
	for first := 0; first < len(ordered); {
		part := &readRange{list: m, pack: m.Packs[ordered[first].pack], offset: int64(ordered[first].offset)}
		next := first + 1
		for end := int64(ordered[first].offset) + int64(ordered[first].length); next < len(ordered); next++ {
			each := ordered[next]
			if each.pack != ordered[first].pack || int64(each.offset) > end+ChunkBytes || int64(each.offset)+int64(each.length)-part.offset > rangeBytes {
				break
			}
			end = int64(each.offset) + int64(each.length)
		}
		part.entries = ordered[first:next]
		parts = append(parts, part)
		first = next
	}
	return parts
}

// fetch reads the range. A pack that is missing or too short is no error here: decode calls it damage.
func (r *Repository) fetch(ctx context.Context, part *readRange) error {
	reader, err := r.store.Get(ctx, part.pack, part.offset, part.end()-part.offset)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if fault.Is(err, fault.KindInvalid) {
		part.content = []byte{}
		return nil
	}
	if err != nil {
		return err
	}
	defer reader.Close()
	part.content, err = io.ReadAll(reader)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Unavailable("the backup repository broke off: try again").Because(err)
	}
	if part.content == nil {
		part.content = []byte{}
	}
	return nil
}

// decode calls good with each chunk that is what it was when it was written, and bad with each other one. The chunk is
// valid only during the call.
func (p *readRange) decode(good func(index uint32, chunk []byte) error, bad func(Damage) error) error {
	var chunk []byte
	reason := ""
	for position, each := range p.entries {
		if position == 0 || each.offset != p.entries[position-1].offset || each.length != p.entries[position-1].length || each.hash != p.entries[position-1].hash {
			chunk, reason = p.chunk(each)
		}
		var err error
		if reason == "" {
			err = good(each.index, chunk)
		} else {
			err = bad(Damage{Backup: p.list.Backup, Device: p.list.Device, Offset: int64(each.index) * ChunkBytes, Object: p.pack, Reason: reason})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// chunk takes one chunk out of the range; reason says why that cannot be.
func (p *readRange) chunk(each entry) (chunk []byte, reason string) {
	from := int64(each.offset) - p.offset
	if p.content == nil {
		return nil, "is missing"
	}
	if from+int64(each.length) > int64(len(p.content)) {
		return nil, "is too short"
	}
	chunk = p.content[from : from+int64(each.length)]
	length := p.list.chunkLength(each.index)
	if int64(each.length) != length {
		decoded, err := p.decoder.DecodeAll(chunk, p.scratch[:0:length])
		if err != nil {
			return nil, "holds a chunk that cannot be decompressed"
		}
		chunk = decoded
	}
	if int64(len(chunk)) != length || blake3.Sum256(chunk) != each.hash {
		return nil, "holds a chunk that does not match its hash"
	}
	return chunk, ""
}
