package swift

import (
	"context"
	"crypto/md5" //nolint:gosec // Swift's own checksum of what travels
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"

	"github.com/ncw/swift/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

// Get implements objectstore.Store. The reader repeats what breaks off; its errors are faults.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := s.check(ctx, key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fault.Invalid("a range begins at 0 or later, not at %d", offset)
	}
	if length == 0 {
		return s.nothing(ctx, key, offset)
	}
	reader := &download{store: s, ctx: ctx, key: key, at: offset, end: -1}
	if length > 0 {
		reader.end = offset + length
	}
	err := s.insist(ctx, reader.open)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return s.nothing(ctx, key, offset)
	}
	if err != nil {
		return nil, s.explain(ctx, key, err)
	}
	return reader, nil
}

// nothing is the empty range at an offset, which may be the object's end.
func (s *Store) nothing(ctx context.Context, key string, offset int64) (io.ReadCloser, error) {
	found, err := s.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	if offset > found.SizeBytes {
		return nil, fault.Invalid("object %q has %d bytes, so there is nothing at %d", key, found.SizeBytes, offset)
	}
	return http.NoBody, nil
}

// download reads an object, or a range of it, through as many requests as it takes.
type download struct {
	store   *Store
	ctx     context.Context //nolint:containedctx // of the call that returned the reader
	key     string
	at, end int64 // the next byte, and the one behind the last; -1 is the object's end
	etag    string
	whole   hash.Hash // of an object that is read from the beginning to the end and has one checksum
	body    io.ReadCloser
}

// open asks for what has not been read yet, of the same object as before.
func (d *download) open() error {
	headers := swift.Headers{}
	switch {
	case d.end >= 0:
		headers["Range"] = fmt.Sprintf("bytes=%d-%d", d.at, d.end-1)
	case d.at > 0:
		headers["Range"] = fmt.Sprintf("bytes=%d-", d.at)
	}
	if d.etag != "" {
		headers["If-Match"] = d.etag
	}
	file, answer, err := d.store.connection.ObjectOpen(d.ctx, d.store.config.Container, d.key, false, headers)
	if err != nil {
		return err
	}
	d.body = file
	if d.etag == "" {
		d.etag = answer["Etag"]
		if len(headers) == 0 && !answer.IsLargeObject() {
			d.whole = md5.New() //nolint:gosec // Swift's own checksum of what travels
		}
	}
	return nil
}

func (d *download) Read(into []byte) (int, error) {
	count, err := d.body.Read(into)
	d.at += int64(count)
	if d.whole != nil {
		d.whole.Write(into[:count])
	}
	switch {
	case err == nil:
		return count, nil
	case errors.Is(err, io.EOF):
		if d.whole != nil && hex.EncodeToString(d.whole.Sum(nil)) != d.etag {
			return count, fault.Unavailable("object %q was damaged on the way: read it again", d.key)
		}
		return count, io.EOF
	case d.ctx.Err() != nil:
		return count, d.ctx.Err()
	case count > 0:
		return count, nil // the failure comes again
	}
	return 0, d.resume()
}

// resume goes on where the body broke off; nil means that there is something to read again.
func (d *download) resume() error {
	_ = d.body.Close() // it has failed
	d.body = http.NoBody
	if d.end >= 0 && d.at >= d.end {
		return io.EOF
	}
	err := d.store.insist(d.ctx, d.open)
	switch status(err) {
	case http.StatusPreconditionFailed, http.StatusNotFound:
		return fault.Unavailable("object %q was replaced or deleted while it was read: read it again", d.key).Because(err)
	case http.StatusRequestedRangeNotSatisfiable:
		return io.EOF
	}
	return d.store.explain(d.ctx, d.key, err)
}

func (d *download) Close() error {
	_ = d.body.Close() // complains of what was not read to its end, which is the caller's right
	return nil
}

// Stat implements objectstore.Store.
func (s *Store) Stat(ctx context.Context, key string) (objectstore.Object, error) {
	if err := s.check(ctx, key); err != nil {
		return objectstore.Object{}, err
	}
	var found swift.Object
	err := s.insist(ctx, func() (err error) {
		found, _, err = s.connection.Object(ctx, s.config.Container, key)
		return err
	})
	if err != nil {
		return objectstore.Object{}, s.explain(ctx, key, err)
	}
	return objectstore.Object{Key: key, SizeBytes: found.Bytes, ModifiedAt: found.LastModified.UTC()}, nil
}
