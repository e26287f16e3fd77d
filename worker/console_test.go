package worker

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/novacron/novacron/internal/vm"
)

// display is a VM's display: a unix socket as QEMU's VNC server has it.
type display struct {
	listener net.Listener
	viewed   chan net.Conn
}

// display replaces the displays of a host's VMs.
func (f *fakeHost) display(t *testing.T) *display {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vnc")
	listener, err := net.Listen("unix", path)
	must(t, err)
	made := &display{listener: listener, viewed: make(chan net.Conn, 1)}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			made.viewed <- connection
		}
	}()
	f.driver.meddle(func(m *meddled) { m.vncSocket = path })
	t.Cleanup(func() {
		f.driver.meddle(func(m *meddled) { m.vncSocket = "" })
		listener.Close()
	})
	return made
}

// viewer opens a VM's console through the API.
func (p *plant) viewer(t *testing.T, machine vm.VM) (net.Conn, *websocket.Conn) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), soon)
	t.Cleanup(stop)
	address := "ws" + strings.TrimPrefix(p.http.URL, "http") + "/api/v1/vms/" + string(machine.ID) + "/console"
	connection, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + p.token}}, Subprotocols: []string{"binary"},
	})
	must(t, err)
	t.Cleanup(func() { _ = connection.CloseNow() })
	return websocket.NetConn(ctx, connection, websocket.MessageBinary), connection
}

// carry sends bytes from one end and checks that they come out at the other.
func carry(t *testing.T, from io.Writer, to io.Reader, length int) {
	t.Helper()
	sent, arrived := make([]byte, length), make([]byte, length)
	_, _ = rand.Read(sent)
	failed := make(chan error, 1)
	go func() {
		_, err := from.Write(sent)
		failed <- err
	}()
	_, err := io.ReadFull(to, arrived)
	if err := errors.Join(err, <-failed); err != nil || !bytes.Equal(sent, arrived) {
		t.Fatalf("%d bytes did not arrive as they were sent: %v", length, err)
	}
}

func TestConsoleCarriesBytesBothWays(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "shown", "h1", "local")
	shown := p.hosts["h1"].display(t)

	screen, _ := p.viewer(t, machine)
	picture := <-shown.viewed
	carry(t, picture, screen, 12)
	carry(t, screen, picture, 6)
	carry(t, picture, screen, 4<<20) // a full screen without compression
	carry(t, screen, picture, 1<<20) // a large paste
	must(t, picture.Close())
	if _, err := screen.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("when the display goes, the viewer is left with %v", err)
	}

	_, socket := p.viewer(t, machine)
	picture = <-shown.viewed
	must(t, socket.Close(websocket.StatusNormalClosure, "seen enough"))
	must(t, picture.SetReadDeadline(time.Now().Add(soon)))
	if _, err := picture.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("when the viewer goes, the display is left with %v", err)
	}
}

// TestConsoleOfAVMWithoutADisplay ends at once for the viewer, and leaves the host's link as it was.
func TestConsoleOfAVMWithoutADisplay(t *testing.T) {
	p := usePlant(t)
	machine := p.provision(t, "hidden", "h1", "local")
	screen, _ := p.viewer(t, machine) // the fake's own path, at which nobody listens
	if _, err := screen.Read(make([]byte, 1)); err == nil {
		t.Error("there are bytes from nowhere")
	}
	shown := p.hosts["h1"].display(t)
	screen, _ = p.viewer(t, machine)
	carry(t, <-shown.viewed, screen, 100)
}

func TestReasonsFitIntoACloseFrame(t *testing.T) {
	long := strings.Repeat("ä", 100)
	if got := trimReason(long); len(got) > 123 || !utf8.ValidString(got) || got == "" {
		t.Errorf("%d bytes, valid: %v", len(got), utf8.ValidString(got))
	}
}
