package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/storage/qemunbd"
)

// Driver is the name under which hosts report such a pool.
const Driver = "local"

// MarkerName is the file that makes a directory a pool.
const MarkerName = "novacron-pool.json"

const (
	volumesDir = "volumes"
	imagesDir  = "images"
)

// Config describes a pool.
type Config struct {
	Name       string
	Dir        string // absolute; the same on every host if Shared
	Shared     bool
	RuntimeDir string // for sockets of ServeVolume, made if missing; default /run/novacron/nbd
	Owner      string // what tells this host from others, such as its machine-id(5); may be empty
	// Driver is what hosts report; "local" if it is left out. Mounted, if set, is asked before each use of the directory whether
	// the file system that belongs there is there; its error is what the caller gets.
	Driver  string
	Mounted func() error
	Memory  string // file, on this host's own disk, in which InitOnce notes that the host has seen the pool; may be empty
}

// Pool is a directory of volumes. It is safe for concurrent use.
type Pool struct {
	config Config
	sweep  sync.Once
	probes chan struct{} // at most one look at a file system that may hang
}

var (
	_ storage.Pool     = (*Pool)(nil)
	_ storage.Exporter = (*Pool)(nil)
)

type marker struct {
	Format int    `json:"format"`
	Pool   string `json:"pool"`
	Shared bool   `json:"shared"`
	Owner  string `json:"owner,omitempty"` // the host whose own it is
}

const markerFormat = 1

// Init makes a directory a pool: it creates the directory if it is missing and puts the marker there. It is fine if the
// pool exists. A directory that holds other files is a Conflict, since it may not be what was meant. Call it when a pool
// is set up, not at each start: see the package's comment.
func Init(config Config) error {
	if err := config.check(); err != nil {
		return err
	}
	switch err := readMarker(config); {
	case err == nil:
		return nil
	case fault.Is(err, fault.KindConflict):
		return err
	}
	if err := os.MkdirAll(config.Dir, 0o755); err != nil {
		return config.ioFault("make the pool's directory", err)
	}
	entries, err := os.ReadDir(config.Dir)
	if err != nil {
		return config.ioFault("read the pool's directory", err)
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == "lost+found", name == volumesDir, name == imagesDir:
		case strings.HasPrefix(name, MarkerName): // another host is at it
		default:
			return fault.Conflict("the directory of pool %s is not empty and is no pool: give an empty directory", config.Name)
		}
	}
	for _, dir := range []string{volumesDir, imagesDir} {
		if err := os.MkdirAll(filepath.Join(config.Dir, dir), 0o755); err != nil {
			return config.ioFault("make the pool's directory", err)
		}
	}
	made := marker{Format: markerFormat, Pool: config.Name, Shared: config.Shared}
	if !config.Shared {
		made.Owner = config.Owner
	}
	content, err := json.Marshal(made)
	if err != nil {
		return fault.Internal("the pool's marker cannot be written").Because(err)
	}
	if err := writeDurably(filepath.Join(config.Dir, MarkerName), content); err != nil {
		return config.ioFault("write the pool's marker", err)
	}
	return nil
}

// InitOnce is Init for a host's start: it does nothing if the file Memory says that this host initialised the pool or
// found it before, and makes that file otherwise. So a new host needs no extra step, and a mount that is missing later
// is not taken for a new pool.
func InitOnce(config Config) error {
	if _, err := os.Lstat(config.Memory); err == nil {
		return nil
	}
	if err := Init(config); err != nil {
		return err
	}
	err := os.MkdirAll(filepath.Dir(config.Memory), 0o700)
	if err == nil {
		err = writeDurably(config.Memory, []byte(config.Dir+"\n"))
	}
	if err != nil {
		return fault.Unavailable("this host cannot note that it has seen pool %s: check its state directory", config.Name).Because(err)
	}
	return nil
}

