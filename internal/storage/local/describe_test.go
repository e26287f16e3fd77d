package local_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
)

// describe makes an image of the content as the inventory would record it.
func describe(content []byte, format string) (storage.BaseImage, func(context.Context, int64) (io.ReadCloser, error)) {
	digest := sha256.Sum256(content)
	image := storage.BaseImage{Image: id.New[id.Image](), SHA256: hex.EncodeToString(digest[:]), Format: format, SizeBytes: int64(len(content))}
	return image, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
}
