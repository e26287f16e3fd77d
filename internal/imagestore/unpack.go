package imagestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"github.com/novacron/novacron/internal/fault"
)

var gzipMagic = []byte{0x1f, 0x8b}

func isPacked(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, unreadable(err)
	}
	defer file.Close()
	head := make([]byte, len(gzipMagic))
	if _, err := io.ReadFull(file, head); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, unreadable(err)
	}
	return bytes.Equal(head, gzipMagic), nil
}

// unpack writes what a gzip file holds to another, with holes for zeros, and returns its SHA-256.
func (s *Store) unpack(ctx context.Context, from, into string) (string, error) {
	release, err := s.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	packed, err := os.Open(from)
	if err != nil {
		return "", unreadable(err)
	}
	defer packed.Close()
	file, err := os.OpenFile(into, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", spoolFault(err)
	}
	defer file.Close()
	broken := fault.Invalid("the gzip file is damaged: check that it was copied to the end, or unpack it and import the disk image inside")
	unpacking, err := gzip.NewReader(packed)
	if err != nil {
		return "", broken.Because(err)
	}
	sum, holes := sha256.New(), &holedFile{file: file}
	reading := &counted{from: io.LimitReader(untilDone{ctx, unpacking}, s.config.MaxBytes+1)}
	_, err = io.CopyBuffer(io.MultiWriter(holes, sum), struct{ io.Reader }{reading}, make([]byte, holeBytes))
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case reading.failed:
		return "", broken.Because(err)
	case err == nil && reading.done > s.config.MaxBytes:
		return "", TooLarge(s.config.MaxBytes)
	}
	if err := errors.Join(err, file.Truncate(reading.done)); err != nil {
		return "", spoolFault(err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// holeBytes is how many zeros in a row become a hole.
const holeBytes = 64 << 10

// holedFile writes a file from its beginning and leaves out what is zero.
type holedFile struct {
	file *os.File
	at   int64
}

var zeros [holeBytes]byte

// Write implements io.Writer.
func (h *holedFile) Write(data []byte) (int, error) {
	if len(data) > holeBytes || !bytes.Equal(data, zeros[:len(data)]) {
		if _, err := h.file.WriteAt(data, h.at); err != nil {
			return 0, err
		}
	}
	h.at += int64(len(data))
	return len(data), nil
}
