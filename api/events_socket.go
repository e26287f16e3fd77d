package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/id"
)

// Codes with which the server closes a WebSocket, beside those of RFC 6455. 4000 and up are free for applications.
const (
	closeMalformed websocket.StatusCode = 4000 // the client sent something that makes no sense
	closeSignedOut websocket.StatusCode = 4001 // its token is no longer good
)

const (
	pingEvery    = 20 * time.Second
	pingTimeout  = 10 * time.Second
	mostWatched  = 100
	maxSocketIn  = 64 << 10 // bytes of one message from a client
	helloTimeout = 15 * time.Second
)

// socketMessage is what a client of the event stream may say.
type socketMessage struct {
	After *int64          `json:"after"`
	Watch *[]id.Operation `json:"watch"`
}

// eventStream is one client's connection to the event stream.
type eventStream struct {
	server  *Server
	socket  *websocket.Conn
	traffic context.Context // of reads and writes
	where   reach
	viewer  *viewer
	mutex   sync.Mutex
	watched map[id.Operation]bool
	begin   chan int64
	begun   bool
}

// serveEvents upgrades the request and streams until either side ends it.
func (s *Server) serveEvents(c *gin.Context, where reach) {
	request := c.Request
	socket, err := websocket.Accept(c.Writer, request, nil)
	if err != nil {
		return // Accept has answered
	}
	defer s.metrics.Socket("events")()
	socket.SetReadLimit(maxSocketIn)
	ctx, cancel := context.WithCancelCause(request.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.stopping, func() { cancel(closing{websocket.StatusGoingAway, "the server is stopping; connect again"}) })()
	// The library drops a connection whose read or write is cancelled, so those have a context that lasts until the
	// closing frame has been sent.
	traffic, hangUp := context.WithCancel(request.Context())
	defer hangUp()
	stream := &eventStream{
		server: s, socket: socket, traffic: traffic, where: where, viewer: newViewer(), watched: map[id.Operation]bool{}, begin: make(chan int64, 1),
	}
	defer stream.unwatch()
	go func() { cancel(stream.receive()) }()
	go func() { cancel(stream.heartbeat(ctx, request)) }()
	cancel(stream.send(ctx))
	code, reason := websocket.StatusNormalClosure, ""
	if why, ok := errors.AsType[closing](context.Cause(ctx)); ok {
		code, reason = why.code, why.reason
	}
	_ = socket.Close(code, reason)
}

// closing is the end of a connection with a reason for the client.
type closing struct {
	code   websocket.StatusCode
	reason string
}

// Error implements error.
func (c closing) Error() string { return c.reason }

// receive reads what the client says: where to resume, and what to watch.
func (e *eventStream) receive() error {
	for {
		_, data, err := e.socket.Read(e.traffic)
		if err != nil {
			return err
		}
		var said socketMessage
		if err := json.Unmarshal(data, &said); err != nil || said.After == nil && said.Watch == nil || said.After != nil && *said.After < 0 {
			return closing{closeMalformed, `send {"after": N} or {"watch": [operation IDs]}`}
		}
		if !e.begun {
			e.begun = true
			if said.After == nil { // it only wants to watch: events from now on
				said.After = new(int64)
				if *said.After, err = e.server.store.LastSequence(e.traffic); err != nil {
					return closing{websocket.StatusTryAgainLater, "events cannot be read now; connect again"}
				}
			}
			e.begin <- *said.After
		}
		if said.Watch != nil {
			if err := e.watch(e.traffic, *said.Watch); err != nil {
				return err
			}
		}
	}
}

// watch replaces the watched operations. Those that are not there or not the client's are left out.
func (e *eventStream) watch(ctx context.Context, wanted []id.Operation) error {
	if len(wanted) > mostWatched {
		return closing{closeMalformed, "at most 100 operations can be watched"}
	}
	next := map[id.Operation]bool{}
	for _, each := range wanted {
		if !id.Is[id.Operation](string(each)) {
			continue
		}
		if _, err := e.server.store.GetOperation(ctx, e.where.toward(string(each)), each); err == nil {
			next[each] = true
		}
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for each := range e.watched {
		if !next[each] {
			e.server.watchers.leave(each, e.viewer)
		}
	}
	for each := range next {
		if !e.watched[each] {
			e.server.watchers.watch(each, e.viewer)
		}
	}
	e.watched = next
	return nil
}

func (e *eventStream) unwatch() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for each := range e.watched {
		e.server.watchers.leave(each, e.viewer)
	}
	e.watched = map[id.Operation]bool{}
}

// send writes events in order, and timelines between them.
func (e *eventStream) send(ctx context.Context) error {
	var cursor int64
	select {
	case cursor = <-e.begin:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(helloTimeout):
		return closing{closeMalformed, `the first message must be {"after": N}`}
	}
	for {
		found, next, moved, err := e.server.feed.next(ctx, e.where.listing(), cursor)
		if err != nil {
			return closing{websocket.StatusTryAgainLater, "events cannot be read now; connect again"}
		}
		for _, each := range found {
			encoded, err := json.Marshal(each)
			if err != nil {
				return err
			}
			if err := e.write(encoded); err != nil {
				return err
			}
		}
		cursor = next
		for _, push := range e.viewer.take() {
			if err := e.write(push); err != nil {
				return err
			}
		}
		if moved == nil {
			continue
		}
		select {
		case <-moved:
		case <-e.viewer.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write sends one message. A client that does not take it in time is dropped rather than waited for: it resumes. It gets
// no closing frame, for that would wait behind the message that it does not take.
func (e *eventStream) write(message []byte) error {
	limited, cancel := context.WithTimeout(e.traffic, e.server.patience.write)
	defer cancel()
	return e.socket.Write(limited, websocket.MessageText, message)
}

// heartbeat notices a dead connection, and a token that has been revoked or has expired.
func (e *eventStream) heartbeat(ctx context.Context, request *http.Request) error {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := ping(e.traffic, e.socket); err != nil {
			return err
		}
		if _, err := e.server.authenticate(ctx, request); err != nil && problemOf(err).Status == http.StatusUnauthorized {
			return closing{closeSignedOut, "your token is no longer good; log in again"}
		}
	}
}

func ping(ctx context.Context, socket *websocket.Conn) error {
	limited, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return socket.Ping(limited)
}
