// Package pool is the noun for a storage pool: a place for volumes that an administrator declared, and what its hosts say of
// it.
//
// The package never reaches a pool, and never holds the key of one.
package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/id"
)

// Driver is what keeps a pool's volumes.
type Driver string

// The drivers.
const (
	Local Driver = "local" // a directory of a host, or one that all hosts have mounted
	NetFS Driver = "netfs" // a network file system that hosts mount
	RBD   Driver = "rbd"   // a pool of a Ceph cluster
)

// Format is that of the volumes which are made in such a pool.
func (d Driver) Format() string {
	if d == RBD {
		return "raw" // the cluster has clones and snapshots of its own
	}
	return "qcow2"
}

// Tier is how quick a pool is, as its administrator sees it.
type Tier string

// The tiers.
const (
	Hot  Tier = "hot"
	Warm Tier = "warm"
	Cold Tier = "cold"
)

// State is where a pool is in its life.
type State string

// The states.
const (
	Ready    State = "ready"
	Removing State = "removing" // takes no new volumes
)

// Health is what the hosts that should reach a pool say of it, taken together.
type Health string

// The kinds of health.
const (
	Unknown     Health = "unknown"     // no host has said anything yet
	Healthy     Health = "healthy"     // every host reaches it
	Degraded    Health = "degraded"    // some hosts do not
	Unreachable Health = "unreachable" // none does
)

// DefaultOvercommit is how many bytes are promised for each that a pool has, unless its administrator says otherwise:
// volumes are thin, and most are never filled.
const DefaultOvercommit = 3.0

// FullFraction is the used part from which a pool takes no new volumes.
const FullFraction = 0.95

// Pool is a place for volumes as the inventory records it.
type Pool struct {
	ID            id.Pool      `json:"id"`
	Name          string       `json:"name"`
	Driver        Driver       `json:"driver" enum:"local,netfs,rbd"`
	Settings      Settings     `json:"settings"`
	Sealed        bool         `json:"sealed" doc:"It has a key, which is kept sealed and never shown"`
	Shared        bool         `json:"shared" doc:"Every host sees the same volumes"`
	Tier          Tier         `json:"tier" enum:"hot,warm,cold"`
	Overcommit    float64      `json:"overcommit" doc:"How many bytes may be promised for each that it has"`
	State         State        `json:"state" enum:"ready,removing"`
	Health        Health       `json:"health" enum:"unknown,healthy,degraded,unreachable"`
	CapacityBytes int64        `json:"capacity_bytes" doc:"Summed over hosts; a shared pool counts once"`
	UsedBytes     int64        `json:"used_bytes"`
	PromisedBytes int64        `json:"promised_bytes" doc:"The sizes of its volumes"`
	Volumes       int          `json:"volumes"`
	Only          []id.Host    `json:"only_host_ids" doc:"The hosts that have it; empty: all"`
	Hosts         []Reach      `json:"hosts" doc:"The hosts that say something of it"`
	Operation     id.Operation `json:"operation_id,omitempty" doc:"The operation that has it for itself"`
	Generation    int64        `json:"generation" doc:"Grows with each change; the ETag"`
	CreatedAt     time.Time    `json:"created_at"`
}

// Reach is what one host says of a pool.
type Reach struct {
	Host          id.Host   `json:"host_id"`
	HostName      string    `json:"host_name"`
	Available     bool      `json:"available"`
	Detail        string    `json:"detail,omitempty" doc:"Why it is not available"`
	CapacityBytes int64     `json:"capacity_bytes"`
	UsedBytes     int64     `json:"used_bytes"`
	At            time.Time `json:"at" doc:"When the host said so"`
}

// Definition is what a host needs to know of a pool to open it.
type Definition struct {
	ID       id.Pool  `json:"id"`
	Name     string   `json:"name"`
	Settings Settings `json:"settings"`
	Key      string   `json:"key,omitempty"`     // opened; never logged, never written to a disk
	Problem  string   `json:"problem,omitempty"` // why it cannot be opened: the key is sealed with another one
	Removing bool     `json:"removing,omitempty"`
}

// Observed is the pool with what its hosts say of it: health, capacity and use.
func (p Pool) Observed(said []Reach) Pool {
	p.Hosts = slices.SortedFunc(slices.Values(said), func(a, b Reach) int { return cmp.Compare(a.HostName, b.HostName) })
	p.Health, p.CapacityBytes, p.UsedBytes = Unknown, 0, 0
	reached := 0
	var newest Reach
	for _, each := range p.Hosts {
		if !each.Available {
			continue
		}
		reached++
		p.CapacityBytes += each.CapacityBytes
		p.UsedBytes += each.UsedBytes
		if !each.At.Before(newest.At) {
			newest = each
		}
	}
	if p.Shared {
		p.CapacityBytes, p.UsedBytes = newest.CapacityBytes, newest.UsedBytes
	}
	switch {
	case len(p.Hosts) == 0:
	case reached == 0:
		p.Health = Unreachable
	case reached < len(p.Hosts):
		p.Health = Degraded
	default:
		p.Health = Healthy
	}
	return p
}

// Has reports whether a host should have the pool.
func (p Pool) Has(host id.Host) bool { return len(p.Only) == 0 || slices.Contains(p.Only, host) }
