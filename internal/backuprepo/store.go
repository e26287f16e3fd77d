package backuprepo

import (
	"bytes"
	"context"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/novacron/internal/fault"
)

const packMagic = "NVCPACK1"

var zeroChunk [ChunkBytes]byte

// job is a batch on its way: a worker reads, hashes and compresses it, then the packer takes it, in order.
type job struct {
	batch
	chunks []prepared
	done   chan struct{}
}

// prepared is a chunk that is not zero; without data it was stored already.
type prepared struct {
	index uint32
	hash  [32]byte
	data  []byte
}

// store reads what the plan says and packs what is not stored yet.
func (a *attempt) store(ctx context.Context, source Source, work *plan, progress *meter) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(a.workers),
		zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
	if err != nil {
		return fault.Internal("the compressor does not start").Because(err)
	}
	defer encoder.Close()
	packing := &packer{attempt: a, full: make(chan pack)}
	jobs, ordered := make(chan *job, a.workers), make(chan *job, a.workers)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return deal(ctx, work.batches, jobs, ordered) })
	for range a.workers {
		group.Go(func() error {
			buffer := make([]byte, batchChunks*ChunkBytes)
			for each := range jobs {
				if err := packing.prepare(ctx, source, encoder, each, buffer); err != nil {
					return err
				}
				progress.add(each.bytes)
				close(each.done)
			}
			return nil
		})
	}
	group.Go(func() error { return packing.collect(ctx, ordered) })
	group.Go(func() error { return packing.upload(ctx) })
	if err := group.Wait(); err != nil {
		return err
	}
	a.list.ReadBytes, a.list.StoredBytes = work.readBytes, packing.storedBytes
	return nil
}

// deal hands each batch to the workers and, in order, to the packer.
func deal(ctx context.Context, batches []batch, jobs, ordered chan<- *job) error {
	defer close(jobs)
	defer close(ordered)
	for _, each := range batches {
		next := &job{batch: each, done: make(chan struct{})}
		for _, channel := range []chan<- *job{ordered, jobs} {
			select {
			case channel <- next:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// pack is an object of chunks, ready to be stored.
type pack struct {
	key     string
	content []byte
}

// packer gathers chunks into packs. known is shared with the workers; everything else belongs to collect.
type packer struct {
	*attempt
	lock        sync.RWMutex // guards known
	number      int
	content     []byte
	full        chan pack
	storedBytes int64
}

// prepare reads a batch, hashes its chunks and compresses those that are not stored yet.
func (p *packer) prepare(ctx context.Context, source Source, encoder *zstd.Encoder, each *job, buffer []byte) error {
	content := buffer[:each.bytes]
	if err := source.ReadAt(ctx, content, int64(each.first)*ChunkBytes); err != nil {
		return err
	}
	for index := each.first; len(content) > 0; index++ {
		chunk := content[:min(ChunkBytes, len(content))]
		content = content[len(chunk):]
		if bytes.Equal(chunk, zeroChunk[:len(chunk)]) {
			continue
		}
		next := prepared{index: index, hash: blake3.Sum256(chunk)}
		p.lock.RLock()
		_, stored := p.known[next.hash]
		p.lock.RUnlock()
		if !stored {
			next.data = encoder.EncodeAll(chunk, nil)
			if len(next.data) >= len(chunk) {
				next.data = bytes.Clone(chunk)
			}
		}
		each.chunks = append(each.chunks, next)
	}
	return nil
}

// collect takes batches in order and notes each chunk's place.
func (p *packer) collect(ctx context.Context, ordered <-chan *job) error {
	defer close(p.full)
	for each := range ordered {
		select {
		case <-each.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, chunk := range each.chunks {
			place, stored := p.known[chunk.hash]
			if !stored {
				var err error
				if place, err = p.append(ctx, chunk); err != nil {
					return err
				}
			}
			place.index = chunk.index
			p.list.entries = append(p.list.entries, place)
		}
	}
	return p.close(ctx)
}

// append puts a chunk into the pack that is being filled.
func (p *packer) append(ctx context.Context, chunk prepared) (entry, error) {
	if p.content == nil {
		p.content = append(make([]byte, 0, p.packBytes+ChunkBytes), packMagic...)
		p.list.Packs = append(p.list.Packs, p.packKey(p.number))
		p.number++
	}
	place := entry{pack: uint32(len(p.list.Packs) - 1), offset: uint32(len(p.content)), length: uint32(len(chunk.data)), hash: chunk.hash}
	p.content = append(p.content, chunk.data...)
	p.lock.Lock()
	p.known[chunk.hash] = place
	p.lock.Unlock()
	if len(p.content) < p.packBytes {
		return place, nil
	}
	return place, p.close(ctx)
}

// close hands the pack on to be stored.
func (p *packer) close(ctx context.Context) error {
	if p.content == nil {
		return nil
	}
	p.storedBytes += int64(len(p.content))
	select {
	case p.full <- pack{key: p.packKey(p.number - 1), content: p.content}:
		p.content = nil
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// upload stores packs while the next one is being filled.
func (p *packer) upload(ctx context.Context) error {
	for each := range p.full {
		if err := p.put(ctx, each.key, each.content); err != nil {
			return err
		}
	}
	return nil
}
