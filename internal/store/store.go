package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/schemas"
)

const (
	// defaultConnections leaves room for reads while many acceptances wait for each other; pool_max_conns in the DSN
	// overrides it.
	defaultConnections = 16
	// patience is how long a transaction may idle, or wait for a lock.
	patience = "15s"
)

// Store is the inventory. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	queries *db.Queries // outside any transaction
}

// Open connects to the database that dsn names (a URL or keyword=value pairs, see
// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING) and asks it for an answer. The error is
// fault.Invalid for a malformed dsn and fault.Unavailable if nothing answers.
func Open(ctx context.Context, dsn string) (*Store, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, malformed(err)
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		config.MaxConns = defaultConnections
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "novacron"
	// A process that is frozen in mid-transaction holds the event log; the others must not wait for it for ever.
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = patience
	config.ConnConfig.RuntimeParams["lock_timeout"] = patience
	// Filters are written as (@x = '' or column = @x): a plan made for the values at hand uses the right index, a generic
	// one could not.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	// Every query here is short, and compiling one takes longer than running it.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	config.AfterConnect = scanTimesAsUTC
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, translate(err)
	}
	opened := &Store{pool: pool, queries: db.New(pool)}
	if err := opened.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return opened, nil
}

func malformed(err error) error {
	return fault.Invalid("the database URL is malformed; it should look like postgres://user@/novacron?host=/run/postgresql").Because(err)
}

func scanTimesAsUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// Migrate brings the schema up to date; several processes may call it at once. The error is fault.Unavailable if the
// database does not answer.
func Migrate(ctx context.Context, dsn string) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return malformed(err)
	}
	connections := stdlib.OpenDB(*config)
	return errors.Join(migrate(ctx, connections), translate(connections.Close()))
}

func migrate(ctx context.Context, connections *sql.DB) error {
	if err := connections.PingContext(ctx); err != nil {
		return translate(err)
	}
	migrations, err := fs.Sub(schemas.Migrations, "migrations")
	if err != nil {
		return translate(err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return translate(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, connections, migrations, goose.WithSessionLocker(locker))
	if err != nil {
		return translate(err)
	}
	_, err = provider.Up(ctx)
	return translate(err)
}

// Close lets go of all connections, waiting for those in use.
func (s *Store) Close() { s.pool.Close() }

// Ping asks the database for an answer; the error is fault.Unavailable.
func (s *Store) Ping(ctx context.Context) error { return translate(s.pool.Ping(ctx)) }
