package api

import (
	"context"
	"io"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

// objectReader makes an object a file, for http.ServeContent: it opens the object where the first read after a seek wants it.
type objectReader struct {
	ctx   context.Context
	store objectstore.Store
	key   string
	size  int64
	at    int64
	open  io.ReadCloser
}

// Seek implements io.Seeker.
func (r *objectReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, fault.Invalid("an object begins at byte 0")
	}
	if offset != r.at {
		_ = r.Close()
	}
	r.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (r *objectReader) Read(buffer []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.open == nil {
		opened, err := r.store.Get(r.ctx, r.key, r.at, -1)
		if err != nil {
			return 0, err
		}
		r.open = opened
	}
	n, err := r.open.Read(buffer)
	r.at += int64(n)
	return n, err
}

// Close lets go of the object.
func (r *objectReader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}
