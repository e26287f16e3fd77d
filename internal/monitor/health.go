package monitor

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Check is one thing that must answer before the process can do its work.
type Check struct {
	Name  string
	Probe func(ctx context.Context) error
}

const probeTimeout = 2 * time.Second

type readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // "ok", or a sentence
}

// Live answers that the process lives.
func Live(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok", "version": version})
	})
}

// Ready asks all checks at once and answers 200 if all of them are fine, 503 if not. Causes stay hidden: the answer is
// public.
func Ready(checks ...Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		found := readiness{Ready: true, Checks: map[string]string{}}
		var group sync.WaitGroup
		var mutex sync.Mutex
		for _, check := range checks {
			group.Go(func() {
				result := probe(ctx, check)
				mutex.Lock()
				defer mutex.Unlock()
				found.Checks[check.Name] = result
				found.Ready = found.Ready && result == "ok"
			})
		}
		group.Wait()
		status := http.StatusOK
		if !found.Ready {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, found)
	})
}

func probe(ctx context.Context, check Check) string {
	err := check.Probe(ctx)
	switch {
	case err == nil:
		return "ok"
	case fault.Is(err, fault.KindUnavailable):
		return err.Error()
	default:
		return "does not answer"
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
