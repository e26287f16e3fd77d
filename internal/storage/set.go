package storage

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
)

// Opener opens a pool as its definition says. A pool that is not available now is no error; a definition that this host
// cannot follow is.
type Opener func(ctx context.Context, definition pool.Definition) (Pool, error)

// Set is the pools that a host has, as they are declared now. It is safe for concurrent use.
type Set struct {
	open      Opener
	declaring sync.Mutex
	members   atomic.Pointer[map[string]member]
}

type member struct {
	definition pool.Definition
	pool       Pool  // nil if it could not be opened
	err        error // why
}

// NewSet returns an empty set.
func NewSet(open Opener) *Set {
	s := &Set{open: open}
	s.members.Store(&map[string]member{})
	return s
}

// Declare makes the set follow the definitions: what is new, changed or could not be opened is opened, what is gone is
// closed. Whoever uses a pool that is closed under it gets Unavailable and finds the new one when it tries again.
func (s *Set) Declare(ctx context.Context, definitions []pool.Definition) {
	s.declaring.Lock()
	defer s.declaring.Unlock()
	before, now := *s.members.Load(), map[string]member{}
	for _, each := range definitions {
		if known, found := before[each.Name]; found && known.err == nil && reflect.DeepEqual(known.definition, each) {
			now[each.Name] = known
			continue
		}
		fresh := member{definition: each}
		fresh.pool, fresh.err = s.openOne(ctx, each)
		now[each.Name] = fresh
	}
	s.members.Store(&now)
	for name, old := range before {
		if old.pool != nil && old.pool != now[name].pool {
			leave(old.pool, old.definition.ID != now[name].definition.ID)
		}
	}
}

// leave closes a pool; one that is no longer declared also forgets what the host keeps of it beside it.
func leave(old Pool, gone bool) {
	if forgetful, able := old.(interface{ Forget() }); able && gone {
		forgetful.Forget()
	}
	if closer, able := old.(interface{ Close() }); able {
		closer.Close()
	}
}

func (s *Set) openOne(ctx context.Context, definition pool.Definition) (Pool, error) {
	if definition.Problem != "" {
		return nil, fault.Unavailable("pool %s cannot be opened: %s", definition.Name, definition.Problem)
	}
	return s.open(ctx, definition)
}

// Renew has a pool opened anew at the next Declare, whatever its definition is then.
func (s *Set) Renew(name string) {
	s.declaring.Lock()
	defer s.declaring.Unlock()
	now := maps.Clone(*s.members.Load())
	if old, known := now[name]; known {
		old.definition.Settings = pool.Settings{}
		now[name] = old
	}
	s.members.Store(&now)
}

// Pool finds a pool by name; Unavailable if the host does not have it, or cannot open it.
func (s *Set) Pool(name string) (Pool, error) {
	found, known := (*s.members.Load())[name]
	switch {
	case !known:
		return nil, fault.Unavailable("this host has no pool %q; declare it for the host, or choose another host", name)
	case found.err != nil:
		return nil, fault.Unavailable("this host cannot use pool %s: %s", name, found.err).Because(found.err)
	}
	return found.pool, nil
}

// Each visits the pools that are open, by name.
func (s *Set) Each(visit func(name string, open Pool)) {
	members := *s.members.Load()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if each := members[name]; each.err == nil {
			visit(name, each.pool)
		}
	}
}

// HasRoom reports whether the pool that holds the volume can take so many bytes more now.
func (s *Set) HasRoom(ctx context.Context, of id.Volume, bytes int64) bool {
	for _, each := range *s.members.Load() {
		if each.err != nil {
			continue
		}
		if _, err := each.pool.InspectVolume(ctx, of); err == nil {
			fact := each.pool.Fact(ctx)
			return fact.Available && fact.CapacityBytes-fact.UsedBytes >= bytes
		}
	}
	return false
}

// factTimeout is how long a pool may take to describe itself: one that hangs must not keep the host from saying that it lives.
const factTimeout = 5 * time.Second

// Facts describes the pools, by name; one that could not be opened is not available.
func (s *Set) Facts(ctx context.Context) []host.PoolFact {
	ctx, stop := context.WithTimeout(ctx, factTimeout)
	defer stop()
	members := *s.members.Load()
	facts := make([]host.PoolFact, len(members))
	var asked sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(members)) {
		asked.Go(func() { facts[i] = members[name].fact(ctx, name) })
	}
	asked.Wait()
	return facts
}

func (m member) fact(ctx context.Context, name string) host.PoolFact {
	if m.err == nil {
		return m.pool.Fact(ctx)
	}
	settings := m.definition.Settings
	return host.PoolFact{Name: name, Driver: string(settings.Driver()), Shared: settings.Shared(), Detail: m.err.Error()}
}
