package dir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/objectstore"
)

// List implements objectstore.Store.
func (s *Store) List(ctx context.Context, prefix string, visit func(objectstore.Object) error) error {
	if err := objectstore.CheckPrefix(prefix); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	// Everything with the prefix lies under the directory of its last slash.
	dir := ""
	if slash := strings.LastIndexByte(prefix, '/'); slash >= 0 {
		dir = prefix[:slash]
	}
	return s.walk(ctx, dir, prefix, visit)
}

func (s *Store) walk(ctx context.Context, dir, prefix string, visit func(objectstore.Object) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.root, objectsDir, filepath.FromSlash(dir)))
	if err != nil {
		// It may never have been or have been emptied just now; a prefix may also run through an object.
		if info, statErr := os.Lstat(s.path(dir)); errors.Is(err, fs.ErrNotExist) || statErr == nil && !info.IsDir() {
			return nil
		}
		return ioFault("list", err)
	}
	// The order is that of whole keys, where "a-b" comes before "a/b": a directory counts with its slash.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, entry := range entries {
		key := path.Join(dir, entry.Name())
		if entry.IsDir() {
			if !strings.HasPrefix(key+"/", prefix) && !strings.HasPrefix(prefix, key+"/") {
				continue
			}
			if err := s.walk(ctx, key, prefix, visit); err != nil {
				return err
			}
			continue
		}
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return ioFault("list", err)
		}
		if err := visit(objectstore.Object{Key: key, SizeBytes: info.Size(), ModifiedAt: info.ModTime().UTC()}); err != nil {
			return err
		}
	}
	return nil
}

func sortName(entry fs.DirEntry) string {
	if entry.IsDir() {
		return entry.Name() + "/"
	}
	return entry.Name()
}
