package api

import (
	"io/fs"
	"log/slog"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/store"
)

// Config is what the API is made of.
type Config struct {
	Store     *store.Store
	Workflows Workflows
	Images    objectstore.Store // bytes of images, under images/<sha256>
	UI        fs.FS             // the built interface with index.html at its root; nil to serve none

	// TemporalUI is the base URL of Temporal's web UI, for links; empty for none.
	TemporalUI string
	// TemporalNamespace is what new hosts are told; empty means "novacron".
	TemporalNamespace string
	// Spool is the directory in which uploads wait until they were checked; empty means the system's.
	Spool string
	// MaxImageBytes is the largest image that may be uploaded; 0 means 1 TiB.
	MaxImageBytes int64
	// SessionLifetime is how long a login lasts; 0 means 12 hours.
	SessionLifetime time.Duration
	// Version is the program's own, for the OpenAPI document and /healthz.
	Version string

	Logger *slog.Logger     // nil means slog.Default()
	Clock  func() time.Time // nil means time.Now
}

func (c Config) complete() (Config, error) {
	switch {
	case c.Store == nil:
		return c, fault.Internal("the API needs a store")
	case c.Workflows == nil:
		return c, fault.Internal("the API needs workflows")
	case c.Images == nil:
		return c, fault.Internal("the API needs a store of images")
	}
	if c.TemporalNamespace == "" {
		c.TemporalNamespace = "novacron"
	}
	if c.MaxImageBytes == 0 {
		c.MaxImageBytes = 1 << 40
	}
	if c.SessionLifetime == 0 {
		c.SessionLifetime = 12 * time.Hour
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c, nil
}
