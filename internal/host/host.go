// Package host is the noun for a machine that runs VMs: what it has, what is promised on it, and whether it answers.
//
// The package never contacts a host.
package host

import (
	"time"

	"github.com/novacron/novacron/internal/id"
)

// State is whether the host answers and takes VMs.
type State string

// The states.
const (
	Ready    State = "ready"    // answers, takes VMs
	Cordoned State = "cordoned" // answers, keeps its VMs, takes no new ones
	Offline  State = "offline"  // has not answered for longer than OfflineAfter
)

// OfflineAfter is how long a host may be silent before it counts as offline: three missed reports.
const OfflineAfter = 35 * time.Second

// Host is a machine as the inventory records it.
type Host struct {
	ID         id.Host      `json:"id"`
	Name       string       `json:"name"`
	State      State        `json:"state"`
	Cordoned   bool         `json:"cordoned"`
	Facts      Facts        `json:"facts"`
	Promised   Resources    `json:"promised" doc:"What its VMs have been promised"`
	VMs        int          `json:"vms"`
	Use        Use          `json:"use" doc:"The last reported use"`
	LastSeenAt time.Time    `json:"last_seen_at"`
	Operation  id.Operation `json:"operation_id,omitempty"`
	Generation int64        `json:"generation"`
	CreatedAt  time.Time    `json:"created_at"`
}

// Facts is what a host reports of itself when its worker starts.
type Facts struct {
	CPUs              int        `json:"cpus"`
	MemoryBytes       int64      `json:"memory_bytes"`
	Architecture      string     `json:"architecture" example:"x86_64"`
	CPUModel          string     `json:"cpu_model"`
	LibvirtVersion    string     `json:"libvirt_version" example:"9.0.0"`
	HypervisorVersion string     `json:"hypervisor_version" example:"7.2.22"`
	WorkerVersion     string     `json:"worker_version"`
	MigrationAddress  string     `json:"migration_address" doc:"Address other hosts reach it at; also its tunnel end point"`
	Acceleration      string     `json:"acceleration" enum:"kvm,tcg"`
	Pools             []PoolFact `json:"pools"`
}

// PoolFact is a storage pool as one host sees it.
type PoolFact struct {
	Name          string `json:"name"`
	Driver        string `json:"driver" example:"local"`
	Shared        bool   `json:"shared" doc:"The same bytes are seen by every host that has a pool of this name"`
	CapacityBytes int64  `json:"capacity_bytes"`
	UsedBytes     int64  `json:"used_bytes"`
	Available     bool   `json:"available"`
	Detail        string `json:"detail,omitempty" doc:"Why it is not available"`

	// What the inventory adds to what the host reports.
	PromisedBytes int64   `json:"promised_bytes" doc:"The sizes of the volumes in it: of this host, or of all if it is shared"`
	Overcommit    float64 `json:"overcommit" doc:"How many bytes may be promised for each that it has"`
}

// Resources is an amount of CPU and memory.
type Resources struct {
	CPUs        int   `json:"cpus"`
	MemoryBytes int64 `json:"memory_bytes"`
}

// Use is a reading of what is in use.
type Use struct {
	At              time.Time `json:"at"`
	CPUFraction     float64   `json:"cpu_fraction" doc:"0 to 1 over all CPUs"`
	MemoryUsedBytes int64     `json:"memory_used_bytes"`
	DiskUsedBytes   int64     `json:"disk_used_bytes" doc:"Over all its pools that are not shared"`
}

// StateAt derives the state at an instant.
func (h Host) StateAt(now time.Time) State {
	switch {
	case now.Sub(h.LastSeenAt) > OfflineAfter:
		return Offline
	case h.Cordoned:
		return Cordoned
	default:
		return Ready
	}
}

// CPUOvercommit is how many virtual CPUs may be promised for each CPU. Memory is never promised twice.
const CPUOvercommit = 8

// ReservedMemoryBytes is what a host keeps for itself.
const ReservedMemoryBytes = 512 << 20

// Free is what can still be promised; never negative.
func (h Host) Free() Resources {
	return Resources{
		CPUs:        max(0, h.Facts.CPUs*CPUOvercommit-h.Promised.CPUs),
		MemoryBytes: max(0, h.Facts.MemoryBytes-ReservedMemoryBytes-h.Promised.MemoryBytes),
	}
}

// Pool returns what the host says of the pool; false if it does not have it.
func (h Host) Pool(name string) (PoolFact, bool) {
	for _, pool := range h.Facts.Pools {
		if pool.Name == name {
			return pool, true
		}
	}
	return PoolFact{}, false
}
