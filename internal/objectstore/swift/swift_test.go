package swift_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/swift"
)

func TestConfig(t *testing.T) {
	sane := swift.Config{SwiftPlace: objectstore.SwiftPlace{AuthURL: "http://127.0.0.1:1/auth/v1.0", User: "u", Key: "k", Container: "c"}}
	if _, err := swift.New(sane); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*swift.Config){
		"auth_url":      func(c *swift.Config) { c.AuthURL = "swift.example.org" },
		"user":          func(c *swift.Config) { c.User = "" },
		"key":           func(c *swift.Config) { c.Key = "" },
		"container":     func(c *swift.Config) { c.Container = "a/b" },
		"segment_bytes": func(c *swift.Config) { c.SegmentBytes = -1 },
	} {
		bad := sane
		change(&bad)
		_, err := swift.New(bad)
		if !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// moody is a Swift that answers objects with one status after the other, and with content in the end.
func moody(t *testing.T, statuses ...int) (config swift.Config, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/auth/v1.0", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Storage-Url", server.URL+"/v1/a")
		w.Header().Set("X-Auth-Token", "t")
	})
	mux.HandleFunc("/v1/a/", func(w http.ResponseWriter, r *http.Request) {
		at := int(asked.Add(1)) - 1
		if at < len(statuses) {
			w.WriteHeader(statuses[at])
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Etag", "5d41402abc4b2a76b9719d911017c592") // of "hello"
		_, _ = io.WriteString(w, "hello")
	})
	place := objectstore.SwiftPlace{AuthURL: server.URL + "/auth/v1.0", User: "u", Key: "k", Container: "c"}
	return swift.Config{SwiftPlace: place, Patience: 5 * time.Second}, asked
}

func TestPassingFailuresAreWaitedFor(t *testing.T) {
	config, asked := moody(t, http.StatusServiceUnavailable, 498, http.StatusTooManyRequests, http.StatusUnauthorized)
	store, err := swift.New(config)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := store.Get(t.Context(), "a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil || string(content) != "hello" || asked.Load() != 5 {
		t.Errorf("read %q, %v, with %d requests", content, err, asked.Load())
	}
}

func TestLastingFailuresAreNot(t *testing.T) {
	for answer, kind := range map[int]fault.Kind{
		http.StatusForbidden: fault.KindDenied, http.StatusRequestEntityTooLarge: fault.KindExhausted,
		http.StatusInsufficientStorage: fault.KindExhausted, http.StatusBadRequest: fault.KindUnavailable,
	} {
		config, asked := moody(t, answer, answer)
		store, err := swift.New(config)
		if err != nil {
			t.Fatal(err)
		}
		err = store.Put(t.Context(), "a", strings.NewReader("hello"), 5)
		if !fault.Is(err, kind) || asked.Load() != 1 {
			t.Errorf("%d became %v after %d requests", answer, err, asked.Load())
		}
	}
}

func TestPatienceEnds(t *testing.T) {
	config, _ := moody(t)
	config.AuthURL, config.Patience = "http://127.0.0.1:1/auth/v1.0", 300*time.Millisecond
	store, err := swift.New(config)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := store.Stat(t.Context(), "a"); !fault.Is(err, fault.KindUnavailable) || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

// TestDamageOnTheWay lets the content differ from its checksum.
func TestDamageOnTheWay(t *testing.T) {
	config, _ := moody(t)
	damaging := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Storage-Url", "http://"+r.Host+"/v1/a")
		w.Header().Set("X-Auth-Token", "t")
		w.Header().Set("Etag", "5d41402abc4b2a76b9719d911017c592")
		_, _ = io.WriteString(w, "hullo")
	}))
	t.Cleanup(damaging.Close)
	config.AuthURL = damaging.URL + "/auth/v1.0"
	store, err := swift.New(config)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := store.Get(t.Context(), "a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(reader); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("damaged content passed: %v", err)
	}
}
