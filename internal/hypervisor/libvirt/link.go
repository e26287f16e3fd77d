//go:build cgo

package libvirt

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
)

const (
	reconnectFirst = 100 * time.Millisecond
	reconnectLast  = 2 * time.Second
	// A daemon is asked for a sign of life every pingEvery, and given up when none comes within pingPatience. libvirt's own
	// keepalives do not serve: when they gave a connection up, calls under way never returned, or the process crashed
	// (libvirt 9.0).
	pingEvery    = 3 * time.Second
	pingPatience = 12 * time.Second
	// openPatience is how long a daemon that accepts connections may take to say something.
	openPatience = 10 * time.Second
)

var eventLoop sync.Once

// startEventLoop runs libvirt's own event loop, one a process; without it there are no events, and no answers to
// the daemon's own keepalives.
func startEventLoop() {
	eventLoop.Do(func() {
		if err := virt.EventRegisterDefaultImpl(); err != nil {
			panic("BUG: libvirt refuses its own event loop: " + err.Error())
		}
		go func() {
			for {
				_ = virt.EventRunDefaultImpl() // it fails only for one round, and the next one polls again
			}
		}()
	})
}

// session is one connection. It is closed when it has been given up and the last call on it has returned, since libvirt
// frees a connection under the feet of those who use it.
type session struct {
	connection *virt.Connect
	lost       chan struct{}
	lose       sync.Once
	calls      sync.WaitGroup
	callbacks  []int // for events; libvirt must not call them while the connection is being freed
}

func openSession(uri string) (*session, error) {
	connection, err := virt.NewConnect(uri)
	if err != nil {
		return nil, err
	}
	s := &session{connection: connection, lost: make(chan struct{})}
	err = connection.RegisterCloseCallback(func(*virt.Connect, virt.ConnectCloseReason) { s.giveUp() })
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *session) giveUp() { s.lose.Do(func() { close(s.lost) }) }

// keepCallback notes a callback that was registered, for its end.
func (s *session) keepCallback(number int, err error) error {
	if err == nil {
		s.callbacks = append(s.callbacks, number)
	}
	return err
}

func (s *session) alive() bool {
	alive, err := s.connection.IsAlive()
	return err == nil && alive
}

// end closes the connection once nobody uses it.
func (s *session) end() {
	s.giveUp()
	s.calls.Wait()
	for _, callback := range s.callbacks {
		_ = s.connection.DomainEventDeregister(callback)
	}
	_ = s.connection.UnregisterCloseCallback()
	_, _ = s.connection.Close()
}

// openWithin opens a session, or gives up when ctx ends.
func openWithin(ctx context.Context, uri string) (*session, error) {
	type answer struct {
		fresh *session
		err   error
	}
	opened := make(chan answer)
	go func() {
		fresh, err := openSession(uri)
		select {
		case opened <- answer{fresh, err}:
		case <-ctx.Done():
			if err == nil {
				fresh.end()
			}
		}
	}()
	select {
	case got := <-opened:
		return got.fresh, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// link keeps one session open for as long as it lives.
type link struct {
	uri   string
	log   *slog.Logger
	greet func(*session) error // prepares each new session before anyone uses it; may be nil
	met   func()               // called when calls work again; may be nil
	done  chan struct{}
	ended chan struct{}
	once  sync.Once

	mutex   sync.Mutex
	current *session
	failure error
	changed chan struct{} // closed when current or failure changes
}

func newLink(uri string, log *slog.Logger, greet func(*session) error, met func()) *link {
	return &link{uri: uri, log: log, greet: greet, met: met, done: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{})}
}

// begin is called once, when whoever greet and met belong to is whole.
func (l *link) begin() { go l.keep() }

// keep connects, waits until the connection is lost, and connects again.
func (l *link) keep() {
	defer close(l.ended)
	wait := reconnectFirst
	for {
		fresh, err := l.open()
		l.set(fresh, err)
		if err == nil {
			wait = reconnectFirst
			if l.met != nil {
				go l.met()
			}
			l.set(nil, l.accompany(fresh))
			go fresh.end()
		}
		select {
		case <-l.done:
			return
		case <-time.After(wait):
		}
		wait = min(wait*2, reconnectLast)
	}
}

// accompany returns why a session must be replaced.
func (l *link) accompany(current *session) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-current.lost:
			return errLost
		case <-l.done:
			return errClosed
		case <-ping.C:
			current.ping()
		}
	}
}

