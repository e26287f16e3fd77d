package store

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/store/db"
)

// change is a transaction with the events that it will write. Events are held back until the end because their sequences
// are drawn under a lock on the whole log, which must be short and must come after every other lock.
type change struct {
	*db.Queries
	opening opening
	events  []event.Event
	discard bool // roll back although all went well
}

// change runs work in a transaction: all of it happens, or nothing.
func (s *Store) change(ctx context.Context, work func(*change) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return translate(err)
	}
	defer conn.Release() // which closes a connection whose transaction is still open
	open := &change{opening: opening{conn: conn}}
	open.Queries = db.New(&open.opening)
	err = work(open)
	if err == nil && !open.discard {
		err = open.commit(ctx)
	}
	if err != nil || open.discard {
		open.rollBack(ctx)
	}
	return translate(err)
}

// rollBack must happen even if ctx has ended. If it fails, the connection is closed.
func (c *change) rollBack(ctx context.Context) {
	if c.opening.begun {
		_, _ = c.opening.conn.Exec(context.WithoutCancel(ctx), "rollback")
	}
}

// commit writes the events and commits in one round trip, since everybody else's wait for the lock lasts as long.
func (c *change) commit(ctx context.Context) error {
	var last later
	if !c.opening.begun {
		c.opening.begun = true
		last.batch.Queue(begin)
	}
	if len(c.events) > 0 {
		if err := db.New(&last).AppendEvents(ctx, c.eventRows()); err != nil {
			return err
		}
	}
	last.batch.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	return c.opening.conn.SendBatch(ctx, &last.batch).Close()
}

// later keeps statements to be sent together.
type later struct {
	db.DBTX // for what cannot be kept, which panics
	batch   pgx.Batch
}

func (l *later) Exec(_ context.Context, statement string, args ...any) (pgconn.CommandTag, error) {
	l.batch.Queue(statement, args...)
	return pgconn.CommandTag{}, nil
}

func (c *change) eventRows() db.AppendEventsParams {
	var rows db.AppendEventsParams
	for _, happened := range c.events {
		rows.Types = append(rows.Types, happened.Type)
		rows.Projects = append(rows.Projects, happened.Project)
		rows.SubjectKinds = append(rows.SubjectKinds, happened.SubjectKind)
		rows.SubjectIds = append(rows.SubjectIds, happened.SubjectID)
		rows.Operations = append(rows.Operations, happened.Operation)
		rows.Datas = append(rows.Datas, string(happened.Data))
	}
	return rows
}

// emit adds an event to the transaction; data is marshalled and must be able to be.
func (c *change) emit(happened event.Event, data any) {
	happened.Data = marshal(data)
	c.events = append(c.events, happened)
}

// marshal is for our own nouns, which always have a JSON form.
func marshal(value any) json.RawMessage {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic("BUG: a noun without a JSON form: " + err.Error())
	}
	return encoded
}
