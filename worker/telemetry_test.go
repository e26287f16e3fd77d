package worker

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
)

func TestProcessorTimesGiveTheFractionBetweenTwoReadings(t *testing.T) {
	before := processorTimes{busy: 100, total: 400}
	if got := (processorTimes{busy: 150, total: 600}).since(before); got != 0.25 {
		t.Errorf("the fraction is %v", got)
	}
	if got := before.since(before); got != 0 {
		t.Errorf("without time between, the fraction is %v", got)
	}
}

func TestReadingsWaitForThePlane(t *testing.T) {
	answer, reports := http.StatusServiceUnavailable, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answer == http.StatusNoContent {
			reports++
		}
		w.WriteHeader(answer)
	}))
	defer server.Close()
	pools := storage.NewSet(func(_ context.Context, of pool.Definition) (storage.Pool, error) {
		return storagefake.New(storagefake.Config{Name: of.Name}), nil
	})
	pools.Declare(t.Context(), []pool.Definition{{Name: "local"}})
	reporting := reporter{
		driver: hypervisorfake.NewCluster().Host("h1", "10.77.0.11"), plane: &Plane{URL: server.URL, HTTP: server.Client()},
		pools: pools,
	}
	for range backlogMost + 3 {
		if err := reporting.once(t.Context()); !fault.Is(err, fault.KindUnavailable) {
			t.Fatalf("a plane that is away gives %v", err)
		}
	}
	if len(reporting.waiting) != backlogMost {
		t.Errorf("%d reports wait", len(reporting.waiting))
	}
	answer = http.StatusNoContent
	if err := reporting.once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if reports != backlogMost || len(reporting.waiting) != 0 {
		t.Errorf("%d reports arrived and %d still wait", reports, len(reporting.waiting))
	}
}

func TestPlaneSaysWhatWentWrong(t *testing.T) {
	for status, kind := range map[int]fault.Kind{
		http.StatusNotFound: fault.KindNotFound, http.StatusUnauthorized: fault.KindDenied, http.StatusForbidden: fault.KindDenied,
		http.StatusConflict: fault.KindInvalid, http.StatusInternalServerError: fault.KindUnavailable,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		_, err := (&Plane{URL: server.URL, HTTP: server.Client()}).Networks(t.Context())
		server.Close()
		if !fault.Is(err, kind) {
			t.Errorf("status %d gives %v, not %s", status, err, kind)
		}
	}
	if _, err := (&Plane{URL: "http://127.0.0.1:1", HTTP: http.DefaultClient}).Networks(t.Context()); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("nobody there gives %v", err)
	}
}
