//go:build !ceph

package rbd

import (
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/storage"
)

// New says that this program cannot reach Ceph.
func New(config Config) (storage.Pool, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	return nil, fault.Invalid("pool %s is in a Ceph cluster and this worker was built without librbd: install a build with the tag ceph", config.Name)
}
