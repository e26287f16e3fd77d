package storage_test

import (
	"context"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/fake"
)

type closing struct {
	*fake.Pool
	closed *int
	forgot *int
}

func (c closing) Forget() { *c.forgot++ }

func (c closing) Close() { *c.closed++ }

func TestSetFollowsWhatIsDeclared(t *testing.T) {
	ctx := t.Context()
	opened, closed, forgot, broken := 0, 0, 0, true
	set := storage.NewSet(func(_ context.Context, definition pool.Definition) (storage.Pool, error) {
		if definition.Name == "broken" && broken {
			return nil, fault.Invalid("its directory belongs to another pool")
		}
		opened++
		return closing{fake.New(fake.Config{Name: definition.Name}), &closed, &forgot}, nil
	})
	if _, err := set.Pool("a"); !fault.Is(err, fault.KindUnavailable) || len(set.Facts(ctx)) != 0 {
		t.Fatalf("an empty set has pools: %v", err)
	}
	a := pool.Definition{ID: id.New[id.Pool](), Name: "a", Settings: pool.Settings{Local: &pool.LocalSettings{Directory: "/a"}}}
	bad := pool.Definition{ID: id.New[id.Pool](), Name: "broken", Settings: pool.Settings{Local: &pool.LocalSettings{Directory: "/b"}}}
	sealed := pool.Definition{ID: id.New[id.Pool](), Name: "sealed", Settings: pool.Settings{RBD: &pool.RBDSettings{}}, Problem: "its key is sealed"}
	all := []pool.Definition{bad, sealed, a}
	set.Declare(ctx, all)
	set.Declare(ctx, all)
	if opened != 1 || closed != 0 {
		t.Fatalf("opened %d and closed %d times for one pool that stayed as it was", opened, closed)
	}
	if _, err := set.Pool("a"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"broken", "sealed"} {
		if _, err := set.Pool(name); !fault.Is(err, fault.KindUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	facts := set.Facts(ctx)
	if len(facts) != 3 || facts[0].Name != "a" || !facts[0].Available || facts[1].Available || facts[1].Detail == "" || !facts[2].Shared || facts[2].Driver != "rbd" {
		t.Errorf("facts: %+v", facts)
	}
	broken = false
	set.Declare(ctx, all)
	if _, err := set.Pool("broken"); err != nil {
		t.Errorf("what could not be opened is not tried again: %v", err)
	}
	set.Renew("a")
	set.Renew("none")
	set.Declare(ctx, all)
	if opened != 3 || closed != 1 {
		t.Errorf("a pool that was to be renewed was not: opened %d, closed %d", opened, closed)
	}
	before, _ := set.Pool("a")
	changed := a
	changed.Key = "another"
	set.Declare(ctx, []pool.Definition{changed})
	after, err := set.Pool("a")
	if err != nil || before == after || closed != 3 || forgot != 1 {
		t.Errorf("a changed pool is not opened anew, or an old one not closed: %d, or forgotten: %d, %v", closed, forgot, err)
	}
	if _, err := set.Pool("broken"); err == nil {
		t.Error("a pool that is no longer declared is still there")
	}
}
