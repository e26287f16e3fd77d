package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// Watcher is told what happens to an operation.
type Watcher interface {
	// Seen is called with the operation whenever it was read, which is less often than its timeline moves.
	Seen(of operation.Operation)
	// Moved is called with the timeline whenever it has changed, and once more at the end.
	Moved(timeline operation.Timeline)
	// Lost is called when the server stops answering; watching goes on by itself.
	Lost(err error)
}

const (
	checkEvery = 3 * time.Second        // how often the operation itself is read beside the stream
	pollEvery  = 500 * time.Millisecond // how often the timeline is read without a stream
	patience   = 10 * time.Minute       // how long a server may be silent before watching ends
)

// Watch follows an operation until it has ended and returns it then. It uses the event stream, or asks again and again
// where there is none, and outlives restarts of the server. It ends early with ctx, and never cancels the operation.
func (c *Client) Watch(ctx context.Context, operationID id.Operation, watcher Watcher) (operation.Operation, error) {
	silentSince := time.Time{}
	for {
		c.stream(ctx, operationID, watcher) // only the quicker way; look says what counts
		if ctx.Err() != nil {
			return operation.Operation{}, ctx.Err()
		}
		found, readErr := c.look(ctx, operationID, watcher)
		switch {
		case readErr == nil && found.State.Final():
			return found, nil
		case readErr == nil:
			silentSince = time.Time{}
		case !fault.Is(readErr, fault.KindUnavailable):
			return operation.Operation{}, readErr
		case silentSince.IsZero():
			silentSince = time.Now()
			watcher.Lost(readErr)
		case time.Since(silentSince) > patience:
			return operation.Operation{}, readErr
		}
		select {
		case <-ctx.Done():
			return operation.Operation{}, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// look reads the operation and its timeline once, without repeating a request that fails.
func (c *Client) look(ctx context.Context, operationID id.Operation, watcher Watcher) (operation.Operation, error) {
	path := "/operations/" + string(operationID)
	var found operation.Operation
	if _, err := c.do(ctx, request{method: http.MethodGet, path: path}, &found); err != nil {
		return found, err
	}
	watcher.Seen(found)
	var timeline operation.Timeline
	if _, err := c.do(ctx, request{method: http.MethodGet, path: path + "/timeline"}, &timeline); err == nil {
		watcher.Moved(timeline)
	} else if !found.State.Final() {
		return found, err
	}
	return found, nil
}

// push is a message of the event stream: a timeline, or an event that concerns the caller only as a hint.
type push struct {
	Type     string             `json:"type"`
	Timeline operation.Timeline `json:"timeline"`
}

// stream follows the event stream until the operation has ended or the stream has.
func (c *Client) stream(ctx context.Context, operationID id.Operation, watcher Watcher) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	socket, err := c.dial(ctx, "/events", nil)
	if err != nil {
		return
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxAnswerBytes)
	if err := wsjson.Write(ctx, socket, map[string][]id.Operation{"watch": {operationID}}); err != nil {
		return
	}
	moves := make(chan operation.Timeline)
	go receive(ctx, cancel, socket, operationID, moves)
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case timeline := <-moves:
			if timeline.State.Final() {
				return
			}
			watcher.Moved(timeline)
		case <-check.C:
			var found operation.Operation
			_, err := c.do(ctx, request{method: http.MethodGet, path: "/operations/" + string(operationID)}, &found)
			if err != nil || found.State.Final() {
				return
			}
			watcher.Seen(found)
		}
	}
}

func receive(ctx context.Context, cancel context.CancelFunc, socket *websocket.Conn, operationID id.Operation, moves chan<- operation.Timeline) {
	defer cancel()
	for {
		_, content, err := socket.Read(ctx)
		if err != nil {
			return
		}
		var said push
		if json.Unmarshal(content, &said) != nil || said.Type != "operation.timeline" || said.Timeline.Operation != operationID {
			continue
		}
		select {
		case moves <- said.Timeline:
		case <-ctx.Done():
			return
		}
	}
}

// dial opens a WebSocket; a refusal is a fault like any other.
func (c *Client) dial(ctx context.Context, path string, protocols []string) (*websocket.Conn, error) {
	limited, done := context.WithTimeout(ctx, 30*time.Second)
	defer done()
	socket, answer, err := websocket.Dial(limited, c.address(path, nil), &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: c.headers(), Subprotocols: protocols,
	})
	if err == nil {
		return socket, nil
	}
	if answer != nil && answer.StatusCode >= http.StatusBadRequest {
		return nil, c.read(answer, nil)
	}
	return nil, c.unreachable(ctx, err)
}
