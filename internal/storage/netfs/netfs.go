package netfs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/local"
)

// Config describes a pool.
type Config struct {
	Name       string
	Settings   pool.NetFSSettings
	Key        string // a private key of ssh or a password of CIFS; never logged
	Removing   bool   // the pool is being given up: do not make it again
	RuntimeDir string // absolute, in memory: for keys, and for sockets of ServeVolume
	Memory     string // file in which the host notes that it has seen the pool
}

// Pool is a directory of volumes on a file system that it mounts. It is safe for concurrent use.
type Pool struct {
	*local.Pool
	config  Config
	here    local.Config
	stop    context.CancelFunc
	watched sync.WaitGroup
	probes  chan struct{} // at most one look at a file system that may hang

	mutex   sync.Mutex
	trouble error // why the file system is not there; nil if it is
	givenUp bool  // it is not to be made a pool again
}

var (
	_ storage.Pool     = (*Pool)(nil)
	_ storage.Exporter = (*Pool)(nil)
)

const (
	watchEvery = 5 * time.Second
	firstMount = 20 * time.Second // how long New waits for a mount before it leaves it to the watch
)

// New mounts the file system and keeps it mounted until Close. A server that does not answer now is no error: every call says
// so until it does.
func New(ctx context.Context, config Config) (*Pool, error) {
	p := &Pool{config: config, givenUp: config.Removing, probes: make(chan struct{}, 1), trouble: fault.Unavailable("pool %s is being mounted", config.Name)}
	p.here = local.Config{
		Name: config.Name, Dir: config.Settings.At, Shared: true, RuntimeDir: filepath.Join(config.RuntimeDir, "nbd"), Driver: string(pool.NetFS),
		Mounted: p.mounted, Memory: config.Memory,
	}
	var err error
	if p.Pool, err = local.New(p.here); err != nil {
		return nil, err
	}
	first, cancel := context.WithTimeout(ctx, firstMount)
	defer cancel()
	p.look(first)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.watched.Go(func() { p.watch(watching) })
	return p, nil
}

func (p *Pool) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look mounts what is not mounted and remembers how that went.
func (p *Pool) look(ctx context.Context) {
	err := p.ensure(ctx)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err == nil && !p.givenUp {
		err = p.initialise()
	}
	p.trouble = err
}

// Clear implements storage.Pool.
func (p *Pool) Clear(ctx context.Context) error {
	p.mutex.Lock()
	p.givenUp = true
	p.mutex.Unlock()
	return p.Pool.Clear(ctx)
}

// initialise makes a new file system a pool. Its directory is asked for a marker by local.Pool at each use.
func (p *Pool) initialise() error {
	here := p.here
	here.Mounted = nil
	return local.InitOnce(here)
}

// mounted says whether the file system is there, by what the kernel says now and by how the last look at it went.
func (p *Pool) mounted() error {
	p.mutex.Lock()
	trouble := p.trouble
	p.mutex.Unlock()
	if trouble != nil {
		return trouble
	}
	is, err := p.inPlace()
	if err == nil && !is {
		err = fault.Unavailable("pool %s is not mounted at %s; it is mounted again within seconds", p.config.Name, p.config.Settings.At)
	}
	return err
}

// Close ends the watch and leaves the mount to the guests that use it.
func (p *Pool) Close() {
	p.stop()
	p.watched.Wait()
}

// Forget takes the mount away, unless something has a file open on it, with the key and the note that this host saw the pool.
func (p *Pool) Forget() {
	p.Close()
	if is, err := p.inPlace(); err != nil || is && unmount(p.config.Settings.At) != nil {
		return
	}
	p.Pool.Forget()
	_ = os.Remove(p.keyPath())
	_ = os.Remove(p.knownHostsPath())
	setImmutable(p.config.Settings.At, false)
	_ = os.Remove(p.config.Settings.At) // one that somebody else uses stays
}

func (p *Pool) keyPath() string        { return filepath.Join(p.config.RuntimeDir, "keys", p.config.Name) }
func (p *Pool) knownHostsPath() string { return p.keyPath() + ".known" }

// writeKey lays down what ssh must read from files.
func (p *Pool) writeKey() error {
	if err := os.MkdirAll(filepath.Dir(p.keyPath()), 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(p.keyPath(), []byte(p.config.Key+"\n"), 0o600),
		os.WriteFile(p.knownHostsPath(), []byte("* "+p.config.Settings.HostKey+"\n"), 0o600),
	)
}
