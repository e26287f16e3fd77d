// Package volume is the noun for a virtual disk and the pools that hold it.
//
// The package never touches storage.
package volume

import (
	"time"

	"github.com/novacron/novacron/internal/id"
)

// State is where a volume is in its life.
type State string

// The states.
const (
	Creating State = "creating"
	Ready    State = "ready"
	Deleting State = "deleting"
)

// Volume is a virtual disk as the inventory records it.
type Volume struct {
	ID        id.Volume  `json:"id"`
	Project   id.Project `json:"project_id"`
	VM        id.VM      `json:"vm_id,omitempty"`
	Device    string     `json:"device" example:"vda"`
	Pool      string     `json:"pool" doc:"The name of the pool that holds it"`
	Host      id.Host    `json:"host_id,omitempty" doc:"The host whose pool it is in; empty in a shared pool"`
	SizeBytes int64      `json:"size_bytes"`
	Image     id.Image   `json:"image_id,omitempty" doc:"The image it is an overlay of"`
	Format    string     `json:"format" example:"qcow2"`
	State     State      `json:"state"`
	CreatedAt time.Time  `json:"created_at"`
}

// Pool is a place for volumes, summed over the hosts that report it.
type Pool struct {
	Name          string    `json:"name"`
	Driver        string    `json:"driver"`
	Shared        bool      `json:"shared"`
	CapacityBytes int64     `json:"capacity_bytes"`
	UsedBytes     int64     `json:"used_bytes"`
	Hosts         []id.Host `json:"host_ids"`
}
