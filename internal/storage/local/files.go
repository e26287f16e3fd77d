package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
)

// ioFault says in the user's words why a call on the pool's files failed.
func (c Config) ioFault(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fault.Exhausted("pool %s is full: make room in it or use another pool", c.Name).Because(err)
	case errors.Is(err, unix.EROFS):
		return fault.Unavailable("pool %s is read-only: check its file system", c.Name).Because(err)
	default:
		return fault.Unavailable("could not %s pool %s: check the pool's file system on this host", doing, c.Name).Because(err)
	}
}

// writeDurably puts a small file in place at once or not at all.
func writeDurably(path string, content []byte) error {
	temporary := path + "." + randomName()
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncDir(filepath.Dir(path))
}

// publish gives a finished file its final name; fs.ErrExist if another one has it.
func publish(temporary, final string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temporary, unix.AT_FDCWD, final, unix.RENAME_NOREPLACE)
	// Network file systems do not know the flag. There, the files of one ID hold the same answer, whichever wins.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if _, statErr := os.Lstat(final); statErr == nil {
			return fs.ErrExist
		}
		err = os.Rename(temporary, final)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

// syncDir makes names that were given or taken in a directory survive a power cut.
func syncDir(dir string) error {
	handle, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = handle.Sync()
	// Some network file systems cannot sync a directory; their servers do it unasked.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, handle.Close())
}

// remove deletes a file; a missing one is fine.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lockFile opens a file, creating it if asked, and locks it for this process. busy means that someone else holds it.
// The lock ends with the returned file, or with the process.
func lockFile(path string, create bool) (file *os.File, busy bool, err error) {
	flags := os.O_RDWR | unix.O_NOFOLLOW
	if create {
		flags |= os.O_CREATE
	}
	file, err = os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, false, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, true, nil
		}
		return nil, false, err
	}
	// The one who held the lock before may have renamed or removed the file meanwhile.
	opened, err := file.Stat()
	if err == nil {
		var named fs.FileInfo
		if named, err = os.Lstat(path); err == nil && os.SameFile(opened, named) {
			return file, false, nil
		}
	}
	file.Close()
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	return nil, false, err
}

// pause waits a little; it returns ctx's error if that ends first.
func pause(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func randomName() string {
	var bytes [8]byte
	if _, err := rand.Read(bytes[:]); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	return hex.EncodeToString(bytes[:])
}
