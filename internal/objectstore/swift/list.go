package swift

import (
	"context"
	"time"

	"github.com/ncw/swift/v2"

	"github.com/novacron/novacron/internal/objectstore"
)

const pageMost = 1000

// ListLag implements objectstore.Lagging: a container server that was too busy hears of objects from the object updater.
func (s *Store) ListLag() time.Duration { return time.Minute }

// List implements objectstore.Store.
func (s *Store) List(ctx context.Context, prefix string, visit func(objectstore.Object) error) error {
	if err := objectstore.CheckPrefix(prefix); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var stopped error
	err := s.listed(ctx, s.config.Container, prefix, func(page []swift.Object) error {
		for _, each := range page {
			if stopped = visit(objectstore.Object{Key: each.Name, SizeBytes: each.Bytes, ModifiedAt: each.LastModified.UTC()}); stopped != nil {
				return stopped
			}
		}
		return nil
	})
	if stopped != nil {
		return stopped
	}
	return s.explain(ctx, "", err)
}

// listed visits the names of a container page by page. Each page begins behind the last name of the one before, so that
// what is deleted meanwhile does no harm.
func (s *Store) listed(ctx context.Context, container, prefix string, visit func([]swift.Object) error) error {
	marker := ""
	for {
		var page []swift.Object
		err := s.insist(ctx, func() (err error) {
			page, err = s.connection.Objects(ctx, container, &swift.ObjectsOpts{Prefix: prefix, Marker: marker, Limit: pageMost})
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		marker = page[len(page)-1].Name
		if err := visit(page); err != nil {
			return err
		}
	}
}
