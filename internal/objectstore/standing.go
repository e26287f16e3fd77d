package objectstore

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Standing is what an installation keeps in one store, where that is, and whether the server reaches it.
type Standing struct {
	Holds     string `json:"holds" enum:"images,backups"`
	Driver    string `json:"driver" enum:"dir,swift"`
	Place     string `json:"place" doc:"Where it is, without what lets one in"`
	Available bool   `json:"available" doc:"The server reaches it; a directory of hosts is theirs to reach"`
	Detail    string `json:"detail,omitempty" doc:"Why it is not available"`
}

// probeKey is looked for to see whether a store answers; no store has it.
const probeKey = "novacron-probe"

// Probe says whether a store answers within a limit; the error is a fault.
func Probe(ctx context.Context, store Store, limit time.Duration) error {
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	_, err := store.Stat(limited, probeKey)
	switch {
	case fault.Is(err, fault.KindNotFound):
		return nil
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return fault.Unavailable("it does not answer within %s: see whether it is up, and whether it can be reached from here", limit).Because(err)
	}
	return err
}
