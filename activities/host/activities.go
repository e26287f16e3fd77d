package host

import (
	"context"
	"io"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
)

// Driver is what a host must be able to do for every operation; a port with fewer powers is refused when a worker starts.
type Driver interface {
	hypervisor.Host
	hypervisor.Guest
	hypervisor.Migrator
	hypervisor.Snapshotter
}

// ImageSource reads the bytes of an image from the control plane, from an offset on.
type ImageSource func(ctx context.Context, image id.Image, offset int64) (io.ReadCloser, error)

// Activities acts on one host.
type Activities struct {
	Host       id.Host
	Hypervisor Driver
	Pools      map[string]storage.Pool
	Fabric     fabric.Fabric
	Repository *backuprepo.Repository
	Images     ImageSource
	Offers     *Offers

	turns turns
}

// TaskQueue names the queue that a host's worker listens on.
func TaskQueue(host id.Host) string { return "host." + string(host) }

// On names the host an activity is meant for. A worker refuses what is meant for another one, whatever queue it came by.
type On struct {
	Host id.Host `json:"host_id"`
}

// Turn waits until no other attempt in this process works on the same thing, and says whether the caller may go on.
func (a *Activities) turn(ctx context.Context, on On, resource string) (release func(), err error) {
	if on.Host != a.Host {
		return nil, fault.Invalid("this worker acts for host %s, not for %s", a.Host, on.Host)
	}
	return a.turns.take(ctx, resource)
}

func (a *Activities) pool(name string) (storage.Pool, error) {
	pool, known := a.Pools[name]
	if !known {
		return nil, fault.Unavailable("host %s has no pool %q; add it to the worker's NOVACRON_POOLS or choose another host", a.Host, name)
	}
	return pool, nil
}

// turns is a set of named locks.
type turns struct {
	mutex sync.Mutex
	held  map[string]chan struct{}
}

func (t *turns) take(ctx context.Context, name string) (func(), error) {
	for {
		t.mutex.Lock()
		if t.held == nil {
			t.held = map[string]chan struct{}{}
		}
		before, busy := t.held[name]
		if !busy {
			mine := make(chan struct{})
			t.held[name] = mine
			t.mutex.Unlock()
			return func() {
				t.mutex.Lock()
				delete(t.held, name)
				t.mutex.Unlock()
				close(mine)
			}, nil
		}
		t.mutex.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(beatEvery):
			activity.RecordHeartbeat(ctx, "waiting for an earlier attempt to end")
		}
	}
}

// beatEvery is how often a long activity tells the control plane that it lives.
const beatEvery = 2 * time.Second

// Beat is the progress that a heartbeat carries; the timeline shows it.
type Beat struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Unit  string `json:"unit"`
}

// beating sends heartbeats until stop is called; report replaces what they carry.
func beating(ctx context.Context) (report func(Beat), stop func()) {
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
		ticker := time.NewTicker(beatEvery)
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
	report = func(progress Beat) {
		mutex.Lock()
		last = progress
		mutex.Unlock()
		activity.RecordHeartbeat(ctx, progress)
	}
	return report, sync.OnceFunc(func() { close(done) })
}
