package swift

import (
	"context"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ncw/swift/v2"

	"github.com/novacron/novacron/internal/objectstore"
)

// Delete implements objectstore.Store. Segments that a killed upload of the object left go too.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check(ctx, key); err != nil {
		return err
	}
	err := s.deleteNames(ctx, s.config.Container, []string{key})
	if err == nil {
		err = s.deleteSegments(ctx, key+"/", func(of string) bool { return of == key })
	}
	return s.explain(ctx, key, err)
}

// DeleteAll implements objectstore.BulkDeleter.
func (s *Store) DeleteAll(ctx context.Context, keys []string) error {
	gone, directories := map[string]bool{}, map[string]bool{}
	for _, key := range keys {
		if err := s.check(ctx, key); err != nil {
			return err
		}
		gone[key], directories[path.Dir(key)] = true, true
	}
	if err := s.deleteNames(ctx, s.config.Container, keys); err != nil {
		return s.explain(ctx, "", err)
	}
	for directory := range directories {
		prefix := strings.TrimPrefix(directory+"/", "./")
		if err := s.deleteSegments(ctx, prefix, func(of string) bool { return gone[of] }); err != nil {
			return s.explain(ctx, "", err)
		}
	}
	return nil
}

// Clear implements objectstore.Clearer.
func (s *Store) Clear(ctx context.Context, prefix string) error {
	if err := objectstore.CheckPrefix(prefix); err != nil {
		return err
	}
	err := s.listed(ctx, s.config.Container, prefix, func(page []swift.Object) error {
		return s.deleteNames(ctx, s.config.Container, namesOf(page, func(string) bool { return true }))
	})
	if err == nil {
		err = s.deleteSegments(ctx, prefix, func(string) bool { return true })
	}
	return s.explain(ctx, "", err)
}

// deleteSegments removes the segments below a prefix of the objects that are chosen.
func (s *Store) deleteSegments(ctx context.Context, prefix string, chosen func(key string) bool) error {
	return s.listed(ctx, s.segments(), prefix, func(page []swift.Object) error {
		return s.deleteNames(ctx, s.segments(), namesOf(page, func(name string) bool {
			key, _ := segmentOf(name)
			return chosen(key)
		}))
	})
}

func namesOf(page []swift.Object, chosen func(name string) bool) (names []string) {
	for _, each := range page {
		if chosen(each.Name) {
			names = append(names, each.Name)
		}
	}
	return names
}

// segmentOf takes a segment's name apart.
func segmentOf(name string) (key, upload string) {
	directory := path.Dir(name)
	return path.Dir(directory), path.Base(directory)
}

// deleteNames removes objects as they are, manifests without their segments; missing ones are fine. Many go in one request
// where Swift takes that.
func (s *Store) deleteNames(ctx context.Context, container string, names []string) error {
	if len(names) > 1 {
		err := s.deleteInBulk(ctx, container, names)
		if status(err) != http.StatusForbidden && status(err) != http.StatusMethodNotAllowed {
			return err
		}
	}
	for _, name := range names {
		err := s.insist(ctx, func() error { return s.connection.ObjectDelete(ctx, container, name) })
		if err != nil && status(err) != http.StatusNotFound {
			return err
		}
	}
	return nil
}

func (s *Store) deleteInBulk(ctx context.Context, container string, names []string) error {
	for page := range slices.Chunk(names, pageMost) {
		err := s.insist(ctx, func() error {
			result, err := s.connection.BulkDelete(ctx, container, page)
			for _, each := range result.Errors {
				err = errors.Join(err, each)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Sweep removes the segments of uploads that began longer than age ago and that no object names. Nothing but an upload
// that is under way is younger than its own end, so choose an age that no upload takes.
func (s *Store) Sweep(ctx context.Context, age time.Duration) error {
	named := map[string]string{} // the upload that each key's object names
	before := time.Now().Add(-age)
	err := s.listed(ctx, s.segments(), "", func(page []swift.Object) error {
		var orphans []string
		for _, each := range page {
			if each.LastModified.After(before) {
				continue
			}
			key, upload := segmentOf(each.Name)
			if objectstore.CheckKey(key) != nil {
				continue // not ours
			}
			if _, known := named[key]; !known {
				found, err := s.uploadOf(ctx, key)
				if err != nil {
					return err
				}
				named[key] = found
			}
			if named[key] != upload {
				orphans = append(orphans, each.Name)
			}
		}
		return s.deleteNames(ctx, s.segments(), orphans)
	})
	return s.explain(ctx, "", err)
}
