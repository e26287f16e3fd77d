//go:build ceph

package rbd

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage/qemunbd"
)

const keyObject = "key"

// watchLapse is a little more than the cluster waits before it takes a client that says nothing for dead: osd_client_watch_timeout,
// 30 s. Until then a volume whose server was killed seems to be open.
const watchLapse = 35 * time.Second

// awaitClosed waits until nobody has a volume open. Conflict if somebody still has when patience ends.
func (p *Pool) awaitClosed(ctx context.Context, volume id.Volume) error {
	for until := time.Now().Add(p.patience); ; {
		clients, err := do(ctx, p, func(ioctx *rados.IOContext) ([]rbd.ImageWatcher, error) {
			return reading(ioctx, string(volume), (*rbd.Image).ListWatchers)
		})
		if err != nil || len(clients) == 0 {
			return err
		}
		if time.Now().After(until) {
			return fault.Conflict("volume %s is in use: stop its VM, or wait for the restore that writes it", volume)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// ServeVolume implements storage.Exporter. Conflict if it is to be written to and another client has it open, and is not found
// dead within half a minute.
func (p *Pool) ServeVolume(ctx context.Context, volume id.Volume, writable bool) (socket, export string, stop func() error, err error) {
	if _, err := p.InspectVolume(ctx, volume); err != nil {
		return "", "", nil, err
	}
	if writable {
		if err := p.awaitClosed(ctx, volume); err != nil {
			return "", "", nil, err
		}
	}
	key, err := base64.StdEncoding.DecodeString(p.config.Key)
	if err != nil {
		return "", "", nil, fault.Internal("the key of pool %s cannot be read", p.config.Name).Because(err)
	}
	socket, export, end, err := qemunbd.Serve(ctx, qemunbd.Disk{
		Directory: p.config.RuntimeDir, Writable: writable, Secrets: map[string]string{keyObject: string(key)},
		Arguments: []string{"--image-opts", p.blockOptions(string(volume))},
	})
	if err != nil {
		if ctx.Err() != nil {
			return "", "", nil, ctx.Err()
		}
		return "", "", nil, fault.Unavailable("volume %s of pool %s could not be served: see this host's log", volume, p.config.Name).Because(err)
	}
	return socket, export, func() error {
		if err := end(); err != nil {
			return fault.Unavailable("what was written to volume %s may not have reached the cluster: write it again", volume).Because(err)
		}
		return nil
	}, nil
}

// blockOptions says to QEMU where an image is: BlockdevOptionsRbd in its qapi/block-core.json.
func (p *Pool) blockOptions(image string) string {
	options := []string{
		"driver=raw", "file.driver=rbd", "file.pool=" + p.config.Pool, "file.image=" + image, "file.user=" + p.config.User,
		"file.key-secret=" + keyObject, "file.auth-client-required.0=cephx",
	}
	if p.config.Namespace != "" {
		options = append(options, "file.namespace="+p.config.Namespace)
	}
	for at, each := range p.config.Monitors {
		host, port, _ := net.SplitHostPort(each) // checked when the pool was opened
		options = append(options, fmt.Sprintf("file.server.%d.host=%s", at, host), fmt.Sprintf("file.server.%d.port=%s", at, port))
	}
	for at := range options {
		options[at] = strings.ReplaceAll(options[at], ",", ",,")
	}
	return strings.Join(options, ",")
}
