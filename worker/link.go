package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// link is a connection that a host keeps open to the API, so that the API can ask for a console without being able to
// reach the host.
type link struct {
	plane  *Plane
	driver hypervisor.Host
	log    *slog.Logger
}

// linkMessage is what the API sends over a link.
type linkMessage struct {
	Console *struct {
		VM     id.VM  `json:"vm_id"`
		Ticket string `json:"ticket"`
	} `json:"console"`
}

const pingEvery = 15 * time.Second

func (l *link) dial(ctx context.Context, path string) (*websocket.Conn, error) {
	address := "ws" + strings.TrimPrefix(strings.TrimRight(l.plane.URL, "/"), "http") + "/api/v1" + path
	connection, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + l.plane.Token}},
	})
	if err != nil {
		if response != nil && response.Body != nil {
			response.Body.Close()
		}
		return nil, fault.Unavailable("the control plane did not take the connection").Because(err)
	}
	return connection, nil
}

// serve keeps one link until it breaks or ctx ends.
func (l *link) serve(ctx context.Context) error {
	connection, err := l.dial(ctx, "/hosts/self/link")
	if err != nil {
		return err
	}
	defer connection.CloseNow()
	alive, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for alive.Err() == nil {
			select {
			case <-time.After(pingEvery):
			case <-alive.Done():
				return
			}
			limited, done := context.WithTimeout(alive, pingEvery)
			if connection.Ping(limited) != nil {
				connection.CloseNow()
			}
			done()
		}
	}()
	for {
		var message linkMessage
		if err := wsjson.Read(alive, connection, &message); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fault.Unavailable("the link to the control plane broke").Because(err)
		}
		if message.Console == nil {
			continue
		}
		go func() {
			if err := l.console(ctx, message.Console.VM, message.Console.Ticket); err != nil && ctx.Err() == nil {
				l.log.Info("a console ended", "vm", message.Console.VM, "error", err)
			}
		}()
	}
}

// console copies bytes between the API and the VM's display until either ends.
func (l *link) console(ctx context.Context, machine id.VM, ticket string) error {
	screen, able := l.driver.(hypervisor.Screen)
	if !able {
		return fault.Invalid("this hypervisor has no consoles")
	}
	connection, err := l.dial(ctx, "/hosts/self/consoles/"+ticket)
	if err != nil {
		return err
	}
	defer connection.CloseNow()
	path, err := screen.VNCSocket(ctx, machine)
	if err != nil {
		return connection.Close(websocket.StatusInternalError, trimReason(err.Error()))
	}
	display, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("opening the display: %w", err)
	}
	defer display.Close()
	remote := websocket.NetConn(ctx, connection, websocket.MessageBinary)
	ended := make(chan error, 2)
	copyTo := func(to io.Writer, from io.Reader) {
		_, err := io.Copy(to, from)
		ended <- err
	}
	go copyTo(remote, display)
	go copyTo(display, remote)
	return <-ended
}

// trimReason fits a sentence into a close frame, which holds 123 bytes of whole UTF-8 characters (RFC 6455, section 5.5).
func trimReason(text string) string { return strings.ToValidUTF8(text[:min(len(text), 120)], "") }
