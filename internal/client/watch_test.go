package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

const op = id.Operation("op_01JD3M8Q7X2C4W9V6T5R1N0KZP")

// noted keeps what a watcher is told.
type noted struct {
	moves int
	last  operation.Timeline
	lost  int
	seen  int
}

func (n *noted) Moved(timeline operation.Timeline) { n.moves, n.last = n.moves+1, timeline }
func (n *noted) Seen(operation.Operation)          { n.seen++ }
func (n *noted) Lost(error)                        { n.lost++ }

// running answers for an operation that is in a state, with or without an event stream.
func running(state *atomic.Value, stream func(socket *websocket.Conn, r *http.Request)) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/events") && stream != nil:
			socket, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer socket.CloseNow()
			stream(socket, r)
		case strings.HasSuffix(r.URL.Path, "/timeline"):
			_ = json.NewEncoder(w).Encode(operation.Timeline{Operation: op, State: state.Load().(operation.State), Steps: []operation.Step{{Name: "read"}}})
		case strings.HasSuffix(r.URL.Path, string(op)):
			_ = json.NewEncoder(w).Encode(operation.Operation{ID: op, State: state.Load().(operation.State)})
		default:
			say(404, `{"detail":"no"}`)(w, r, 0)
		}
	}
}

func stateOf(first operation.State) *atomic.Value {
	state := &atomic.Value{}
	state.Store(first)
	return state
}

func TestWatchByStream(t *testing.T) {
	state := stateOf(operation.Running)
	_, client := serve(t, running(state, func(socket *websocket.Conn, r *http.Request) {
		var said struct{ Watch []id.Operation }
		if wsjson.Read(r.Context(), socket, &said) != nil || len(said.Watch) != 1 || said.Watch[0] != op {
			return
		}
		tell := func(timeline operation.Timeline) {
			_ = wsjson.Write(r.Context(), socket, map[string]any{"type": "operation.timeline", "timeline": timeline})
		}
		_ = wsjson.Write(r.Context(), socket, map[string]any{"type": "vm.started", "sequence": 5})
		tell(operation.Timeline{Operation: "op_other", State: operation.Failed})
		tell(operation.Timeline{Operation: op, State: operation.Running, HistoryAt: 1})
		state.Store(operation.Succeeded)
		tell(operation.Timeline{Operation: op, State: operation.Succeeded, HistoryAt: 2})
		_, _, _ = socket.Read(r.Context())
	}))
	watcher := &noted{}
	ended, err := client.Watch(context.Background(), op, watcher)
	if err != nil || ended.State != operation.Succeeded || watcher.moves != 2 || watcher.seen != 1 || watcher.last.Steps[0].Name != "read" {
		t.Errorf("%+v %v %+v", ended, err, watcher)
	}
}

func TestWatchByPollingAndThroughAnOutage(t *testing.T) {
	state := stateOf(operation.Running)
	answer := running(state, nil)
	var polls atomic.Int32
	_, client := serve(t, func(w http.ResponseWriter, r *http.Request, count int) {
		if strings.HasSuffix(r.URL.Path, string(op)) {
			switch polls.Add(1) {
			case 2:
				say(503, `{}`)(w, r, 0)
				return
			case 3:
				state.Store(operation.Failed)
			}
		}
		answer(w, r, count)
	})
	watcher := &noted{}
	ended, err := client.Watch(context.Background(), op, watcher)
	if err != nil || ended.State != operation.Failed || watcher.lost != 1 {
		t.Errorf("%+v %v %+v", ended, err, watcher)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	_, client := serve(t, running(stateOf(operation.Running), func(socket *websocket.Conn, r *http.Request) {
		_, _, _ = socket.Read(r.Context())
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Watch(ctx, op, &noted{}); err != context.DeadlineExceeded {
		t.Errorf("%v", err)
	}
}

func TestWatchingWhatIsNotThere(t *testing.T) {
	_, client := serve(t, say(404, `{"detail":"there is no operation","kind":"not_found"}`))
	if _, err := client.Watch(context.Background(), op, &noted{}); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("%v", err)
	}
}

func TestConsole(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	server, client := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Path != "/api/v1/vms/web/console" {
			say(409, `{"detail":"VM off is stopped","kind":"conflict"}`)(w, r, 0)
			return
		}
		socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"binary"}})
		if err != nil {
			return
		}
		_ = socket.Write(r.Context(), websocket.MessageBinary, []byte(large))
		_, said, _ := socket.Read(r.Context())
		_ = socket.Write(r.Context(), websocket.MessageBinary, said)
		_ = socket.Close(websocket.StatusNormalClosure, "")
	})
	connection, err := client.Console(context.Background(), "web")
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "RFB 003.008\n"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(connection)
	if err != nil || string(got) != large+"RFB 003.008\n" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := client.Console(context.Background(), "off"); !fault.Is(err, fault.KindConflict) || err.Error() != "VM off is stopped" {
		t.Errorf("%v", err)
	}
	if page := client.ConsolePage("a b"); page != server.URL+"/vms/a%20b/console" {
		t.Error(page)
	}
}
