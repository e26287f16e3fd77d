package imagefetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

var errTooLarge = fault.Invalid("too large")

// origin serves one file, and breaks off or misbehaves as a test wants.
type origin struct {
	*httptest.Server
	content []byte
	etag    string
	breakAt int // bytes after which an answer breaks off; 0: never
	ranges  []string
}

func newOrigin(t *testing.T) *origin {
	o := &origin{content: make([]byte, 1<<20), etag: `"v1"`}
	_, _ = rand.NewChaCha8([32]byte{3}).Read(o.content)
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.ranges = append(o.ranges, r.Header.Get("Range"))
		if o.etag != "" {
			w.Header().Set("ETag", o.etag)
		}
		if o.breakAt > 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(o.content)))
			_, _ = w.Write(o.content[:o.breakAt])
			return
		}
		http.ServeContent(w, r, "disk.raw", time.Unix(1e9, 0), bytes.NewReader(o.content))
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *origin) request(t *testing.T) Request {
	return Request{URL: o.URL + "/disk.raw", Local: true, File: filepath.Join(t.TempDir(), "file"), MaxBytes: 4 << 20, TooLarge: errTooLarge}
}

func (o *origin) whole(t *testing.T, asked Request) {
	t.Helper()
	got, err := Fetch(t.Context(), asked)
	sum := sha256.Sum256(o.content)
	if err != nil || got.Bytes != int64(len(o.content)) || got.SHA256 != hex.EncodeToString(sum[:]) {
		t.Fatalf("Fetch = %+v, %v %v", got, err, errors.Unwrap(err))
	}
	content, err := os.ReadFile(asked.File)
	if err != nil || !bytes.Equal(content, o.content) {
		t.Fatalf("the file differs: %v", err)
	}
}

func TestFetchOnceAndAgain(t *testing.T) {
	o := newOrigin(t)
	asked := o.request(t)
	var done, total int64
	asked.Progress = func(d, all int64) { done, total = d, all }
	o.whole(t, asked)
	o.whole(t, asked)
	if len(o.ranges) != 1 || done != 1<<20 || total != 1<<20 {
		t.Errorf("%d requests, progress %d of %d", len(o.ranges), done, total)
	}
}

func TestFetchGoesOnWhereItEnded(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(o *origin)
		wants  string // the second request's Range
	}{
		{"the same file", func(*origin) {}, "bytes=300000-"},
		{"another file", func(o *origin) { o.etag = `"v2"`; o.content = bytes.Repeat([]byte("x"), 1<<20) }, "bytes=300000-"},
		{"a shorter file", func(o *origin) { o.etag = `"v2"`; o.content = o.content[:200000] }, "bytes=300000-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOrigin(t)
			asked := o.request(t)
			o.breakAt = 300000
			if _, err := Fetch(t.Context(), asked); !fault.Is(err, fault.KindUnavailable) {
				t.Fatalf("a broken download: %v", err)
			}
			o.breakAt = 0
			c.change(o)
			o.whole(t, asked)
			if o.ranges[1] != c.wants {
				t.Errorf("ranges %q", o.ranges)
			}
		})
	}
}

func TestFetchBeginsAnewWithoutAName(t *testing.T) {
	o := newOrigin(t)
	o.etag = `W/"weak"`
	asked := o.request(t)
	o.breakAt = 300000 // that answer has no Last-Modified
	_, _ = Fetch(t.Context(), asked)
	o.breakAt = 0
	o.whole(t, asked)
	if o.ranges[1] != "" {
		t.Errorf("ranges %q", o.ranges)
	}
}

