package backuprepo_test

import (
	"context"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

// late is a store whose lists do not show what is younger than a while.
type late struct{ *fake.Store }

const lag = 300 * time.Millisecond

func (late) ListLag() time.Duration { return lag }

func (l late) List(ctx context.Context, prefix string, visit func(objectstore.Object) error) error {
	return l.Store.List(ctx, prefix, func(each objectstore.Object) error {
		if time.Since(each.ModifiedAt) < lag {
			return nil
		}
		return visit(each)
	})
}

// TestDeleteWhileListsLag deletes backups that lists do not show yet.
func TestDeleteWhileListsLag(t *testing.T) {
	store := fake.New()
	repository, err := backuprepo.Open(t.Context(), late{store})
	if err != nil {
		t.Fatal(err)
	}
	source, full, next, _, nextResult := chain(t, repository)
	if err := repository.Delete(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	wantRestored(t, repository, nextResult.Manifest, content(t, source))
	checkNothingLeft(t, store, repository, next)
}
