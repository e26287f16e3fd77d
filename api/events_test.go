package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// socket is one WebSocket of a test.
type socket struct {
	t *testing.T
	*websocket.Conn
}

func (c caller) dial(path string, protocols ...string) socket {
	c.t.Helper()
	conn, response, err := websocket.Dial(c.t.Context(), c.http.URL+"/api/v1"+path, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + c.token}}, Subprotocols: protocols,
	})
	if err != nil {
		if response != nil {
			c.t.Fatalf("%v: %d", err, response.StatusCode)
		}
		c.t.Fatal(err)
	}
	conn.SetReadLimit(32 << 20)
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	return socket{c.t, conn}
}

func (s socket) say(text string) {
	s.t.Helper()
	if err := s.Write(s.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s socket) hear(into any) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	_, data, err := s.Read(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		s.t.Fatalf("%v in %s", err, data)
	}
}

// ends waits for the server to close the socket.
func (s socket) ends(want websocket.StatusCode) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, _, err := s.Read(ctx)
		if err == nil {
			continue
		}
		if got := websocket.CloseStatus(err); got != want {
			s.t.Errorf("closed with %d instead of %d: %v", got, want, err)
		}
		return
	}
}

func (s *stage) happens(n int, project id.Project) {
	s.t.Helper()
	for i := range n {
		s.must(s.store.AppendEvent(s.t.Context(), event.Event{
			Type: "test.happened", Project: string(project), SubjectKind: "vm", SubjectID: fmt.Sprint(i),
		}))
	}
}

func (s *stage) sequences() []int64 {
	s.t.Helper()
	var all []int64
	after := int64(0)
	for {
		found, err := s.store.EventsAfter(s.t.Context(), s.installed.Project.ID, after, 1000)
		s.must(err)
		if len(found) == 0 {
			return all
		}
		for _, each := range found {
			all = append(all, each.Sequence)
			after = each.Sequence
		}
	}
}

func TestEventsArePaged(t *testing.T) {
	s := newStage(t)
	s.happens(30, s.installed.Project.ID)
	want := s.sequences()
	var got []int64
	for after := int64(0); ; {
		var page api.List[event.Event]
		s.call("GET", fmt.Sprintf("/events?after=%d&limit=7", after), nil, 200).into(&page)
		if len(page.Items) == 0 {
			break
		}
		for _, each := range page.Items {
			got = append(got, each.Sequence)
			after = each.Sequence
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v instead of %v", got, want)
	}
	var newest api.List[event.Event]
	s.call("GET", "/events?limit=3", nil, 200).into(&newest)
	if len(newest.Items) != 3 || newest.Items[0].Sequence != want[len(want)-1] {
		t.Errorf("the newest are %+v", newest.Items)
	}
	s.call("GET", "/events?after=soon", nil, 422).problem("after must be the sequence")
}

// TestEventsResumeWithoutAGap cuts the stream again and again while events happen, and finds each exactly once.
func TestEventsResumeWithoutAGap(t *testing.T) {
	s := newStage(t)
	first := s.sequences()
	var got []int64
	after := first[len(first)-1]
	start := after
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			_ = s.store.AppendEvent(context.Background(), event.Event{Type: "test.happened", Project: string(s.installed.Project.ID), SubjectKind: "vm", SubjectID: fmt.Sprint(i)})
		}
	}()
	for len(got) < 300 {
		stream := s.as(s.token).dial("/events")
		stream.say(fmt.Sprintf(`{"after":%d}`, after))
		for range min(37, 300-len(got)) {
			var each event.Event
			stream.hear(&each)
			got = append(got, each.Sequence)
			after = each.Sequence
		}
		_ = stream.CloseNow()
	}
	<-done
	var want []int64
	for _, each := range s.sequences() {
		if each > start {
			want = append(want, each)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v instead of %v", got, want)
	}
}

func TestEventsOfOneProject(t *testing.T) {
	s := newStage(t)
	s.exec("insert into projects (id, name) values ('prj_01JD3M8Q7X2C4W9V6T5R1N0KZP', 'other')")
	bound := s.as(s.mint(s.installed.Project.ID, time.Hour))
	last, err := s.store.LastSequence(t.Context())
	s.must(err)
	live, old := bound.dial("/events"), bound.dial("/events")
	live.say(fmt.Sprintf(`{"after":%d}`, last))
	for range 5 {
		s.happens(1, "prj_01JD3M8Q7X2C4W9V6T5R1N0KZP")
		s.happens(1, s.installed.Project.ID)
		s.happens(1, "")
	}
	old.say(fmt.Sprintf(`{"after":%d}`, last))
	for _, stream := range []socket{live, old} {
		for i := range 10 {
			var each event.Event
			stream.hear(&each)
			if want := []string{string(s.installed.Project.ID), ""}[i%2]; each.Project != want {
				t.Errorf("event %d is of %q instead of %q", each.Sequence, each.Project, want)
			}
		}
	}
}

