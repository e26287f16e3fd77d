package api

import (
	"io/fs"
	"log/slog"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/seal"
	"github.com/novacron/novacron/internal/store"
)

// Config is what the API is made of.
type Config struct {
	Store     *store.Store
	Workflows Workflows
	Images    *imagestore.Store
	// ObjectStores is where images and backups are kept.
	ObjectStores []ObjectStore
	Seal         *seal.Box // for secrets that are kept
	UI           fs.FS     // the built interface with index.html at its root; nil to serve none

	// TemporalUI is the base URL of Temporal's web UI, for links; empty for none.
	TemporalUI string
	// TemporalNamespace is what new hosts are told; empty means "novacron".
	TemporalNamespace string
	// TrashKept is how long a volume stays in the trash before it is deleted; 0 means 7 days.
	TrashKept time.Duration
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
	case c.Seal == nil:
		return c, fault.Internal("the API needs a key to seal secrets with")
	}
	if c.TemporalNamespace == "" {
		c.TemporalNamespace = "novacron"
	}
	if c.TrashKept == 0 {
		c.TrashKept = 7 * 24 * time.Hour
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
