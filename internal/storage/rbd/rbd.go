//go:build ceph

package rbd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/volume"
)

// Pool is a pool of a Ceph cluster, or a namespace of one. It is safe for concurrent use.
type Pool struct {
	config   Config
	patience time.Duration // with a volume that somebody has open

	mutex sync.Mutex
	link  *link // nil until the cluster is needed
}

// link is a connection to the cluster with how many use it. librados ends the process if a connection goes under somebody.
type link struct {
	connection *rados.Conn
	users      int
	over       bool // to be shut down by the last who uses it
}

var (
	_ storage.Pool     = (*Pool)(nil)
	_ storage.Exporter = (*Pool)(nil)
)

// New returns the pool. A cluster that does not answer now is no error: every call says so until it does.
func New(config Config) (*Pool, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	return &Pool{config: config, patience: watchLapse}, nil
}

// Close ends the connection to the cluster, as soon as the work is done that nobody waits for any more.
func (p *Pool) Close() {
	p.mutex.Lock()
	old := p.link
	p.link = nil
	p.mutex.Unlock()
	if old != nil {
		p.release(old, func() { old.over = true })
	}
}

// release changes who uses a connection, and shuts it down if it is over and nobody does.
func (p *Pool) release(of *link, change func()) {
	p.mutex.Lock()
	change()
	last := of.over && of.users == 0
	p.mutex.Unlock()
	if last {
		of.connection.Shutdown()
	}
}

// Limits on a cluster that does not answer. librados would wait without end.
var limits = map[string]string{
	"client_mount_timeout": "10", "rados_mon_op_timeout": "10", "rados_osd_op_timeout": "30",
}

// use works with the connection and a context of the pool.
func (p *Pool) use(work func(*rados.Conn, *rados.IOContext) error) error {
	used, err := p.connected()
	if err != nil {
		return err
	}
	defer p.release(used, func() { used.users-- })
	ioctx, err := used.connection.OpenIOContext(p.config.Pool)
	if err != nil {
		return err
	}
	defer ioctx.Destroy()
	ioctx.SetNamespace(p.config.Namespace)
	return work(used.connection, ioctx)
}

// monitorHosts says which protocol a monitor speaks, so that a refusal is not taken for the other protocol: the first
// version has a port of its own.
func monitorHosts(addresses []string) string {
	var all []string
	for _, each := range addresses {
		if strings.HasSuffix(each, ":6789") {
			all = append(all, "[v1:"+each+"]")
		} else {
			all = append(all, "[v2:"+each+"]")
		}
	}
	return strings.Join(all, ",")
}

// connected counts its caller among those who use the connection, until release.
func (p *Pool) connected() (*link, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.link != nil {
		p.link.users++
		return p.link, nil
	}
	fresh, err := rados.NewConnWithUser(p.config.User)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{"mon_host": monitorHosts(p.config.Monitors), "key": p.config.Key, "auth_client_required": "cephx"}
	for _, all := range []map[string]string{settings, limits} {
		for name, value := range all {
			if err := fresh.SetConfigOption(name, value); err != nil {
				return nil, err
			}
		}
	}
	if err := fresh.Connect(); err != nil {
		return nil, err
	}
	p.link = &link{connection: fresh, users: 1}
	return p.link, nil
}

// do runs work, which cannot be interrupted, and stops waiting for it when ctx ends.
func do[T any](ctx context.Context, p *Pool, work func(*rados.IOContext) (T, error)) (T, error) {
	return doConnected(ctx, p, func(_ *rados.Conn, ioctx *rados.IOContext) (T, error) { return work(ioctx) })
}

// doConnected is do for what asks the cluster itself.
func doConnected[T any](ctx context.Context, p *Pool, work func(*rados.Conn, *rados.IOContext) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := make(chan outcome, 1)
	go func() {
		var found outcome
		found.err = p.use(func(connection *rados.Conn, ioctx *rados.IOContext) (err error) {
			found.value, err = work(connection, ioctx)
			return err
		})
		done <- found
	}()
	select {
	case found := <-done:
		return found.value, p.explain(found.err)
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// errno is the errno(3) in an error of go-ceph, 0 if there is none.
func errno(err error) syscall.Errno {
	if coded, ok := errors.AsType[interface {
		error
		ErrorCode() int
	}](err); ok {
		return syscall.Errno(max(coded.ErrorCode(), -coded.ErrorCode()))
	}
	if errors.Is(err, rbd.ErrNotFound) {
		return syscall.ENOENT
	}
	return 0
}

func missing(err error) bool { return err != nil && errno(err) == syscall.ENOENT }

// explain turns a failure into a fault.
func (p *Pool) explain(err error) error {
	if err == nil {
		return nil
	}
	if ours, ok := errors.AsType[*fault.Error](err); ok {
		return ours
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch errno(err) {
	case syscall.EPERM, syscall.EACCES:
		return fault.Denied("Ceph refuses user %q what pool %s needs: correct the key or what the user may do", p.config.User, p.config.Name).Because(err)
	case syscall.ENOSPC, syscall.EDQUOT:
		return fault.Exhausted("pool %s is full: delete volumes or add disks to the cluster", p.config.Name).Because(err)
	case syscall.ENOENT:
		return fault.Unavailable("the cluster of pool %s has no pool %q: create it, or correct the pool's settings", p.config.Name, p.config.Pool).Because(err)
	case syscall.EBUSY:
		return fault.Unavailable("something in pool %s is in use by another client: try again", p.config.Name).Because(err)
	}
	return fault.Unavailable("the cluster of pool %s does not answer as it should: see its health, then try again", p.config.Name).Because(err)
}

// Fact implements storage.Pool. Capacity and use are those of the cluster's disks, all copies counted.
func (p *Pool) Fact(ctx context.Context) host.PoolFact {
	fact := host.PoolFact{Name: p.config.Name, Driver: Driver, Shared: true}
	stat, err := doConnected(ctx, p, func(connection *rados.Conn, _ *rados.IOContext) (rados.ClusterStat, error) {
		return connection.GetClusterStats()
	})
	if err != nil {
		fact.Detail = err.Error()
		if ctx.Err() != nil {
			fact.Detail = fmt.Sprintf("the cluster of pool %s does not answer: see its health", p.config.Name)
		}
		return fact
	}
	fact.Available = true
	fact.UsedBytes = int64(stat.Kb_used) << 10
	fact.CapacityBytes = fact.UsedBytes + int64(stat.Kb_avail)<<10
	return fact
}

func (p *Pool) location(image string) string {
	return volume.RBD{
		Monitors: p.config.Monitors, Pool: p.config.Pool, Namespace: p.config.Namespace, Image: image,
		User: p.config.User, Secret: p.config.Secret,
	}.Location()
}
