package store

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/store/db"
)

// change is a transaction with the events that it will write. Events are held back until the end because their sequences
// are drawn under a lock on the whole log, which must be short and must come after every other lock.
type change struct {
	*db.Queries
	tx      pgx.Tx
	events  []event.Event
	discard bool // roll back although all went well
}

// change runs work in a transaction: all of it happens, or nothing.
func (s *Store) change(ctx context.Context, work func(*change) error) error {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return translate(err)
	}
	// After a commit this does nothing; before one it must happen even if ctx has ended.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	open := &change{Queries: s.queries.WithTx(tx), tx: tx}
	if err := work(open); err != nil {
		return translate(err)
	}
	return translate(open.commit(ctx))
}

func (c *change) commit(ctx context.Context) error {
	if c.discard {
		return nil
	}
	if len(c.events) > 0 {
		if err := c.writeEvents(ctx); err != nil {
			return err
		}
	}
	return c.tx.Commit(ctx)
}

func (c *change) writeEvents(ctx context.Context) error {
	if err := c.LockEvents(ctx); err != nil {
		return err
	}
	var last int64
	for _, happened := range c.events {
		sequence, err := c.InsertEvent(ctx, db.InsertEventParams{
			Type: happened.Type, ProjectID: orNull(happened.Project), SubjectKind: happened.SubjectKind,
			SubjectID: happened.SubjectID, OperationID: orNull(happened.Operation), Data: happened.Data,
		})
		if err != nil {
			return err
		}
		last = sequence
	}
	return c.NotifyEvents(ctx, formatSequence(last))
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
