package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

type linkRequest struct {
	Console struct {
		VM     id.VM  `json:"vm_id"`
		Ticket string `json:"ticket"`
	} `json:"console"`
}

// linked opens a host's link and waits until the server knows of it.
func (s *stage) linked(host string) socket {
	s.t.Helper()
	link := s.as(s.hosts[host].token).dial("/hosts/self/link")
	time.Sleep(50 * time.Millisecond)
	return link
}

func TestConsole(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	s.socketRefused("/vms/web/console", 503)
	link := s.linked("h1")
	opened := make(chan socket, 1)
	go func() { opened <- s.as(s.token).dial("/vms/web/console", "binary") }()
	var asked linkRequest
	link.hear(&asked)
	if asked.Console.VM != machine.ID || len(asked.Console.Ticket) < 40 {
		t.Fatalf("the host was asked %+v", asked)
	}
	thief := s.status("GET", "/hosts/self/consoles/"+asked.Console.Ticket, s.hosts["h2"].token)
	if thief != http.StatusUpgradeRequired {
		t.Errorf("without a socket: %d", thief)
	}
	_, response, err := websocket.Dial(t.Context(), s.http.URL+"/api/v1/hosts/self/consoles/"+asked.Console.Ticket, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + s.hosts["h2"].token}},
	})
	if err == nil || response.StatusCode != http.StatusNotFound {
		t.Error("another host must not redeem the ticket")
	}
	display := s.as(s.hosts["h1"].token).dial("/hosts/self/consoles/"+asked.Console.Ticket, "binary")
	screen := <-opened
	if screen.Subprotocol() != "binary" {
		t.Errorf("the subprotocol is %q", screen.Subprotocol())
	}
	greet := func(from, to socket, text string) {
		t.Helper()
		s.must(from.Write(t.Context(), websocket.MessageBinary, []byte(text)))
		kind, data, err := to.Read(t.Context())
		if err != nil || kind != websocket.MessageBinary || string(data) != text {
			t.Fatalf("%q arrived as %q, %v", text, data, err)
		}
	}
	greet(display, screen, "RFB 003.008\n")
	greet(screen, display, "RFB 003.008\n")
	big := make([]byte, 1<<20)
	s.must(display.Write(t.Context(), websocket.MessageBinary, big))
	for got := 0; got < len(big); {
		_, data, err := screen.Read(t.Context())
		s.must(err)
		got += len(data)
	}
	s.must(screen.Close(websocket.StatusNormalClosure, ""))
	if _, _, err := display.Read(t.Context()); err == nil {
		t.Error("when the viewer goes, the host's side must end")
	}
	s.as(s.hosts["h1"].token).socketRefused("/hosts/self/consoles/"+asked.Console.Ticket, 404)
}

func (s *stage) socketRefused(path string, want int) {
	s.t.Helper()
	s.as(s.token).socketRefused(path, want)
}

func (c caller) socketRefused(path string, want int) {
	c.t.Helper()
	_, response, err := websocket.Dial(c.t.Context(), c.http.URL+"/api/v1"+path, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + c.token}}, Subprotocols: []string{"binary"},
	})
	if err == nil || response == nil || response.StatusCode != want {
		c.t.Errorf("%s: %v %v", path, response, err)
	}
}

func TestConsoleOfASilentHost(t *testing.T) {
	s := newStage(t)
	s.server.Hurry(time.Second)
	s.addVM("web", "h1", vm.Running)
	s.linked("h1")
	s.socketRefused("/vms/web/console", 503)
	s.as(s.token).call("GET", "/vms/web/console", nil, 426)
	s.as(s.hosts["h1"].token).call("GET", "/hosts/self/link", nil, 426)
}

func TestLinkEndsWithTheServer(t *testing.T) {
	s := newStage(t)
	link := s.linked("h1")
	again := s.linked("h1")
	s.server.Close()
	link.ends(websocket.StatusGoingAway)
	again.ends(websocket.StatusGoingAway)
}
