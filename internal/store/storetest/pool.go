package storetest

import (
	"context"
	"testing"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/store"
)

// AddShared declares the pool "shared", which all hosts see alike. The pool "local" is there from the beginning.
func AddShared(t testing.TB, inventory *store.Store) pool.Pool {
	t.Helper()
	shared := pool.Pool{
		ID: id.New[id.Pool](), Name: "shared", Tier: pool.Warm, Overcommit: pool.DefaultOvercommit,
		Settings: pool.Settings{Local: &pool.LocalSettings{Directory: "/srv/novacron/shared", Shared: true}},
	}
	if err := inventory.AddPool(context.Background(), store.SealedPool{Pool: shared}); err != nil {
		t.Fatalf("declare the shared pool: %v", err)
	}
	return shared
}
