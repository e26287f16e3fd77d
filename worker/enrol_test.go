package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fabric"
	fabricfake "github.com/novacron/novacron/internal/fabric/fake"
	"github.com/novacron/novacron/internal/fault"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
)

// newcomer is a host that no API knows yet.
func newcomer(t *testing.T, server string) *Host {
	t.Helper()
	made := newFakeHost(hypervisorfake.NewCluster(), "h9", netip.MustParseAddr("127.77.0.19"), storagefake.New(storagefake.Config{Name: "shared", Shared: true}))
	return made.worker(server, "nce_once", "127.0.0.1:1", t.TempDir(), nil, slog.New(slog.DiscardHandler))
}

// gate is an API that answers enrolments with statuses in turn, and then lets the host in.
func gate(t *testing.T, statuses ...int) (url string, asked *[]Enrolment) {
	t.Helper()
	asked = &[]Enrolment{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var first Enrolment
		if err := json.NewDecoder(r.Body).Decode(&first); err != nil || r.URL.Path != "/api/v1/hosts/enrol" {
			t.Errorf("%s is asked with %v", r.URL.Path, err)
		}
		*asked = append(*asked, first)
		if turn := len(*asked) - 1; turn < len(statuses) {
			w.WriteHeader(statuses[turn])
			fmt.Fprint(w, `{"detail":"the reason"}`)
			return
		}
		fmt.Fprint(w, `{"host_id":"hst_1","token":"nch_1","temporal_namespace":"elsewhere"}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestEnrolmentIsRemembered(t *testing.T) {
	url, asked := gate(t, http.StatusTooManyRequests)
	newHost := newcomer(t, url)
	plane := &Plane{URL: url, HTTP: http.DefaultClient}
	known, err := newHost.enrol(t.Context(), plane)
	must(t, err)
	if want := (identity{Host: "hst_1", Token: "nch_1", Namespace: "elsewhere"}); known != want || len(*asked) != 2 {
		t.Fatalf("after %d attempts the host is %+v", len(*asked), known)
	}
	said := (*asked)[1]
	if said.Token != "nce_once" || said.Name != "h9" || said.Facts.MigrationAddress != "127.77.0.19" || said.Facts.WorkerVersion != "test" || len(said.Facts.Pools) != 0 {
		t.Errorf("the host introduced itself as %+v", said)
	}
	if info, err := os.Stat(filepath.Join(newHost.State, identityFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the identity is kept as %v (%v)", info, err)
	}
	newHost.EnrolToken = ""
	if again, err := newHost.enrol(t.Context(), plane); err != nil || again != known || len(*asked) != 2 {
		t.Errorf("a host that is known asks again (%d times) and is %+v: %v", len(*asked), again, err)
	}
}

func TestEnrolmentThatIsRefusedEnds(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusConflict} {
		url, _ := gate(t, status)
		newHost := newcomer(t, url)
		if _, err := newHost.enrol(t.Context(), &Plane{URL: url, HTTP: http.DefaultClient}); err == nil || !strings.Contains(err.Error(), "the reason") {
			t.Errorf("%d is taken as %v", status, err)
		}
	}
}

func TestEnrolmentNeedsATokenOrAnIdentity(t *testing.T) {
	newHost := newcomer(t, "http://127.0.0.1:1")
	newHost.EnrolToken = ""
	if err := newHost.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "novacron host add") {
		t.Errorf("without a token: %v", err)
	}
	for _, content := range []string{"", "{", `{"host_id":"hst_1"}`} {
		must(t, os.WriteFile(filepath.Join(newHost.State, identityFile), []byte(content), 0o600))
		if err := newHost.Run(t.Context()); err == nil || !strings.Contains(err.Error(), identityFile) || !strings.Contains(err.Error(), "novacron host add") {
			t.Errorf("with %q: %v", content, err)
		}
	}
}

func TestEnrolmentWaitsUntilItIsToldToStop(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := newcomer(t, "http://127.0.0.1:1").Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ends with %v", err)
	}
}

func TestConnectingWaitsUntilItIsToldToStop(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := Connect(ctx, "127.0.0.1:1", "novacron", "test", slog.New(slog.DiscardHandler)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ends with %v", err)
	}
}

// TestNetworksHavePeersThatAreNoHosts sets up the networks that the API names, with the peers of the worker's own.
func TestNetworksHavePeersThatAreNoHosts(t *testing.T) {
	wanted := fabric.Network{
		Network: id.New[id.Network](), VNI: 100, Range: netip.MustParsePrefix("10.90.0.0/16"), Gateway: netip.MustParseAddr("10.90.0.1"),
		MTU: 1450, Peers: []netip.Addr{netip.MustParseAddr("10.77.0.12")},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode([]fabric.Network{wanted})
	}))
	defer server.Close()
	made := fabricfake.New()
	extra := netip.MustParseAddr("10.77.0.1")
	worker := &Host{Fabric: made, ExtraPeers: []netip.Addr{extra}}
	must(t, worker.syncNetworks(t.Context(), &Plane{URL: server.URL, HTTP: server.Client()}))
	networks := made.Networks()
	if len(networks) != 1 || len(networks[0].Peers) != 2 || networks[0].Peers[1] != extra || len(wanted.Peers) != 1 {
		t.Errorf("the networks are %+v", networks)
	}
}

// TestRefusedReadingsAreDropped keeps one report that is never taken from keeping the others waiting.
func TestRefusedReadingsAreDropped(t *testing.T) {
	var answers []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answers[0])
		answers = answers[1:]
	}))
	defer server.Close()
	reporting := reporter{pools: storage.NewSet(nil), driver: hypervisorfake.NewCluster().Host("h1", "10.77.0.11"), plane: &Plane{URL: server.URL, HTTP: server.Client()}}
	answers = []int{http.StatusServiceUnavailable}
	if err := reporting.once(t.Context()); !fault.Is(err, fault.KindUnavailable) || len(reporting.waiting) != 1 {
		t.Fatalf("%d reports wait for a plane that is away: %v", len(reporting.waiting), err)
	}
	answers = []int{http.StatusUnprocessableEntity, http.StatusNoContent}
	if err := reporting.once(t.Context()); !fault.Is(err, fault.KindInvalid) || len(reporting.waiting) != 0 {
		t.Errorf("%d reports wait behind one that is refused: %v", len(reporting.waiting), err)
	}
}

func TestImagesAreReadFromAnOffset(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
	}))
	defer server.Close()
	plane := &Plane{URL: server.URL + "/", HTTP: server.Client()}
	for offset, want := range map[int64]string{0: "0123456789", 7: "789"} {
		content, err := plane.Image(t.Context(), storage.BaseImage{Image: "img_1"}, offset)
		must(t, err)
		if got, err := io.ReadAll(content); err != nil || string(got) != want {
			t.Errorf("from %d on it reads %q (%v)", offset, got, err)
		}
		must(t, content.Close())
	}
	if _, err := plane.Image(t.Context(), storage.BaseImage{Image: "img_1"}, 99); err == nil {
		t.Error("beyond the end there is something")
	}
}

func TestAnswersThatCannotBeRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	defer server.Close()
	if _, err := (&Plane{URL: server.URL, HTTP: server.Client()}).Networks(t.Context()); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("a page instead of an answer gives %v", err)
	}
}

// TestJournalOfADeadMachine holds tokens that a power cut left empty, cut off or outdated. None may keep a worker from work.
func TestJournalOfADeadMachine(t *testing.T) {
	p := usePlant(t)
	kept, err := newJournal(filepath.Join(t.TempDir(), "activities"), slog.New(slog.DiscardHandler))
	must(t, err)
	for name, token := range map[string]string{"a-empty": "", "b-cut": "\x0a\x24abc", "c-nonsense": "nonsense"} {
		must(t, os.WriteFile(filepath.Join(kept.directory, name), []byte(token), 0o600))
	}
	if err := kept.failLeftovers(t.Context(), p.client); err != nil {
		t.Errorf("telling Temporal: %v", err)
	}
	if left, err := os.ReadDir(kept.directory); err != nil || len(left) > 0 {
		t.Errorf("%v are left (%v)", left, err)
	}
}

func TestEveryTriesAgainSoon(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	turns := make(chan time.Time, 2)
	go every(ctx, slog.New(slog.DiscardHandler), "testing", 20*time.Millisecond, func(context.Context) error {
		turns <- time.Now()
		if len(turns) == cap(turns) {
			stop()
		}
		return errors.New("not yet")
	})
	first, second := <-turns, <-turns
	if second.Sub(first) < 20*time.Millisecond {
		t.Errorf("it was tried again after %s", second.Sub(first))
	}
}

func TestEndingTellsBeingToldFromBeingRefused(t *testing.T) {
	told, stop := context.WithCancel(t.Context())
	working, fail := context.WithCancelCause(told)
	fail(errors.New("the namespace is gone"))
	if err := ending(told, working); err == nil || !strings.Contains(err.Error(), "the namespace is gone") {
		t.Errorf("a worker that Temporal refuses ends with %v", err)
	}
	stop()
	if err := ending(told, working); err != nil {
		t.Errorf("a worker that is told to stop ends with %v", err)
	}
}