func TestEventStreamRefusesNonsense(t *testing.T) {
	s := newStage(t)
	for _, text := range []string{"hello", "{}", `{"after":-1}`, `{"watch":["` + strings.Repeat(`x","`, 101) + `"]}`} {
		stream := s.as(s.token).dial("/events")
		stream.say(text)
		stream.ends(4000)
	}
	s.as(s.token).with("Upgrade", "websocket").with("Connection", "Upgrade").call("GET", "/events?project=nope", nil, 404).problem("there is no project")
	_, response, err := websocket.Dial(t.Context(), s.http.URL+"/api/v1/events", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + s.token}, "Origin": {"https://evil.example"}},
	})
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign page opened the stream: %v", err)
	}
	stream := s.as(s.token).dial("/events")
	stream.say(`{"after":0}`)
	s.server.Close()
	stream.ends(websocket.StatusGoingAway)
}

// TestSlowClientIsDropped fills the connection of a client that does not read, and sees that the server lets it go.
func TestSlowClientIsDropped(t *testing.T) {
	s := newStage(t)
	s.server.Hurry(time.Second)
	stream := s.as(s.token).dial("/events")
	stream.say(`{"after":0}`)
	open := `novacron_sockets{purpose="events"} 1`
	metrics := func() string { return string(s.as("").call("GET", "!/metrics", nil, 200).body) }
	eventually(t, "the socket is counted", func() bool { return strings.Contains(metrics(), open) })
	big, err := json.Marshal(strings.Repeat("x", 512<<10))
	s.must(err)
	for range 30 {
		s.must(s.store.AppendEvent(t.Context(), event.Event{Type: "test.big", Project: string(s.installed.Project.ID), SubjectKind: "vm", SubjectID: "1", Data: big}))
	}
	eventually(t, "the server lets go of it", func() bool { return !strings.Contains(metrics(), open) })
}

func TestTimelinesArePushed(t *testing.T) {
	s := newStage(t)
	moving := s.busy(s.addVM("web", "h1", vm.Running), operation.Migrate)
	foreign := s.as(s.mint(s.installed.Project.ID, time.Hour))
	s.workflows.move(operation.Timeline{Operation: moving.ID, State: operation.Running, HistoryAt: 3})
	one, two := s.as(s.token).dial("/events"), foreign.dial("/events")
	last, err := s.store.LastSequence(t.Context())
	s.must(err)
	watch := fmt.Sprintf(`{"watch":[%q,"op_none",%q]}`, moving.ID, id.New[id.Operation]())
	one.say(fmt.Sprintf(`{"after":%d}`, last))
	one.say(watch)
	two.say(watch)
	type push struct {
		Type     string             `json:"type"`
		Timeline operation.Timeline `json:"timeline"`
	}
	expect := func(at int64, state operation.State) {
		t.Helper()
		for _, stream := range []socket{one, two} {
			for {
				var got push
				stream.hear(&got)
				if got.Type != "operation.timeline" || got.Timeline.HistoryAt < at {
					continue
				}
				if got.Timeline.HistoryAt != at || got.Timeline.State != state || got.Timeline.Operation != moving.ID {
					t.Errorf("pushed %+v", got)
				}
				break
			}
		}
	}
	expect(3, operation.Running)
	s.workflows.move(operation.Timeline{Operation: moving.ID, State: operation.Running, HistoryAt: 8})
	expect(8, operation.Running)
	late := s.as(s.token).dial("/events")
	late.say(watch)
	var got push
	if late.hear(&got); got.Timeline.HistoryAt != 8 {
		t.Errorf("who comes late sees %+v", got)
	}
	late.say(`{"watch":[]}`)
	archived, err := json.Marshal(operation.Timeline{Operation: moving.ID, State: operation.Succeeded, HistoryAt: 12})
	s.must(err)
	s.must(s.store.EndOperation(t.Context(), moving.ID, store.Ending{State: operation.Succeeded, Timeline: archived}))
	s.workflows.move(operation.Timeline{Operation: moving.ID, State: operation.Running, HistoryAt: 12})
	expect(12, operation.Succeeded)
}

func TestTimelineOfAnOperationThatHasNotBegun(t *testing.T) {
	s := newStage(t)
	waiting := s.busy(s.addVM("web", "h1", vm.Running), operation.Stop)
	stream := s.as(s.token).dial("/events")
	stream.say(fmt.Sprintf(`{"watch":[%q]}`, waiting.ID))
	var got struct {
		Timeline operation.Timeline `json:"timeline"`
	}
	if stream.hear(&got); len(got.Timeline.Steps) != 1 || got.Timeline.Steps[0].State != operation.StepPlanned {
		t.Errorf("pushed %+v", got)
	}
	s.workflows.move(operation.Timeline{Operation: waiting.ID, State: operation.Running, HistoryAt: 2})
	if stream.hear(&got); got.Timeline.HistoryAt != 2 {
		t.Errorf("pushed %+v", got)
	}
}
