package workflows

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

// These tests need hundreds of empty inventories. Emptying one that a test is done with takes some milliseconds, making and
// dropping one takes a hundred times that.

// database is an inventory that one test after the other uses.
type database struct {
	store *store.Store
	pool  *pgxpool.Pool
	empty string // the statement that empties it
}

var databases struct {
	mutex sync.Mutex
	idle  []*database
	owner lasting
}

func TestMain(m *testing.M) {
	status := m.Run()
	databases.owner.end()
	os.Exit(status)
}

// lasting stands for a test that lasts as long as the binary, so that what is made for it is kept.
type lasting struct {
	testing.TB
	cleanups []func()
}

func (l *lasting) Cleanup(work func())      { l.cleanups = append(l.cleanups, work) }
func (l *lasting) Context() context.Context { return context.Background() }

func (l *lasting) end() {
	for i := len(l.cleanups); i > 0; i-- {
		l.cleanups[i-1]()
	}
}

// emptyStore lends an empty inventory for as long as the test runs.
func emptyStore(t *testing.T) *store.Store {
	t.Helper()
	databases.mutex.Lock()
	defer databases.mutex.Unlock()
	var lent *database
	if last := len(databases.idle) - 1; last >= 0 {
		lent, databases.idle = databases.idle[last], databases.idle[:last]
	} else {
		lent = makeDatabase(t)
	}
	t.Cleanup(func() {
		if _, err := lent.pool.Exec(context.Background(), lent.empty); err != nil {
			t.Errorf("empty the inventory: %v", err)
			return
		}
		databases.mutex.Lock()
		defer databases.mutex.Unlock()
		databases.idle = append(databases.idle, lent)
	})
	return lent.store
}

func makeDatabase(t *testing.T) *database {
	t.Helper()
	owner := &databases.owner
	owner.TB = t // for what fails while it is made
	dsn := storetest.DSN(owner)
	ctx := context.Background()
	opened, err := store.Open(ctx, dsn)
	must(t, err)
	owner.Cleanup(opened.Close)
	pool, err := pgxpool.New(ctx, dsn)
	must(t, err)
	owner.Cleanup(pool.Close)
	// Partitions are emptied through their parents; what the migrations filled in stays.
	rows, err := pool.Query(ctx, `select format('delete from %I', relname) from pg_class c
		where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and relname not like 'goose%'`)
	must(t, err)
	statements := []string{"begin", "set local session_replication_role = replica"}
	for rows.Next() {
		var statement string
		must(t, rows.Scan(&statement))
		statements = append(statements, statement)
	}
	must(t, rows.Err())
	return &database{store: opened, pool: pool, empty: strings.Join(append(statements, "commit"), ";")}
}