// New returns the pool. A pool that is not available now is no error: every call says so until it is. What an earlier
// process left unfinished is swept at the first call that finds the pool.
func New(config Config) (*Pool, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	if config.RuntimeDir == "" {
		config.RuntimeDir = "/run/novacron/nbd"
	}
	if len(config.RuntimeDir) > qemunbd.MaxDirectoryBytes {
		return nil, fault.Invalid("the directory for sockets of pool %s has a path of %d bytes: give one of at most %d", config.Name, len(config.RuntimeDir), qemunbd.MaxDirectoryBytes).At("runtime_dir")
	}
	return &Pool{config: config, probes: make(chan struct{}, 1)}, nil
}

// Fact implements storage.Pool. A file system that does not answer until ctx ends is reported as not available.
func (p *Pool) Fact(ctx context.Context) host.PoolFact {
	fact := host.PoolFact{Name: p.config.Name, Driver: cmp.Or(p.config.Driver, Driver), Shared: p.config.Shared}
	silent := fact
	silent.Detail = "the pool's file system does not answer: check its mount"
	select {
	case p.probes <- struct{}{}:
	case <-ctx.Done():
		return silent
	}
	answer := make(chan host.PoolFact, 1)
	go func() {
		answer <- p.measure(fact)
		<-p.probes
	}()
	select {
	case measured := <-answer:
		return measured
	case <-ctx.Done():
		return silent
	}
}

func (p *Pool) measure(fact host.PoolFact) host.PoolFact {
	if err := p.ready(); err != nil {
		fact.Detail = err.Error()
		return fact
	}
	capacity, free, err := room(p.config.Dir)
	if err != nil {
		fact.Detail = p.config.ioFault("measure", err).Error()
		return fact
	}
	fact.Available, fact.CapacityBytes, fact.UsedBytes = true, capacity, capacity-free
	return fact
}

// room returns the bytes that the file system could hold for us and those that are free.
func room(dir string) (capacity, free int64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, err
	}
	unit := stat.Bsize
	// Blocks kept back for root (Bfree - Bavail) count neither as room nor as used.
	return (int64(stat.Blocks) - int64(stat.Bfree) + int64(stat.Bavail)) * unit, int64(stat.Bavail) * unit, nil
}

// ready says whether the directory is the pool, and sweeps it once.
func (p *Pool) ready() error {
	if p.config.Mounted != nil {
		if err := p.config.Mounted(); err != nil {
			return err
		}
	}
	if err := readMarker(p.config); err != nil {
		return err
	}
	p.sweep.Do(p.removeLeftovers)
	return nil
}

func readMarker(config Config) error {
	content, err := os.ReadFile(filepath.Join(config.Dir, MarkerName))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Unavailable("pool %s is not there: its directory has no %s; mount its file system, or initialise the pool if it is new", config.Name, MarkerName).Because(err)
	}
	if err != nil {
		return config.ioFault("read the marker of", err)
	}
	var found marker
	if err := json.Unmarshal(content, &found); err != nil || found.Format != markerFormat {
		return fault.Conflict("the marker of pool %s cannot be read by this version: restore %s or use the version that wrote it", config.Name, MarkerName).Because(err)
	}
	if found.Pool != config.Name || found.Shared != config.Shared {
		return fault.Conflict("the directory of pool %s belongs to pool %s (shared: %t): give another directory", config.Name, found.Pool, found.Shared)
	}
	if found.Owner != "" && config.Owner != "" && found.Owner != config.Owner {
		return fault.Conflict("the directory of pool %s is another host's (its %s names %s): declare the pool as shared if both see the same files, or give each host a directory of its own",
			config.Name, MarkerName, found.Owner)
	}
	return nil
}

func (c Config) check() error {
	if c.Name == "" {
		return fault.Invalid("a pool needs a name").At("name")
	}
	if !filepath.IsAbs(c.Dir) || filepath.Clean(c.Dir) != c.Dir || c.Dir == "/" {
		return fault.Invalid("the directory of pool %s must be a clean absolute path, not %q", c.Name, c.Dir).At("dir")
	}
	return nil
}

func (p *Pool) volumePath(name string) string { return filepath.Join(p.config.Dir, volumesDir, name) }
func (p *Pool) imagePath(name string) string  { return filepath.Join(p.config.Dir, imagesDir, name) }
