package store

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Store is the inventory. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
}

// Open connects to the database that dsn names (a URL or keyword=value pairs, see
// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING) and asks it for an answer. The error is
// fault.Invalid for a malformed dsn and fault.Unavailable if nothing answers.
func Open(ctx context.Context, dsn string) (*Store, error) { return nil, errUnbuilt }

// Migrate brings the schema up to date; several processes may call it at once. The error is fault.Unavailable if the
// database does not answer.
func Migrate(ctx context.Context, dsn string) error { return errUnbuilt }

// Close lets go of all connections, waiting for those in use.
func (s *Store) Close() { s.pool.Close() }

// Ping asks the database for an answer; the error is fault.Unavailable.
func (s *Store) Ping(ctx context.Context) error { return errUnbuilt }