// A worker that died after the last byte need not download again.
func TestFetchOfWhatIsThere(t *testing.T) {
	o := newOrigin(t)
	asked := o.request(t)
	o.whole(t, asked)
	memory, _ := os.ReadFile(asked.File + ".json")
	cut, _, _ := strings.Cut(string(memory), `,"whole"`)
	if err := os.WriteFile(asked.File+".json", []byte(cut+"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.whole(t, asked)
	if len(o.ranges) != 1 {
		t.Errorf("ranges %q", o.ranges)
	}
}

func TestFetchRefuses(t *testing.T) {
	page := func(status int, header, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	server := httptest.NewServer(nil)
	defer server.Close()
	mux := http.NewServeMux()
	server.Config.Handler = mux
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		kind    fault.Kind
		says    string
	}{
		{"missing", page(404, "X", "", ""), fault.KindInvalid, "no such file (404)"},
		{"forbidden", page(403, "X", "", ""), fault.KindInvalid, "upload it"},
		{"busy", page(503, "X", "", ""), fault.KindUnavailable, "(503)"},
		{"strange", page(204, "X", "", ""), fault.KindInvalid, "204"},
		{"page", page(200, "Content-Type", "text/html; charset=utf-8", "hello"), fault.KindInvalid, "web page"},
		{"hidden-page", page(200, "Content-Type", "application/octet-stream", "\n <!DOCTYPE html><html>"), fault.KindInvalid, "web page"},
		{"encoded", page(200, "Content-Encoding", "br", "x"), fault.KindInvalid, "encoded"},
		{"other-scheme", page(302, "Location", "https://example.org/", ""), fault.KindInvalid, "from http to https"},
		{"file-scheme", page(302, "Location", "file:///etc/passwd", ""), fault.KindInvalid, "from http to file"},
		{"login", page(302, "Location", "http://me:secret@127.0.0.1/", ""), fault.KindInvalid, "user or password"},
		{"loop", page(302, "Location", "/loop", ""), fault.KindInvalid, "more than 10 times"},
		{"large", page(200, "Content-Length", strconv.Itoa(5<<20), strings.Repeat("x", 5<<20)), fault.KindInvalid, "too large"},
		{"large-unsaid", func(w http.ResponseWriter, _ *http.Request) {
			for range 5 {
				_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
				w.(http.Flusher).Flush()
			}
		}, fault.KindInvalid, "too large"},
	} {
		mux.HandleFunc("/"+c.name, c.handler)
		asked := Request{URL: server.URL + "/" + c.name, Local: true, File: filepath.Join(t.TempDir(), "file"), MaxBytes: 4 << 20, TooLarge: errTooLarge}
		if _, err := Fetch(t.Context(), asked); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v should be %s and say %q", c.name, err, c.kind, c.says)
		}
	}
	gone := Request{URL: "http://127.0.0.1:1/x", Local: true, File: filepath.Join(t.TempDir(), "file"), MaxBytes: 1}
	if _, err := Fetch(t.Context(), gone); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Fetch(ended, gone); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestFetchStaysOutside(t *testing.T) {
	o := newOrigin(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(o.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "[fe80::1%25lo]", "0.0.0.0", "[::]"} {
		asked := o.request(t)
		asked.URL, asked.Local = "http://"+host+":"+port+"/disk.raw", false
		if _, err := Fetch(t.Context(), asked); !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), "administrator") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if len(o.ranges) > 0 {
		t.Error("a request arrived")
	}
	for text, want := range map[string]bool{
		"192.0.2.7": true, "10.1.2.3": true, "2001:db8::1": true, "fd00::1": true, "127.8.9.10": false, "0.1.2.3": false, "224.0.0.1": false,
		"255.255.255.255": false, "ff02::1": false, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::c000:207": true, "2002:7f00:1::": false,
	} {
		if outside(netip.MustParseAddr(text)) != want {
			t.Errorf("outside(%s) = %t", text, !want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for _, text := range []string{"", "disk.qcow2", "ftp://example.org/x", "file:///etc/passwd", "http:///x", "https://me@example.org/x", "http://[", "https://" + strings.Repeat("a", 5000)} {
		if err := CheckURL(text); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if err := CheckURL("https://images.example.org/disk.qcow2?token=1"); err != nil {
		t.Error(err)
	}
}
