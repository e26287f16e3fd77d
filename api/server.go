package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/monitor"
	"github.com/novacron/novacron/internal/store"
)

// Server is the API. It is an http.Handler from the start; Run keeps its background parts going.
type Server struct {
	config    Config
	log       *slog.Logger
	store     *store.Store
	workflows Workflows
	now       func() time.Time
	metrics   *monitor.Metrics
	memory    *auth.Memory
	throttle  *auth.Throttle
	projects  *projectBook
	engine    *gin.Engine
	huma      huma.API
	routes    []route
	feed      *feed
	watchers  *watchers
	consoles  *consoles
	sightings *sightings
	images    *imagestore.Store
	starting  sync.WaitGroup
	turns     chan struct{} // of what is being started
	patience  patience
	stopping  context.Context
	stop      context.CancelFunc
}

// patience is how long the server waits for others.
type patience struct {
	write  time.Duration // for the other end of a WebSocket to take a message
	dialIn time.Duration // for a host to answer a request for a console
	body   time.Duration // for a JSON body to arrive
	stall  time.Duration // for the next bytes of an upload
}

const principalLifetime = 5 * time.Second

// New builds the API. The error is fault.Internal for a configuration that lacks something.
func New(config Config) (*Server, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	stopping, stop := context.WithCancel(context.Background())
	s := &Server{
		config: config, log: config.Logger, store: config.Store, workflows: config.Workflows, now: config.Clock,
		metrics:   monitor.New(),
		memory:    auth.NewMemory(principalLifetime, config.Clock),
		throttle:  auth.NewThrottle(config.Clock),
		projects:  &projectBook{load: config.Store.GetProject, now: config.Clock, known: map[string]knownProject{}},
		images:    config.Images,
		consoles:  newConsoles(),
		sightings: newSightings(),
		patience:  patience{write: 10 * time.Second, dialIn: 10 * time.Second, body: 20 * time.Second, stall: time.Minute},
		turns:     make(chan struct{}, runtime.NumCPU()),
		stopping:  stopping, stop: stop,
	}
	s.feed = newFeed(config.Store, s.metrics, config.Clock, config.Logger)
	s.watchers = newWatchers(s.watchOnce)
	s.metrics.Watch(census{store: config.Store}, config.Clock)
	s.assemble()
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Run follows the event log for the streams until ctx ends, which is its only end.
func (s *Server) Run(ctx context.Context) error { return s.feed.run(ctx) }

// Close ends all WebSockets and waits for workflows that are being started. Requests that are under way are the HTTP
// server's to wait for.
func (s *Server) Close() {
	s.stop()
	s.starting.Wait()
}

// HTTPServer wraps the API in a server with the time limits it is meant to run with. Bodies and answers may take long
// (images, consoles, events), so only headers and idleness are limited here; JSON bodies are limited by their routes.
func (s *Server) HTTPServer(address string) *http.Server {
	return &http.Server{
		Addr: address, Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}
