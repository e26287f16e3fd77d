package api

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/monitor"
)

// eventLog is what the feed needs of the store.
type eventLog interface {
	EventsAfter(ctx context.Context, project id.Project, after int64, limit int) ([]event.Event, error)
	LastSequence(ctx context.Context) (int64, error)
	Listen(ctx context.Context, notify func(sequence int64)) error
}

const (
	feedKeeps   = 4096 // events in memory; readers further behind read the database
	feedBatch   = 500
	feedRetry   = time.Second
	feedRecheck = 15 * time.Second // reads without being told, should a notification ever be lost
)

// feed keeps the newest events in memory and wakes every stream when there are more, so that an event is read from the
// database once, however many look. Each reader has a cursor of its own and never loses an event: what is no longer
// here it reads from the database.
type feed struct {
	log     eventLog
	metrics *monitor.Metrics
	now     func() time.Time
	logger  *slog.Logger
	nudge   chan struct{}
	mutex   sync.Mutex
	events  []event.Event // newest last, without gaps between after and the last one
	after   int64         // every event above this and up to at is in events
	at      int64         // what was read up to
	primed  bool          // at was set once
	moved   chan struct{} // closed and replaced whenever at grows
}

func newFeed(log eventLog, metrics *monitor.Metrics, now func() time.Time, logger *slog.Logger) *feed {
	return &feed{log: log, metrics: metrics, now: now, logger: logger, nudge: make(chan struct{}, 1), moved: make(chan struct{})}
}

// run reads what is new until ctx ends.
func (f *feed) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := make(chan error, 1)
	go func() { listening <- f.log.Listen(ctx, func(int64) { f.wake() }) }()
	tick := time.NewTicker(feedRecheck)
	defer tick.Stop()
	for {
		if err := f.read(ctx); err != nil && ctx.Err() == nil {
			f.logger.WarnContext(ctx, "events cannot be read; trying again", "cause", causeOf(err))
			time.AfterFunc(feedRetry, f.wake)
		}
		select {
		case <-ctx.Done():
			return <-listening
		case <-f.nudge:
		case <-tick.C:
		}
	}
}

func (f *feed) wake() {
	select {
	case f.nudge <- struct{}{}:
	default:
	}
}

// read takes in everything new. Only run calls it.
func (f *feed) read(ctx context.Context) error {
	if !f.primed {
		last, err := f.log.LastSequence(ctx)
		if err != nil {
			return err
		}
		f.mutex.Lock()
		f.after, f.at, f.primed = last, last, true
		f.mutex.Unlock()
		f.announce()
	}
	for {
		found, err := f.log.EventsAfter(ctx, "", f.at, feedBatch)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return nil
		}
		f.take(found)
		f.metrics.EventsLag(f.now().Sub(found[len(found)-1].At))
		if len(found) < feedBatch {
			return nil
		}
	}
}

func (f *feed) take(found []event.Event) {
	f.mutex.Lock()
	f.events = append(f.events, found...)
	f.at = found[len(found)-1].Sequence
	if surplus := len(f.events) - feedKeeps; surplus > 0 {
		f.after = f.events[surplus-1].Sequence
		f.events = append([]event.Event(nil), f.events[surplus:]...)
	}
	f.mutex.Unlock()
	f.announce()
}

func (f *feed) announce() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	close(f.moved)
	f.moved = make(chan struct{})
}

// next returns the project's events behind after, and the cursor to go on from. Without any it returns a channel that is
// closed when there may be more.
func (f *feed) next(ctx context.Context, project id.Project, after int64) ([]event.Event, int64, <-chan struct{}, error) {
	f.mutex.Lock()
	moved, inMemory, at := f.moved, f.primed && after >= f.after, f.at
	if inMemory {
		found := visible(f.events, project, after)
		f.mutex.Unlock()
		return found, max(after, at), moved, nil
	}
	f.mutex.Unlock()
	found, err := f.log.EventsAfter(ctx, project, after, feedBatch)
	if err != nil {
		return nil, after, moved, err
	}
	if len(found) == 0 {
		return nil, max(after, at), moved, nil
	}
	return found, found[len(found)-1].Sequence, nil, nil
}

// visible copies the events behind after that the project may see: its own and the installation's.
func visible(events []event.Event, project id.Project, after int64) []event.Event {
	var found []event.Event
	first, _ := slices.BinarySearchFunc(events, after+1, func(e event.Event, sequence int64) int { return cmp.Compare(e.Sequence, sequence) })
	for _, each := range events[first:] {
		if project == "" || each.Project == "" || each.Project == string(project) {
			found = append(found, each)
		}
	}
	return found
}
