package objectstore

import (
	"context"
	"io"
	"time"
)

// Store holds objects.
type Store interface {
	// Put stores size bytes under key, replacing what was there, durably before it returns. An error leaves the old object.
	Put(ctx context.Context, key string, content io.Reader, size int64) error
	// Get reads length bytes from offset; a negative length means to the end. NotFound if there is no such object.
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Stat describes an object; NotFound if there is none.
	Stat(ctx context.Context, key string) (Object, error)
	// List calls visit for each object whose key begins with prefix, in order of keys, until it returns an error.
	List(ctx context.Context, prefix string, visit func(Object) error) error
	// Delete removes an object; a missing one is fine.
	Delete(ctx context.Context, key string) error
}

// Object describes one object.
type Object struct {
	Key        string
	SizeBytes  int64
	ModifiedAt time.Time
}

// BulkDeleter is the optional power to remove many objects in few requests.
type BulkDeleter interface {
	// DeleteAll removes the objects; missing ones are fine. After an error some may be gone: call it again.
	DeleteAll(ctx context.Context, keys []string) error
}

// Clearer is the optional power to remove all that is below a prefix, also what interrupted Puts left there, which no list
// shows. The caller knows that nobody is putting anything there.
type Clearer interface {
	// Clear removes the objects whose keys begin with the prefix; none is fine. After an error some may be gone: call it again.
	Clear(ctx context.Context, prefix string) error
}

// DeleteAll removes objects of a store in as few requests as it can; missing ones are fine.
func DeleteAll(ctx context.Context, store Store, keys []string) error {
	if able, ok := store.(BulkDeleter); ok && len(keys) > 1 {
		return able.DeleteAll(ctx, keys)
	}
	for _, key := range keys {
		if err := store.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// Lagging is the optional confession that List may for a while not show what was just stored, and show what was just
// deleted. Get and Stat never lag.
type Lagging interface {
	// ListLag is how long that may last while the store is well.
	ListLag() time.Duration
}
