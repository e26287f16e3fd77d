package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/schemas"
)

// Variable is the environment variable that names a PostgreSQL server for tests.
const Variable = "NOVACRON_TEST_DATABASE_URL"

// prepareTimeout is for starting a server and migrating the template on a busy machine.
const prepareTimeout = 2 * time.Minute

// New returns a store over a fresh, migrated database, which is dropped when the test ends.
func New(t testing.TB) *store.Store {
	t.Helper()
	opened, err := store.Open(t.Context(), DSN(t))
	if err != nil {
		t.Fatalf("open the test database: %v", explain(err))
	}
	t.Cleanup(opened.Close)
	return opened
}

// DSN returns the name of a fresh, migrated database, which is dropped when the test ends.
func DSN(t testing.TB) string {
	t.Helper()
	ready, err := prepared()
	if err != nil {
		t.Fatalf("no PostgreSQL for tests: %v", explain(err))
	}
	name := "nct_" + randomHex()
	if err := ready.execute("create database " + name + " template " + ready.template); err != nil {
		t.Fatalf("clone the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := ready.execute("drop database " + name + " with (force)"); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return withDatabase(ready.server, name)
}

// prepared gives the server with its template, made once for each test binary.
var prepared = sync.OnceValues(func() (*template, error) {
	server := os.Getenv(Variable)
	if server == "" {
		started, err := startServer()
		if err != nil {
			return nil, err
		}
		server = started
	}
	return makeTemplate(server)
})

// template is a migrated database on a server.
type template struct {
	server   string // DSN of any database of the server
	template string
}

// makeTemplate migrates a database that is named after the migrations, so that test binaries which share a server share
// it too. A half-made one of a binary that was killed is migrated on: migrations are transactions.
func makeTemplate(server string) (*template, error) {
	ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
	defer cancel()
	hash, err := migrationsHash()
	if err != nil {
		return nil, err
	}
	made := &template{server: server, template: "nct_template_" + hash}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	// Others wait until the template is whole; the lock goes with the connection.
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtext($1))", made.template); err != nil {
		return nil, err
	}
	var whole bool
	err = conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1 and datistemplate)", made.template).Scan(&whole)
	if err != nil || whole {
		return made, err
	}
	var begun bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", made.template).Scan(&begun); err != nil {
		return nil, err
	}
	if !begun {
		if _, err := conn.Exec(ctx, "create database "+made.template); err != nil {
			return nil, err
		}
	}
	if err := store.Migrate(ctx, withDatabase(server, made.template)); err != nil {
		return nil, explain(err)
	}
	_, err = conn.Exec(ctx, "alter database "+made.template+" is_template true")
	return made, err
}

func migrationsHash() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(schemas.Migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := schemas.Migrations.ReadFile(path)
		_, _ = fmt.Fprintf(sum, "%s %x\n", path, sha256.Sum256(text))
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}

// execute runs one statement on the server, on a connection of its own: tests run in parallel.
func (t *template) execute(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, t.server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// withDatabase is the DSN with another database, in either of libpq's two forms.
func withDatabase(dsn, name string) string {
	if !strings.Contains(dsn, "://") {
		return dsn + " dbname=" + name
	}
	scheme, rest, _ := strings.Cut(dsn, "://")
	rest, query, asked := strings.Cut(rest, "?")
	authority, _, _ := strings.Cut(rest, "/")
	changed := scheme + "://" + authority + "/" + name
	if asked {
		changed += "?" + query
	}
	return changed
}

func randomHex() string {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
	return hex.EncodeToString(raw[:])
}
