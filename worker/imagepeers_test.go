package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/storage/storagetest"
)

// setOf is a set with one pool.
func setOf(t *testing.T, one storage.Pool) *storage.Set {
	t.Helper()
	set := storage.NewSet(func(context.Context, pool.Definition) (storage.Pool, error) { return one, nil })
	set.Declare(t.Context(), []pool.Definition{{ID: id.New[id.Pool](), Name: "local"}})
	return set
}

// peered is a host that has an image, with what it takes to ask it.
func peered(t *testing.T) (peer *httptest.Server, key []byte, base storage.BaseImage, content []byte) {
	t.Helper()
	kept := storagefake.New(storagefake.Config{Name: "local"})
	base, content, fetch, _ := storagetest.Image(1 << 20)
	must(t, kept.EnsureImage(t.Context(), base, fetch))
	_, key = auth.MintToken(auth.HostPrefix)
	peer = httptest.NewServer(&imageServer{key: key, pools: setOf(t, kept), log: slog.New(slog.DiscardHandler)})
	t.Cleanup(peer.Close)
	return peer, key, base, content
}

// told is a control plane that names these peers.
func told(t *testing.T, peers ...host.Peer) *imagePeers {
	t.Helper()
	plane := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v1/hosts/self/images/img_") || !strings.HasSuffix(r.URL.Path, "/peers") {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(peers)
	}))
	t.Cleanup(plane.Close)
	return newImagePeers(&Plane{URL: plane.URL, HTTP: plane.Client()}, slog.New(slog.DiscardHandler))
}

func address(server *httptest.Server) string { return strings.TrimPrefix(server.URL, "http://") }

func TestImagesComeFromTheFirstPeerThatGivesThem(t *testing.T) {
	peer, key, base, content := peered(t)
	ticket := auth.MintTicket(key, string(base.Image), time.Now().Add(time.Minute))
	peers := told(t, host.Peer{Address: "127.0.0.1:1", Ticket: ticket}, host.Peer{Address: address(peer), Ticket: "wrong"}, host.Peer{Address: address(peer), Ticket: ticket})
	for _, offset := range []int64{0, 1000, base.SizeBytes} {
		opened, err := peers.open(t.Context(), base, offset)
		must(t, err)
		got, err := io.ReadAll(opened)
		if err != nil || !bytes.Equal(got, content[offset:]) {
			t.Errorf("from %d on it reads %d bytes, %v", offset, len(got), err)
		}
		must(t, opened.Close())
	}
}

func TestImagesThatNoPeerGives(t *testing.T) {
	peer, key, base, _ := peered(t)
	other := base
	other.SHA256 = strings.Repeat("ab", 32)
	ticket := auth.MintTicket(key, string(base.Image), time.Now().Add(time.Minute))
	for name, each := range map[string]struct {
		image  storage.BaseImage
		offset int64
		peers  []host.Peer
	}{
		"nobody has it":                  {base, 0, nil},
		"the ticket has run out":         {base, 0, []host.Peer{{Address: address(peer), Ticket: auth.MintTicket(key, string(base.Image), time.Now().Add(-time.Second))}}},
		"the ticket is of another image": {base, 0, []host.Peer{{Address: address(peer), Ticket: auth.MintTicket(key, "img_2", time.Now().Add(time.Minute))}}},
		"it has other bytes":             {other, 0, []host.Peer{{Address: address(peer), Ticket: ticket}}},
		"beyond the end":                 {base, base.SizeBytes + 1, []host.Peer{{Address: address(peer), Ticket: ticket}}},
	} {
		if _, err := told(t, each.peers...).open(t.Context(), each.image, each.offset); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPeerOnlyGives(t *testing.T) {
	peer, key, base, _ := peered(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, peer.URL+"/"+string(base.Image), nil)
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+auth.MintTicket(key, string(base.Image), time.Now().Add(time.Minute)))
	answer, err := peer.Client().Do(request)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("it answers %s", answer.Status)
	}
}

// TestAPeerWhoseBytesStopComing is left after a while.
func TestAPeerWhoseBytesStopComing(t *testing.T) {
	begun := make(chan struct{})
	frozen := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
	}))
	defer frozen.Close()
	ctx, stop := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, frozen.URL, nil)
	must(t, err)
	answer, err := frozen.Client().Do(request)
	must(t, err)
	<-begun
	body := &stalling{ReadCloser: answer.Body, stop: stop, timer: time.AfterFunc(time.Hour, stop)}
	read := make([]byte, 4)
	if _, err := io.ReadFull(body, read); err != nil {
		t.Fatal(err)
	}
	body.timer.Reset(50 * time.Millisecond)
	if _, err := answer.Body.Read(read); err == nil {
		t.Error("it goes on waiting")
	}
	must(t, body.Close())
}
