package monitor

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what the API does. It is safe for concurrent use.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.HistogramVec
	logins    *prometheus.CounterVec
	accepted  *prometheus.CounterVec
	starts    *prometheus.CounterVec
	sockets   *prometheus.GaugeVec
	eventsLag prometheus.Gauge
}

// New makes metrics with a registry of their own, which also holds those of the Go runtime and the process.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "novacron_http_request_seconds", Help: "Duration of HTTP requests.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "status"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "novacron_logins_total", Help: "Logins by outcome: ok, wrong or throttled.",
		}, []string{"outcome"}),
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "novacron_operations_accepted_total", Help: "Operations accepted by kind.",
		}, []string{"kind"}),
		starts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "novacron_workflow_starts_total", Help: "Workflows started by the API itself, by outcome: ok, or left (to the outbox).",
		}, []string{"outcome"}),
		sockets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "novacron_sockets", Help: "Open WebSockets by purpose: events, console, link.",
		}, []string{"purpose"}),
		eventsLag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "novacron_events_lag_seconds", Help: "Age of the newest event when it was read for the streams.",
		}),
	}
	m.registry.MustRegister(m.requests, m.logins, m.accepted, m.starts, m.sockets, m.eventsLag,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request records one HTTP request; route is the pattern, never the path.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Login records a login's outcome.
func (m *Metrics) Login(outcome string) { m.logins.WithLabelValues(outcome).Inc() }

// Accepted records that an operation was accepted.
func (m *Metrics) Accepted(kind string) { m.accepted.WithLabelValues(kind).Inc() }

// Started records an attempt to start a workflow at once.
func (m *Metrics) Started(outcome string) { m.starts.WithLabelValues(outcome).Inc() }

// Socket records that a WebSocket was opened; the result records that it was closed.
func (m *Metrics) Socket(purpose string) (closed func()) {
	gauge := m.sockets.WithLabelValues(purpose)
	gauge.Inc()
	return gauge.Dec
}

// EventsLag records how old the newest event was when it was read.
func (m *Metrics) EventsLag(age time.Duration) { m.eventsLag.Set(max(0, age.Seconds())) }

// Watch adds the state of the inventory to the metrics.
func (m *Metrics) Watch(inventory Inventory, now func() time.Time) {
	m.registry.MustRegister(&inventoryCollector{inventory: inventory, now: now})
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}
