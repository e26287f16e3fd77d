package api

import (
	"context"
	"io"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagestore"
)

// imageReader makes an image's bytes a file, for http.ServeContent: it opens them where the first read after a seek wants them.
type imageReader struct {
	ctx    context.Context
	images *imagestore.Store
	image  image.Image
	at     int64
	open   io.ReadCloser
}

// Seek implements io.Seeker.
func (r *imageReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.image.SizeBytes
	}
	if offset < 0 {
		return 0, fault.Invalid("an image begins at byte 0")
	}
	if offset != r.at {
		_ = r.Close()
	}
	r.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (r *imageReader) Read(buffer []byte) (int, error) {
	if r.at >= r.image.SizeBytes {
		return 0, io.EOF
	}
	if r.open == nil {
		opened, err := r.images.Open(r.ctx, r.image, r.at)
		if err != nil {
			return 0, err
		}
		r.open = opened
	}
	n, err := r.open.Read(buffer)
	r.at += int64(n)
	return n, err
}

// Close lets go of them.
func (r *imageReader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}
