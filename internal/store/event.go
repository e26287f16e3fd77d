package store

import (
	"context"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/id"
)

// AppendEvent records something that happened apart from any change here, such as an observation of a host. Sequence and
// At are given by the store.
func (s *Store) AppendEvent(ctx context.Context, happened event.Event) error { return errUnbuilt }

// EventsAfter returns up to limit events (1 to MaxPage; 0 means DefaultPage) of the project and of the installation with a
// sequence above after, in order. Nothing with a lower sequence can appear later.
func (s *Store) EventsAfter(ctx context.Context, project id.Project, after int64, limit int) ([]event.Event, error) {
	return nil, errUnbuilt
}

// LastSequence is the sequence of the newest event, 0 if there is none.
func (s *Store) LastSequence(ctx context.Context) (int64, error) { return 0, errUnbuilt }

// Listen calls notify with the sequence of each new event until ctx ends, which is its only error. Calls may be merged:
// read with EventsAfter. It reconnects by itself and then calls notify once, so that nothing is missed.
func (s *Store) Listen(ctx context.Context, notify func(sequence int64)) error { return errUnbuilt }