// ping gives the session up if the daemon does not answer in time.
func (s *session) ping() {
	answered := make(chan struct{})
	s.calls.Add(1)
	go func() {
		defer s.calls.Done()
		_, _ = s.connection.GetLibVersion()
		close(answered)
	}()
	select {
	case <-answered:
	case <-s.lost:
	case <-time.After(pingPatience):
		s.giveUp()
	}
}

var (
	errLost   = errors.New("the connection is lost")
	errClosed = errors.New("the connection has been closed")
	errSilent = errors.New("the daemon accepts connections but does not speak")
)

// open connects. A daemon that stands still lets libvirt's own call wait for ever, so that callers are told meanwhile.
func (l *link) open() (*session, error) {
	opened := make(chan func() (*session, error), 1)
	go func() {
		fresh, err := openSession(l.uri)
		if err == nil && l.greet != nil {
			if err = l.greet(fresh); err != nil {
				fresh.end()
			}
		}
		opened <- func() (*session, error) { return fresh, err }
	}()
	slow := time.After(openPatience)
	for {
		select {
		case answer := <-opened:
			return answer()
		case <-slow:
			l.set(nil, errSilent)
		case <-l.done:
			go func() {
				if fresh, err := (<-opened)(); err == nil {
					fresh.end()
				}
			}()
			return nil, errClosed
		}
	}
}

func (l *link) set(current *session, failure error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if failure != nil && !errors.Is(failure, errClosed) && l.failure == nil {
		l.log.Warn("libvirt does not answer", "uri", l.uri, "error", failure)
	}
	l.current, l.failure = current, failure
	close(l.changed)
	l.changed = make(chan struct{})
}

// enter returns the session for one call, which must call calls.Done when it has ended. It waits for the first connection to succeed or fail.
func (l *link) enter(ctx context.Context) (*session, error) {
	for {
		l.mutex.Lock()
		current, failure, changed := l.current, l.failure, l.changed
		if current != nil {
			current.calls.Add(1)
		}
		l.mutex.Unlock()
		if current != nil {
			return current, nil
		}
		if failure != nil {
			return nil, away(failure)
		}
		select {
		case <-ctx.Done():
			return nil, away(ctx.Err())
		case <-changed:
		}
	}
}

func (l *link) close() {
	l.once.Do(func() { close(l.done) })
	<-l.ended
}

func away(cause error) error {
	return fault.Unavailable("libvirt does not answer on this host; try again when its daemon is back").Because(cause)
}

// call runs one use of libvirt and waits for it until ctx ends. libvirt's calls cannot be interrupted: one that ctx
// leaves behind goes on and its answer is dropped.
func call[T any](ctx context.Context, l *link, use func(*virt.Connect) (T, error)) (T, error) {
	var zero T
	current, err := l.enter(ctx)
	if err != nil {
		return zero, err
	}
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		defer current.calls.Done()
		value, err := use(current.connection)
		if isConnectionLost(err) && !current.alive() {
			current.giveUp()
		}
		answers <- answer{value, err}
	}()
	select {
	case <-ctx.Done():
		return zero, fault.Unavailable("libvirt did not answer in time").Because(ctx.Err())
	case <-current.lost: // a call that was under way then was seen never to return
		return zero, away(errLost)
	case got := <-answers:
		return got.value, translate(got.err)
	}
}

// run is call without a value.
func run(ctx context.Context, l *link, use func(*virt.Connect) error) error {
	_, err := call(ctx, l, func(connection *virt.Connect) (struct{}, error) { return struct{}{}, use(connection) })
	return err
}
