package store

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
)

const eventChannel = "novacron_events"

// reconnectAfter is how long Listen waits before it tries a lost connection again.
const reconnectAfter = 500 * time.Millisecond

// AppendEvent records something that happened apart from any change here, such as an observation of a host. Sequence and
// At are given by the store.
func (s *Store) AppendEvent(ctx context.Context, happened event.Event) error {
	return s.change(ctx, func(c *change) error {
		c.events = append(c.events, happened)
		return nil
	})
}

// EventsAfter returns up to limit events (1 to MaxPage; 0 means DefaultPage) of the project and of the installation with a
// sequence above after, in order. Nothing with a lower sequence can appear later.
func (s *Store) EventsAfter(ctx context.Context, project id.Project, after int64, limit int) ([]event.Event, error) {
	size, err := pageSize(limit)
	if err != nil {
		return nil, err
	}
	rows, err := s.queries.EventsAfter(ctx, after, string(project), int32(size))
	return mapRows(rows, err, eventOf)
}

func eventOf(row db.Event) (event.Event, error) {
	return event.Event{
		Sequence: row.Sequence, At: row.At, Type: row.Type, Project: fromNull[string](row.ProjectID),
		SubjectKind: row.SubjectKind, SubjectID: row.SubjectID, Operation: fromNull[string](row.OperationID), Data: row.Data,
	}, nil
}

// LastSequence is the sequence of the newest event, 0 if there is none.
func (s *Store) LastSequence(ctx context.Context) (int64, error) {
	last, err := s.queries.LastSequence(ctx)
	return last, translate(err)
}

// Listen calls notify with the sequence of each new event until ctx ends, which is its only error. Calls may be merged:
// read with EventsAfter. It calls notify with the last sequence whenever it has connected, the first time and after each
// loss of the connection, so that nothing is missed.
func (s *Store) Listen(ctx context.Context, notify func(sequence int64)) error {
	for {
		s.listenOnce(ctx, notify)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reconnectAfter):
		}
	}
}

// listenOnce returns when the connection is lost. It has one of its own, since it would otherwise keep one of the pool's.
func (s *Store) listenOnce(ctx context.Context, notify func(sequence int64)) {
	config := s.pool.Config().ConnConfig
	config.RuntimeParams["application_name"] = "novacron-listen"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "listen "+eventChannel); err != nil {
		return
	}
	last, err := db.New(conn).LastSequence(ctx)
	for err == nil {
		notify(last)
		last, err = awaitSequence(ctx, conn)
	}
}

func awaitSequence(ctx context.Context, conn *pgx.Conn) (int64, error) {
	notification, err := conn.WaitForNotification(ctx)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(notification.Payload, 10, 64)
}
