package imagestore

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imageconvert"
	"github.com/novacron/novacron/internal/imagefile"
)

// Prepare examines what was received, unpacks it if it is gzip, and converts it if it cannot be kept as it is. sha256Hex is
// of what was received.
func (s *Store) Prepare(ctx context.Context, in Place, sha256Hex string) (Ready, error) {
	packed, err := isPacked(in.Received())
	if err != nil {
		return Ready{}, err
	}
	ready := Ready{Path: in.Received(), SHA256: sha256Hex, Packed: packed}
	if packed {
		ready.Path = in.unpacked()
		if ready.SHA256, err = s.unpack(ctx, in.Received(), ready.Path); err != nil {
			return Ready{}, err
		}
	}
	found, err := examined(ready.Path)
	if err != nil {
		return Ready{}, err
	}
	ready.Format, ready.SourceFormat, ready.SizeBytes, ready.VirtualBytes = found.Format, found.Format, found.Disk.Bytes, found.Disk.VirtualBytes
	if found.Kept() {
		return ready, nil
	}
	return s.convert(ctx, ready, found.Disk, in.converted())
}

func (s *Store) convert(ctx context.Context, ready Ready, disk imagefile.Disk, into string) (Ready, error) {
	release, err := s.turn(ctx)
	if err != nil {
		return Ready{}, err
	}
	defer release()
	if err := verifyDigest(ctx, ready.Path, disk); err != nil {
		return Ready{}, err
	}
	err = imageconvert.Convert(ctx, imageconvert.Job{File: ready.Path, Disk: disk, To: imagefile.QCOW2, Into: into, MaxBytes: s.config.MaxBytes})
	if errors.Is(err, imageconvert.ErrTooLarge) {
		return Ready{}, TooLarge(s.config.MaxBytes)
	}
	if err != nil {
		return Ready{}, err
	}
	ready.Path, ready.Format = into, imagefile.QCOW2
	ready.SHA256, ready.SizeBytes, err = sumOf(ctx, into)
	return ready, err
}

// Again finds what an earlier Prepare made in the place; NotFound if it is not there as it was.
func (s *Store) Again(ctx context.Context, in Place, known Ready) (Ready, error) {
	switch {
	case known.SourceFormat != known.Format:
		known.Path = in.converted()
	case known.Packed:
		known.Path = in.unpacked()
	default:
		known.Path = in.Received()
	}
	if _, err := os.Stat(known.Path); err != nil {
		return Ready{}, fault.NotFound("the image is no longer in the spool").Because(err)
	}
	sum, bytes, err := sumOf(ctx, known.Path)
	if err == nil && (sum != known.SHA256 || bytes != known.SizeBytes) {
		err = fault.NotFound("the image is no longer in the spool")
	}
	return known, err
}

// sumOf is the SHA-256 and the length of a file.
func sumOf(ctx context.Context, path string) (sha256Hex string, bytes int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, unreadable(err)
	}
	defer file.Close()
	sum := sha256.New()
	if bytes, err = io.Copy(sum, untilDone{ctx, file}); err != nil {
		return "", 0, readFault(ctx, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), bytes, nil
}

// verifyDigest refuses a disk that is not what its archive's manifest says.
func verifyDigest(ctx context.Context, path string, disk imagefile.Disk) error {
	made := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}[disk.Digest.Algorithm]
	if made == nil {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return unreadable(err)
	}
	defer file.Close()
	sum := made()
	if _, err := io.Copy(sum, untilDone{ctx, io.NewSectionReader(file, disk.Offset, disk.Bytes)}); err != nil {
		return readFault(ctx, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != disk.Digest.Hex {
		return fault.Invalid("the OVA's disk is not the one that its manifest describes: check that it was copied whole, or export it again")
	}
	return nil
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx  context.Context
	from io.Reader
}

// Read implements io.Reader.
func (u untilDone) Read(buffer []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(buffer)
}

func readFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return unreadable(err)
}

// Export makes a file of an image in another format, in the place, and returns its path.
func (s *Store) Export(ctx context.Context, of image.Image, format string, in Place) (path string, err error) {
	release, err := s.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	content, err := s.Open(ctx, of, 0)
	if err != nil {
		return "", err
	}
	defer content.Close()
	sum, err := s.Receive(in, 0, untilDone{ctx, content})
	switch {
	case err != nil && ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil && !fault.Is(err, fault.KindExhausted), err == nil && sum != of.SHA256:
		return "", fault.Internal("the bytes of image %s cannot be read from the image store; import it again", of.Name).Because(err)
	case err != nil:
		return "", err
	}
	found, err := examined(in.Received())
	if err != nil {
		return "", err
	}
	err = imageconvert.Convert(ctx, imageconvert.Job{
		File: in.Received(), Disk: found.Disk, To: format, Into: in.converted(), MaxBytes: largest(of.VirtualBytes),
	})
	if fault.Is(err, fault.KindInvalid) {
		err = fault.Internal("image %s could not be converted to %s; the server's log has the cause", of.Name, format).Because(err)
	}
	return in.converted(), err
}

// largest is how long a file of any format may become that describes so many bytes: no format's tables take a hundredth.
func largest(virtual int64) int64 { return virtual + virtual/64 + 64<<20 }
