package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

const (
	consolesOfAHost = 64
	consoleMessage  = 16 << 20 // bytes of one message; a full screen in raw encoding fits
	binaryProtocol  = "binary"
)

// linkMessage is what the server tells a host over its link.
type linkMessage struct {
	Console consoleRequest `json:"console"`
}

// consoleRequest asks a host to dial in with a VM's display.
type consoleRequest struct {
	VM     id.VM  `json:"vm_id"`
	Ticket string `json:"ticket"`
}

// consoles pairs people who want to see a VM with hosts that dial in to show it. Hosts cannot be dialled: they keep a
// link open over which they are asked.
type consoles struct {
	mutex   sync.Mutex
	links   map[id.Host]chan linkMessage
	waiting map[string]*pairing
}

// pairing is one console that waits for its host.
type pairing struct {
	host  id.Host
	other chan *websocket.Conn // the host's side, once
	done  chan struct{}        // closed when the console is over
}

func newConsoles() *consoles {
	return &consoles{links: map[id.Host]chan linkMessage{}, waiting: map[string]*pairing{}}
}

func (s *Server) consoleRoutes() {
	s.addRaw(user, huma.Operation{
		OperationID: "vm-console", Method: http.MethodGet, Path: "/vms/{vm}/console", Tags: []string{"VMs"},
		Summary:   "A VM's display as a WebSocket: RFB bytes in binary messages, subprotocol \"binary\"",
		Responses: upgraded(),
	}, s.openConsole)
	s.addRaw(machine, huma.Operation{
		OperationID: "host-link", Method: http.MethodGet, Path: "/hosts/self/link", Tags: hostTags,
		Summary:   "A WebSocket over which the server asks this host for consoles: {\"console\": {\"vm_id\", \"ticket\"}}",
		Responses: upgraded(),
	}, s.openLink)
	s.addRaw(machine, huma.Operation{
		OperationID: "host-console", Method: http.MethodGet, Path: "/hosts/self/consoles/{ticket}", Tags: hostTags,
		Summary:   "Where a host dials in, as a WebSocket, with the display it was asked for",
		Responses: upgraded(),
	}, s.dialIn)
}

func upgraded() map[string]*huma.Response {
	return map[string]*huma.Response{"101": {Description: "The WebSocket is open"}}
}

// link registers a host's link; a later one replaces it, since the earlier one may be dead without anybody knowing.
func (b *consoles) link(of id.Host) (requests chan linkMessage, unlink func()) {
	requests = make(chan linkMessage, 8)
	b.mutex.Lock()
	b.links[of] = requests
	b.mutex.Unlock()
	return requests, func() {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		if b.links[of] == requests {
			delete(b.links, of)
		}
	}
}

// request asks a host to dial in. The errors say what to do about it.
func (b *consoles) request(of id.Host, hostName string, machine id.VM) (*pairing, string, error) {
	ticket, _ := auth.MintToken("")
	b.mutex.Lock()
	defer b.mutex.Unlock()
	requests, linked := b.links[of]
	if !linked {
		return nil, "", fault.Unavailable("host %s has no link to this server, so its consoles cannot be reached; see whether its worker is up", hostName)
	}
	open := 0
	for _, each := range b.waiting {
		if each.host == of {
			open++
		}
	}
	if open >= consolesOfAHost {
		return nil, "", fault.Exhausted("host %s already shows %d consoles; close some", hostName, consolesOfAHost)
	}
	made := &pairing{host: of, other: make(chan *websocket.Conn, 1), done: make(chan struct{})}
	select {
	case requests <- linkMessage{Console: consoleRequest{VM: machine, Ticket: ticket}}:
	default:
		return nil, "", fault.Unavailable("host %s does not take requests for consoles now; try again", hostName)
	}
	b.waiting[ticket] = made
	return made, ticket, nil
}

// redeem gives the pairing of a ticket to the host that it was made for, once.
func (b *consoles) redeem(ticket string, by id.Host) (*pairing, bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	found, ok := b.waiting[ticket]
	if !ok || found.host != by {
		return nil, false
	}
	delete(b.waiting, ticket)
	return found, true
}

func (b *consoles) end(ticket string, ended *pairing) {
	b.mutex.Lock()
	delete(b.waiting, ticket)
	b.mutex.Unlock()
	close(ended.done)
}

