package fake

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

// Store is an object store in memory. It is safe for concurrent use.
type Store struct {
	// Before and After, if set, are asked around each call with its name ("Put") and key or prefix: an error from Before
	// means that the call did nothing, one from After that it did its work and the answer was lost. Set them before use.
	Before, After func(call, key string) error

	lock    sync.Mutex
	objects map[string]object
}

type object struct {
	content []byte
	at      time.Time
}

var _ objectstore.Store = (*Store)(nil)

// New makes an empty store.
func New() *Store { return &Store{objects: make(map[string]object)} }

// Keys returns every key in order.
func (s *Store) Keys() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Bytes returns how many bytes the objects have.
func (s *Store) Bytes() int64 {
	s.lock.Lock()
	defer s.lock.Unlock()
	total := int64(0)
	for _, object := range s.objects {
		total += int64(len(object.content))
	}
	return total
}

// Damage replaces an object's bytes by what change makes of a copy of them; nil removes the object.
func (s *Store) Damage(key string, change func(content []byte) []byte) {
	s.lock.Lock()
	defer s.lock.Unlock()
	content := change(bytes.Clone(s.objects[key].content))
	if content == nil {
		delete(s.objects, key)
		return
	}
	s.objects[key] = object{content: content, at: s.objects[key].at}
}

func (s *Store) around(ctx context.Context, call, key string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.Before != nil {
		if err := s.Before(call, key); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if s.After != nil {
		return s.After(call, key)
	}
	return nil
}

// Put implements objectstore.Store.
func (s *Store) Put(ctx context.Context, key string, content io.Reader, size int64) error {
	if err := objectstore.CheckKey(key); err != nil {
		return err
	}
	return s.around(ctx, "Put", key, func() error {
		read, err := io.ReadAll(io.LimitReader(content, size+1))
		switch {
		case err != nil:
			return fault.Unavailable("an object broke off: send it again").Because(err)
		case int64(len(read)) < size:
			return fault.Unavailable("an object was announced with %d bytes and broke off after %d: send it again", size, len(read))
		case int64(len(read)) > size:
			return fault.Invalid("an object was announced with %d bytes and has more: send it again", size)
		}
		s.lock.Lock()
		defer s.lock.Unlock()
		s.objects[key] = object{content: read, at: time.Now().UTC()}
		return nil
	})
}

// Get implements objectstore.Store.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (reader io.ReadCloser, err error) {
	found, err := s.find(ctx, "Get", key)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > int64(len(found.content)) {
		return nil, fault.Invalid("byte %d lies outside the object, which has %d", offset, len(found.content))
	}
	rest := found.content[offset:]
	if length >= 0 {
		rest = rest[:min(length, int64(len(rest)))]
	}
	return io.NopCloser(bytes.NewReader(rest)), nil
}

// Stat implements objectstore.Store.
func (s *Store) Stat(ctx context.Context, key string) (objectstore.Object, error) {
	found, err := s.find(ctx, "Stat", key)
	if err != nil {
		return objectstore.Object{}, err
	}
	return objectstore.Object{Key: key, SizeBytes: int64(len(found.content)), ModifiedAt: found.at}, nil
}

func (s *Store) find(ctx context.Context, call, key string) (found object, err error) {
	if err := objectstore.CheckKey(key); err != nil {
		return object{}, err
	}
	err = s.around(ctx, call, key, func() error {
		s.lock.Lock()
		defer s.lock.Unlock()
		var exists bool
		if found, exists = s.objects[key]; !exists {
			return fault.NotFound("there is no object %s", key)
		}
		return nil
	})
	return found, err
}

// List implements objectstore.Store.
func (s *Store) List(ctx context.Context, prefix string, visit func(objectstore.Object) error) error {
	if err := objectstore.CheckPrefix(prefix); err != nil {
		return err
	}
	return s.around(ctx, "List", prefix, func() error {
		s.lock.Lock()
		var found []objectstore.Object
		for key, object := range s.objects {
			if strings.HasPrefix(key, prefix) {
				found = append(found, objectstore.Object{Key: key, SizeBytes: int64(len(object.content)), ModifiedAt: object.at})
			}
		}
		s.lock.Unlock()
		slices.SortFunc(found, func(a, b objectstore.Object) int { return strings.Compare(a.Key, b.Key) })
		for _, object := range found {
			if err := visit(object); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delete implements objectstore.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := objectstore.CheckKey(key); err != nil {
		return err
	}
	return s.around(ctx, "Delete", key, func() error {
		s.lock.Lock()
		defer s.lock.Unlock()
		delete(s.objects, key)
		return nil
	})
}
