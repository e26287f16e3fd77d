// Package beat sends the heartbeats of a long activity. They tell Temporal that the worker lives, and the timeline how far
// it is.
//
// The package never does the work that it reports on.
package beat

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// Every is how often a long activity tells the control plane that it lives.
const Every = 2 * time.Second

// Progress is what a heartbeat carries; the timeline shows it.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Unit  string `json:"unit"`
}

// Start sends heartbeats until stop is called; report replaces what they carry.
func Start(ctx context.Context) (report func(Progress), stop func()) {
	var (
		mutex sync.Mutex
		last  any
		done  = make(chan struct{})
	)
	beat := func() {
		mutex.Lock()
		details := last
		mutex.Unlock()
		if details == nil {
			activity.RecordHeartbeat(ctx)
			return
		}
		activity.RecordHeartbeat(ctx, details)
	}
	go func() {
		ticker := time.NewTicker(Every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				beat()
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	report = func(progress Progress) {
		mutex.Lock()
		last = progress
		mutex.Unlock()
		activity.RecordHeartbeat(ctx, progress)
	}
	return report, sync.OnceFunc(func() { close(done) })
}
