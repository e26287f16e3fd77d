package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/id"
)

// CapacityHistory is what a capacity plan is made from: one point an hour, oldest first.
type CapacityHistory struct {
	Hosts []HostHistory `json:"hosts"` // by name
	Pools []PoolHistory `json:"pools"` // by name, then host
}

// HostHistory is one host's use over time.
type HostHistory struct {
	Host   id.Host    `json:"host_id"`
	Name   string     `json:"name"`
	Points []HostHour `json:"points"`
}

// HostHour is the mean of a host's use over the hour that begins at At.
type HostHour struct {
	At              time.Time `json:"at"`
	CPUFraction     float64   `json:"cpu_fraction"`
	MemoryUsedBytes int64     `json:"memory_used_bytes"`
	DiskUsedBytes   int64     `json:"disk_used_bytes"`
}

// PoolHistory is the fill of one pool over time.
type PoolHistory struct {
	Pool   string     `json:"pool"`
	Host   id.Host    `json:"host_id,omitempty"` // empty for a shared pool
	Points []PoolHour `json:"points"`
}

// PoolHour is the last reading of a pool in the hour that begins at At.
type PoolHour struct {
	At            time.Time `json:"at"`
	CapacityBytes int64     `json:"capacity_bytes"`
	UsedBytes     int64     `json:"used_bytes"`
}

// CapacitySamples returns the hourly history of all hosts and pools since a time. It outlives the samples themselves.
func (s *Store) CapacitySamples(ctx context.Context, since time.Time) (CapacityHistory, error) {
	return CapacityHistory{}, errUnbuilt
}