// openConsole shows a VM's display to the caller until either side ends it.
func (s *Server) openConsole(c *gin.Context) error {
	ctx := c.Request.Context()
	scope := Scope{ProjectHeader: c.GetHeader("X-Novacron-Project"), ProjectQuery: c.Query("project")}
	found, _, err := s.findVM(ctx, scope, c.Param("vm"))
	if err != nil {
		return err
	}
	if err := found.Can(vm.OpenConsole); err != nil {
		return err
	}
	if !isSocket(c) {
		return newProblem(http.StatusUpgradeRequired, "a console is a WebSocket: connect with one, with the subprotocol \"binary\"")
	}
	paired, ticket, err := s.consoles.request(found.Host, found.HostName, found.ID)
	if err != nil {
		return err
	}
	defer s.consoles.end(ticket, paired)
	var display *websocket.Conn
	select {
	case display = <-paired.other:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.patience.dialIn):
		return fault.Unavailable("host %s did not show the console of VM %s in time; try again", found.HostName, found.Name)
	}
	screen, err := websocket.Accept(c.Writer, c.Request, &websocket.AcceptOptions{Subprotocols: []string{binaryProtocol}})
	if err != nil {
		_ = display.Close(websocket.StatusNormalClosure, "the viewer went away")
		return err // which Accept has answered
	}
	defer s.metrics.Socket("console")()
	s.join(ctx, screen, display)
	return nil
}

// dialIn is the host's side of a console; it lasts as long as the console.
func (s *Server) dialIn(c *gin.Context) error {
	if !isSocket(c) {
		return newProblem(http.StatusUpgradeRequired, "dial in with a WebSocket")
	}
	paired, ok := s.consoles.redeem(c.Param("ticket"), principalOf(c.Request.Context()).Host)
	if !ok {
		return fault.NotFound("nobody waits for this console any more")
	}
	display, err := websocket.Accept(c.Writer, c.Request, &websocket.AcceptOptions{Subprotocols: []string{binaryProtocol}})
	if err != nil {
		return err // which Accept has answered
	}
	paired.other <- display
	<-paired.done
	_ = display.CloseNow()
	return nil
}

func isSocket(c *gin.Context) bool { return c.IsWebsocket() }

// join copies messages both ways until one side ends or the server stops.
func (s *Server) join(ctx context.Context, screen, display *websocket.Conn) {
	over, end := context.WithCancel(ctx)
	defer context.AfterFunc(s.stopping, end)()
	traffic, hangUp := context.WithCancel(ctx) // lasts until the closing frames have been sent
	defer hangUp()
	screen.SetReadLimit(consoleMessage)
	display.SetReadLimit(consoleMessage)
	for _, work := range []func(){
		func() { pump(traffic, display, screen) },
		func() { pump(traffic, screen, display) },
		func() { keepAlive(traffic, screen) },
	} {
		go func() { work(); end() }()
	}
	<-over.Done()
	_ = screen.Close(websocket.StatusNormalClosure, "the console has ended")
	_ = display.Close(websocket.StatusNormalClosure, "the viewer went away")
}

func pump(ctx context.Context, from, to *websocket.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		_, reader, err := from.Reader(ctx)
		if err != nil {
			return
		}
		for {
			n, err := reader.Read(buffer)
			if n > 0 {
				if err := to.Write(ctx, websocket.MessageBinary, buffer[:n]); err != nil {
					return
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
		}
	}
}

func keepAlive(ctx context.Context, socket *websocket.Conn) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := ping(ctx, socket); err != nil {
				return
			}
		}
	}
}

// openLink keeps a host's link and passes requests for consoles on.
func (s *Server) openLink(c *gin.Context) error {
	if !isSocket(c) {
		return newProblem(http.StatusUpgradeRequired, "a link is a WebSocket: connect with one")
	}
	self := principalOf(c.Request.Context()).Host
	socket, err := websocket.Accept(c.Writer, c.Request, nil)
	if err != nil {
		return err // which Accept has answered
	}
	defer s.metrics.Socket("link")()
	requests, unlink := s.consoles.link(self)
	defer unlink()
	ctx := socket.CloseRead(c.Request.Context())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	go func() { keepAlive(ctx, socket); cancel() }()
	for {
		select {
		case <-ctx.Done():
			_ = socket.Close(websocket.StatusGoingAway, "connect again")
			return nil
		case request := <-requests:
			encoded, err := json.Marshal(request)
			if err != nil {
				return err
			}
			limited, done := context.WithTimeout(ctx, s.patience.write)
			err = socket.Write(limited, websocket.MessageText, encoded)
			done()
			if err != nil {
				return nil
			}
		}
	}
}
