package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// receiving is a server that takes a part of what is sent each time, and closes the connection, until it has all.
type receiving struct {
	t     *testing.T
	part  int64 // bytes that it takes of each request
	has   []byte
	posts int
	ends  string // what it answers in the end, with a status in front
}

func (r *receiving) ServeHTTP(w http.ResponseWriter, asked *http.Request) {
	switch {
	case strings.HasPrefix(asked.URL.Path, "/api/v1/image-uploads/"):
		fmt.Fprintf(w, `{"received_bytes":%d}`, len(r.has))
	case asked.Method == http.MethodPost && asked.URL.Path == "/api/v1/images":
		r.posts++
		offset, _ := strconv.ParseInt(asked.URL.Query().Get("offset"), 10, 64)
		if int(offset) != len(r.has) {
			r.t.Errorf("it goes on at %d of %d", offset, len(r.has))
		}
		got, err := io.ReadAll(io.LimitReader(asked.Body, r.part))
		if err != nil {
			r.t.Error(err)
		}
		r.has = append(r.has, got...)
		if rest, _ := io.Copy(io.Discard, asked.Body); rest > 0 {
			panic(http.ErrAbortHandler)
		}
		status, answer, _ := strings.Cut(r.ends, " ")
		code, _ := strconv.Atoi(status)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, answer)
	default:
		http.NotFound(w, asked)
	}
}

// sends runs the command against the server.
func sends(t *testing.T, to *receiving, content []byte, more ...string) outcome {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(to)
	defer server.Close()
	return call(t, &api{Server: server}, append([]string{"image", "import", path, "--name", "disk"}, more...)...)
}

func imageSaid(t *testing.T) string {
	t.Helper()
	said, err := json.Marshal(map[string]any{"id": "img_1", "name": "disk", "format": "raw", "virtual_bytes": 4096})
	if err != nil {
		t.Fatal(err)
	}
	return "201 " + string(said)
}

func TestAnUploadGoesOnWhereItBrokeOff(t *testing.T) {
	content := []byte(strings.Repeat("novacron", 1<<19)) // more than a connection holds back
	to := &receiving{t: t, part: 1 << 20, has: content[:1000:1000], ends: imageSaid(t)}
	got := sends(t, to, content)
	if got.status != exitDone || !strings.Contains(got.out, "Image disk is there") || string(to.has) != string(content) || to.posts < 3 {
		t.Errorf("after %d requests it has %d bytes of %d; it ends with %d: %s%s", to.posts, len(to.has), len(content), got.status, got.out, got.err)
	}
	if !strings.Contains(got.err, "going on in") {
		t.Errorf("it does not say that it goes on: %s", got.err)
	}
}

func TestAnUploadOfWhatIsThereSendsNothing(t *testing.T) {
	content := []byte("all of it is there")
	to := &receiving{t: t, part: 1 << 20, has: content, ends: imageSaid(t)}
	if got := sends(t, to, content); got.status != exitDone || to.posts != 1 {
		t.Errorf("%d requests, status %d: %s", to.posts, got.status, got.err)
	}
}

func TestAnUploadThatIsRefusedIsNotRepeated(t *testing.T) {
	to := &receiving{t: t, part: 1 << 20, ends: `422 {"kind":"invalid","detail":"it is no image"}`}
	if got := sends(t, to, []byte("x")); got.status == exitDone || to.posts != 1 || !strings.Contains(got.err, "it is no image") {
		t.Errorf("%d requests, status %d: %s", to.posts, got.status, got.err)
	}
}

func TestAnUploadThatNeverGoesOnEnds(t *testing.T) {
	to := &receiving{t: t, part: 1 << 20, ends: `503 {"kind":"unavailable","detail":"the store of images does not answer"}`}
	got := sends(t, to, []byte("x"))
	if got.status == exitDone || to.posts != sendTries+2 || !strings.Contains(got.err, "run the same command again") {
		t.Errorf("%d requests, status %d: %s", to.posts, got.status, got.err)
	}
}

func TestTheFileIsCheckedBeforeItIsSent(t *testing.T) {
	to := &receiving{t: t, part: 1 << 20, ends: imageSaid(t)}
	sum := sha256.Sum256([]byte("another file"))
	if got := sends(t, to, []byte("x"), "--sha256", hex.EncodeToString(sum[:])); got.status == exitDone || to.posts != 0 || !strings.Contains(got.err, "check both") {
		t.Errorf("%d requests, status %d: %s", to.posts, got.status, got.err)
	}
}
