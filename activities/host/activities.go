package host

import (
	"context"
	"io"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/novacron/novacron/activities/beat"
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
	hypervisor.DiskMover
	hypervisor.DiskGrower
	hypervisor.DiskAttacher
	hypervisor.DiskLimiter
	hypervisor.DiskSnapshotter
}

// ImageSource reads the bytes of an image from an offset on.
type ImageSource func(ctx context.Context, image storage.BaseImage, offset int64) (io.ReadCloser, error)

// Pools finds a host's pools by name; the error is Unavailable.
type Pools interface {
	Pool(name string) (storage.Pool, error)
	// Renew has a pool opened anew: its place is no longer what it was.
	Renew(name string)
}

// Repository gives the backup repository, wherever it is declared to be now; the error is Unavailable.
type Repository func() (*backuprepo.Repository, error)

// Activities acts on one host.
type Activities struct {
	Host       id.Host
	Hypervisor Driver
	Pools      Pools
	Fabric     fabric.Fabric
	Repository Repository
	Images     ImageSource // the control plane's store
	PeerImages ImageSource // hosts that have the image; NotFound if none does
	Keep       ImageSink
	Offers     *Offers
	Seeds      *Seeds

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

// poolTurn is a turn for work in a pool; the error is Unavailable while the host does not have the pool.
func (a *Activities) poolTurn(ctx context.Context, on On, resource, name string) (storage.Pool, func(), error) {
	release, err := a.turn(ctx, on, resource)
	if err != nil {
		return nil, nil, err
	}
	pool, err := a.Pools.Pool(name)
	if err != nil {
		release()
		return nil, nil, err
	}
	return pool, release, nil
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
		case <-time.After(beat.Every):
			activity.RecordHeartbeat(ctx, "waiting for an earlier attempt to end")
		}
	}
}

// Beat is the progress that a heartbeat carries; the timeline shows it.
type Beat = beat.Progress

// beating sends heartbeats until stop is called; report replaces what they carry.
func beating(ctx context.Context) (report func(Beat), stop func()) { return beat.Start(ctx) }
