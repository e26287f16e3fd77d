package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

// MarkerName is the file that makes a directory a store.
const MarkerName = "novacron-objects.json"

const (
	objectsDir   = "objects"
	incomingDir  = "incoming"
	markerText   = `{"format":1}` + "\n"
	keepIncoming = 24 * time.Hour
)

// Store is an object store in a directory. It is safe for concurrent use, from several hosts too.
type Store struct {
	root  string
	sweep sync.Once
}

var _ objectstore.Store = (*Store)(nil)

// Init makes a directory a store: it creates the directory if it is missing and puts the marker there. It is fine if the
// store exists; a directory that holds other files is a Conflict. Call it when a store is set up, not at each start.
func Init(root string) error {
	if err := checkRoot(root); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(root, MarkerName)); err == nil {
		return nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return ioFault("make the directory of", err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return ioFault("read the directory of", err)
	}
	for _, entry := range entries {
		switch entry.Name() {
		case "lost+found", objectsDir, incomingDir:
		default:
			return fault.Conflict("the object store's directory is not empty and is no object store: give an empty directory")
		}
	}
	for _, name := range []string{objectsDir, incomingDir} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return ioFault("make the directory of", err)
		}
	}
	temporary := filepath.Join(root, incomingDir, rand.Text())
	if err := writeFile(temporary, strings.NewReader(markerText), int64(len(markerText))); err != nil {
		return ioFault("write the marker of", err)
	}
	if err := errors.Join(os.Rename(temporary, filepath.Join(root, MarkerName)), syncDir(root)); err != nil {
		return ioFault("write the marker of", err)
	}
	return nil
}

// InitOnce is Init for a host's start: it does nothing if the file memory says that this host initialised the store or
// found it before, and makes that file otherwise. So a new host needs no extra step, and a mount that is missing later
// is not taken for a new store. Keep memory on the host's own disk.
func InitOnce(root, memory string) error {
	if _, err := os.Lstat(memory); err == nil {
		return nil
	}
	if err := Init(root); err != nil {
		return err
	}
	err := os.MkdirAll(filepath.Dir(memory), 0o700)
	if err == nil {
		err = os.WriteFile(memory, []byte(root+"\n"), 0o600)
	}
	if err != nil {
		return fault.Unavailable("this host cannot note that it has seen the object store: check its state directory").Because(err)
	}
	return nil
}

// New returns the store in the directory. A store that is not available now is no error: every call says so until it is.
func New(root string) (*Store, error) {
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	return &Store{root: root}, nil
}

func checkRoot(root string) error {
	if !filepath.IsAbs(root) || filepath.Clean(root) != root || root == "/" {
		return fault.Invalid("the object store's directory must be a clean absolute path, not %q", root)
	}
	return nil
}

func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(s.root, MarkerName)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fault.Unavailable("the object store is not there: its directory has no %s; mount its file system, or initialise the store if it is new", MarkerName).Because(err)
		}
		return ioFault("read the marker of", err)
	}
	s.sweep.Do(s.removeLeftovers)
	return nil
}

func (s *Store) path(key string) string {
	return filepath.Join(s.root, objectsDir, filepath.FromSlash(key))
}

// Put implements objectstore.Store.
func (s *Store) Put(ctx context.Context, key string, content io.Reader, size int64) error {
	if err := objectstore.CheckKey(key); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	temporary := filepath.Join(s.root, incomingDir, rand.Text())
	err := writeFile(temporary, contextReader{ctx, content}, size)
	if err == nil {
		err = s.place(temporary, key)
	}
	if err == nil {
		return nil
	}
	_ = os.Remove(temporary)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return ioFault("write to", err)
}

// place renames a finished object to its key's path and makes that survive a power cut. The directory may vanish in
// between, when someone deletes the last object in it: then it is made again.
func (s *Store) place(temporary, key string) error {
	path := s.path(key)
	for attempt := 0; ; attempt++ {
		made, err := makeDirs(filepath.Dir(path), filepath.Join(s.root, objectsDir))
		if err != nil {
			return err
		}
		err = os.Rename(temporary, path)
		if errors.Is(err, fs.ErrNotExist) && attempt < 100 {
			continue
		}
		if err != nil {
			return err
		}
		for _, dir := range made {
			if err := syncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return syncDir(filepath.Dir(path))
	}
}

// makeDirs makes the directory and returns the parents that got a new entry.
func makeDirs(dir, stop string) ([]string, error) {
	if _, err := os.Lstat(dir); err == nil || dir == stop {
		return nil, nil
	}
	made, err := makeDirs(filepath.Dir(dir), stop)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return append(made, filepath.Dir(dir)), nil
}

func writeFile(path string, content io.Reader, size int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	count, err := io.Copy(file, io.LimitReader(content, size+1))
	if err == nil && count != size {
		err = fault.Invalid("an object was announced with %d bytes and has at least %d: send it again", size, count)
		if count < size {
			err = fault.Unavailable("an object was announced with %d bytes and broke off after %d: send it again", size, count)
		}
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// contextReader ends a copy when its context ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(buffer []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(buffer)
}

// Get implements objectstore.Store.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	file, info, err := s.open(ctx, key)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > info.Size() {
		file.Close()
		return nil, fault.Invalid("byte %d lies outside the object, which has %d", offset, info.Size())
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		file.Close()
		return nil, ioFault("read from", err)
	}
	rest := info.Size() - offset
	if length < 0 || length > rest {
		length = rest
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(contextReader{ctx, file}, length), file}, nil
}

// Stat implements objectstore.Store.
func (s *Store) Stat(ctx context.Context, key string) (objectstore.Object, error) {
	file, info, err := s.open(ctx, key)
	if err != nil {
		return objectstore.Object{}, err
	}
	file.Close()
	return objectstore.Object{Key: key, SizeBytes: info.Size(), ModifiedAt: info.ModTime().UTC()}, nil
}

func (s *Store) open(ctx context.Context, key string) (*os.File, fs.FileInfo, error) {
	if err := objectstore.CheckKey(key); err != nil {
		return nil, nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(s.path(key), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err == nil {
		info, statErr := file.Stat()
		if statErr == nil && info.Mode().IsRegular() {
			return file, info, nil
		}
		file.Close()
		err = errors.Join(statErr, fs.ErrNotExist)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil, fault.NotFound("there is no object %s", key)
	}
	return nil, nil, ioFault("read from", err)
}

// Delete implements objectstore.Store. Directories that become empty go too.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := objectstore.CheckKey(key); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	path := s.path(key)
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return nil
		}
		return ioFault("delete from", err)
	}
	parent := filepath.Dir(path)
	for parent != filepath.Join(s.root, objectsDir) && os.Remove(parent) == nil {
		parent = filepath.Dir(parent)
	}
	if err := syncDir(parent); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ioFault("delete from", err)
	}
	return nil
}

func (s *Store) removeLeftovers() {
	incoming := filepath.Join(s.root, incomingDir)
	entries, err := os.ReadDir(incoming)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > keepIncoming {
			_ = os.Remove(filepath.Join(incoming, entry.Name()))
		}
	}
}

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

func ioFault(doing string, err error) error {
	if found, ok := errors.AsType[*fault.Error](err); ok {
		return found
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fault.Exhausted("the object store is full: make room in it").Because(err)
	case errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EEXIST):
		return fault.Conflict("an object's key cannot also be a directory of other objects").Because(err)
	default:
		return fault.Unavailable("could not %s the object store: check its file system on this host", doing).Because(err)
	}
}
