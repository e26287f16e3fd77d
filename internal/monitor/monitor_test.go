package monitor_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/monitor"
)

type inventory struct {
	asked int
	err   error
}

func (i *inventory) Census(context.Context) (monitor.Census, error) {
	i.asked++
	return monitor.Census{
		VMs: map[string]int{"running": 3}, Hosts: map[string]int{"ready": 2, "offline": 1},
		Operations: map[[2]string]int{{"migrate", "running"}: 1},
	}, i.err
}

func get(t *testing.T, handler http.Handler) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	return recorder.Code, recorder.Body.String()
}

func TestMetrics(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	source := &inventory{}
	metrics := monitor.New()
	metrics.Watch(source, func() time.Time { return now })
	metrics.Request("GET", "/api/v1/vms", 200, 3*time.Millisecond)
	metrics.Login("wrong")
	metrics.Accepted("migrate")
	metrics.Started("ok")
	metrics.EventsLag(50 * time.Millisecond)
	closed := metrics.Socket("events")
	_, text := get(t, metrics.Handler())
	for _, line := range []string{
		`novacron_http_request_seconds_count{method="GET",route="/api/v1/vms",status="200"} 1`,
		`novacron_logins_total{outcome="wrong"} 1`,
		`novacron_operations_accepted_total{kind="migrate"} 1`,
		`novacron_workflow_starts_total{outcome="ok"} 1`,
		`novacron_events_lag_seconds 0.05`,
		`novacron_sockets{purpose="events"} 1`,
		`novacron_vms{state="running"} 3`,
		`novacron_hosts{state="offline"} 1`,
		`novacron_operations{kind="migrate",state="running"} 1`,
		`novacron_inventory_up 1`,
		`go_goroutines`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("missing %s", line)
		}
	}
	closed()
	if _, text = get(t, metrics.Handler()); !strings.Contains(text, `novacron_sockets{purpose="events"} 0`) || source.asked != 1 {
		t.Errorf("asked the inventory %d times", source.asked)
	}
	source.err = errors.New("down")
	now = now.Add(time.Minute)
	if _, text = get(t, metrics.Handler()); !strings.Contains(text, "novacron_inventory_up 0") || strings.Contains(text, "novacron_vms{") {
		t.Error("what cannot be read must not be shown")
	}
}

func TestHealth(t *testing.T) {
	if status, text := get(t, monitor.Live("1.2")); status != http.StatusOK || !strings.Contains(text, `"version":"1.2"`) {
		t.Error(status, text)
	}
	fine := monitor.Check{Name: "database", Probe: func(context.Context) error { return nil }}
	if status, text := get(t, monitor.Ready(fine)); status != http.StatusOK || !strings.Contains(text, `"ready":true`) {
		t.Error(status, text)
	}
	down := monitor.Check{Name: "temporal", Probe: func(context.Context) error { return fault.Unavailable("Temporal does not answer") }}
	odd := monitor.Check{Name: "disk", Probe: func(context.Context) error { return errors.New("secret path") }}
	status, text := get(t, monitor.Ready(fine, down, odd))
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "Temporal does not answer") || strings.Contains(text, "secret") {
		t.Error(status, text)
	}
}
