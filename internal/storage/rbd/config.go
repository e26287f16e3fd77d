package rbd

import (
	"encoding/base64"
	"net"
	"path/filepath"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/storage/qemunbd"
)

// Driver is the name under which hosts report such a pool.
const Driver = "rbd"

// Config describes a pool.
type Config struct {
	Name       string
	Monitors   []string // host:port
	Pool       string   // of the cluster
	Namespace  string   // empty: the pool's default one
	User       string   // of cephx, without "client."
	Key        string   // the user's, in base64; never logged
	Secret     string   // the UUID under which the hypervisor knows the key
	StagingDir string   // absolute, on this host: where images in other formats wait for being converted
	RuntimeDir string   // absolute: for sockets of ServeVolume
}

func (c Config) check() error {
	switch {
	case c.Name == "":
		return fault.Invalid("a pool needs a name").At("name")
	case len(c.Monitors) == 0:
		return fault.Invalid("pool %s needs the addresses of its cluster's monitors", c.Name).At("monitors")
	case c.Pool == "":
		return fault.Invalid("pool %s needs the name of a pool of the cluster", c.Name).At("pool")
	case c.User == "":
		return fault.Invalid("pool %s needs a user of the cluster, without \"client.\"", c.Name).At("user")
	case !filepath.IsAbs(c.StagingDir):
		return fault.Invalid("the directory where pool %s stages images must be absolute", c.Name).At("staging_dir")
	case !filepath.IsAbs(c.RuntimeDir) || len(c.RuntimeDir) > qemunbd.MaxDirectoryBytes:
		return fault.Invalid("the directory for sockets of pool %s must be absolute and of at most %d bytes", c.Name, qemunbd.MaxDirectoryBytes).At("runtime_dir")
	}
	for _, each := range c.Monitors {
		if _, _, err := net.SplitHostPort(each); err != nil {
			return fault.Invalid("%q is not the address of a monitor, such as 10.0.0.1:3300", each).At("monitors")
		}
	}
	if _, err := base64.StdEncoding.DecodeString(c.Key); err != nil || c.Key == "" {
		return fault.Invalid("the key of pool %s's user is not in base64 as Ceph writes it", c.Name).At("key")
	}
	return nil
}
