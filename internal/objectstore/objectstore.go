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
