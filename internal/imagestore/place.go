package imagestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imageconvert"
)

// ErrTooLarge is the cause of the fault of an image that is larger than MaxBytes.
var ErrTooLarge = imageconvert.ErrTooLarge

// ErrBroken is the cause of the fault of bytes that stopped coming.
var ErrBroken = errors.New("the bytes stopped coming")

// placePrefix begins the names of all places, so that a sweep takes nothing else.
const placePrefix = "novacron-image-"

// Place is a directory of the spool for one image that comes in or goes out.
type Place struct{ dir string }

// Received is where the file is that comes in.
func (p Place) Received() string { return filepath.Join(p.dir, "received") }

func (p Place) unpacked() string { return filepath.Join(p.dir, "unpacked") }

func (p Place) converted() string { return filepath.Join(p.dir, "converted") }

// Remove removes the place with all that is in it; a missing one is fine.
func (p Place) Remove() error {
	if err := os.RemoveAll(p.dir); err != nil {
		return fault.Unavailable("the spool directory of this server cannot be cleared").Because(err)
	}
	return nil
}

// NewPlace makes a place for one request.
func (s *Store) NewPlace() (Place, error) {
	dir, err := os.MkdirTemp(s.config.Spool, placePrefix+"request-*")
	if err != nil {
		return Place{}, spoolFault(err)
	}
	return Place{dir: dir}, nil
}

// PlaceOf is the place of an image that comes in over several attempts. Lock makes it.
func (s *Store) PlaceOf(wanted id.Image) Place {
	return Place{dir: filepath.Join(s.spool(), placePrefix+string(wanted))}
}

// Lock makes the place if it is not there, and waits until no other attempt on this machine has it.
func (p Place) Lock(ctx context.Context) (release func(), err error) {
	for {
		if err := os.MkdirAll(p.dir, 0o700); err != nil {
			return nil, spoolFault(err)
		}
		lock, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed in between
		}
		if err != nil {
			return nil, spoolFault(err)
		}
		held := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
		if held && isStill(lock) {
			return func() { _ = lock.Close() }, nil
		}
		_ = lock.Close()
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// lockEvery is how often a place that is taken is tried again.
const lockEvery = 100 * time.Millisecond

// isStill reports whether a file is yet the one at its path: whoever had the place may have removed it.
func isStill(file *os.File) bool {
	mine, err := file.Stat()
	there, statErr := os.Stat(file.Name())
	return err == nil && statErr == nil && os.SameFile(mine, there)
}

func (s *Store) spool() string {
	if s.config.Spool == "" {
		return os.TempDir()
	}
	return s.config.Spool
}

func spoolFault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Exhausted("this server has no room for the image; free some and try again").Because(err)
	}
	return fault.Internal("the image cannot be kept on this server").Because(err)
}

// Receive writes what comes to the place, behind the first offset bytes that came before, and returns the SHA-256 of all.
// Errors: Invalid because of ErrTooLarge or ErrBroken, Conflict if fewer bytes came before, Exhausted without room.
func (s *Store) Receive(into Place, offset int64, body io.Reader) (sha256Hex string, err error) {
	file, err := os.OpenFile(into.Received(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", spoolFault(err)
	}
	defer file.Close()
	sum := sha256.New()
	before, err := io.CopyN(sum, file, offset)
	switch {
	case errors.Is(err, io.EOF):
		return "", fault.Conflict("%d bytes of the image are here, not %d; ask how many there are and go on from there", before, offset).At("offset")
	case err == nil:
		err = file.Truncate(offset)
	}
	if err != nil {
		return "", spoolFault(err)
	}
	limited := &counted{from: io.LimitReader(body, s.config.MaxBytes-offset+1)}
	_, err = io.Copy(io.MultiWriter(file, sum), limited)
	switch {
	case err == nil && offset+limited.done > s.config.MaxBytes:
		return "", TooLarge(s.config.MaxBytes)
	case err != nil && limited.failed:
		return "", fault.Invalid("the upload broke off; send it again").Because(errors.Join(ErrBroken, err))
	case err != nil:
		return "", spoolFault(err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// TooLarge is the fault of an image of more than limit bytes.
func TooLarge(limit int64) error {
	return fault.Invalid("the image is larger than %s, the most this server takes; convert it to a sparse qcow2 or raise the limit", size(limit)).Because(ErrTooLarge)
}

func size(bytes int64) string {
	if bytes < 1<<30 {
		return strconv.FormatInt(bytes>>20, 10) + " MiB"
	}
	return strconv.FormatInt(bytes>>30, 10) + " GiB"
}

// counted counts what is read, and remembers whether reading failed.
type counted struct {
	from   io.Reader
	done   int64
	failed bool
}

// Read implements io.Reader.
func (c *counted) Read(buffer []byte) (int, error) {
	n, err := c.from.Read(buffer)
	c.done += int64(n)
	c.failed = c.failed || err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// Run keeps the spool clean until ctx ends.
func (s *Store) Run(ctx context.Context) {
	for {
		if err := s.sweep(time.Now()); err != nil {
			s.config.Log.WarnContext(ctx, "what killed processes left in the spool could not be removed", "error", err, "cause", errors.Unwrap(err))
		}
		select {
		case <-time.After(sweepEvery):
		case <-ctx.Done():
			return
		}
	}
}

// sweep removes places that nobody has written to for a while: those of processes that were killed.
func (s *Store) sweep(now time.Time) error {
	entries, err := os.ReadDir(s.spool())
	if err != nil {
		return spoolFault(err)
	}
	var failures []error
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), placePrefix) {
			continue
		}
		place := Place{dir: filepath.Join(s.spool(), entry.Name())}
		if now.Sub(place.touchedAt()) > sweepAfter {
			failures = append(failures, place.Remove())
		}
	}
	return errors.Join(failures...)
}

// sweepAfter is longer than any pause in which an image that is coming in is not written to.
const (
	sweepAfter = 24 * time.Hour
	sweepEvery = time.Hour
)

func (p Place) touchedAt() time.Time {
	var last time.Time
	_ = filepath.WalkDir(p.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // it goes while we look
		}
		if info, err := entry.Info(); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return nil
	})
	return last
}
