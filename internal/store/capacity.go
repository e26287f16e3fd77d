package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
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

// HostHour is the mean of a host's use over an hour of the clock. At is the time of its last reading.
type HostHour struct {
	At              time.Time `json:"at"`
	CPUFraction     float64   `json:"cpu_fraction"`
	MemoryUsedBytes int64     `json:"memory_used_bytes"`
	DiskUsedBytes   int64     `json:"disk_used_bytes"`
}

// PoolHistory is the fill of one pool over time.
type PoolHistory struct {
	Pool          string     `json:"pool"`
	Host          id.Host    `json:"host_id,omitempty"` // empty for a shared pool
	HostName      string     `json:"host_name,omitempty"`
	PromisedBytes int64      `json:"promised_bytes"` // sizes of the volumes that are in it now
	Points        []PoolHour `json:"points"`
}

// PoolHour is the last reading of a pool in an hour of the clock.
type PoolHour struct {
	At            time.Time `json:"at"`
	CapacityBytes int64     `json:"capacity_bytes"`
	UsedBytes     int64     `json:"used_bytes"`
}

// CapacitySamples returns the hourly history of all hosts and pools since a time. It outlives the samples themselves.
func (s *Store) CapacitySamples(ctx context.Context, since time.Time) (CapacityHistory, error) {
	hosts, err := s.queries.HostHours(ctx, since)
	if err != nil {
		return CapacityHistory{}, translate(err)
	}
	pools, err := s.queries.PoolHours(ctx, since)
	if err != nil {
		return CapacityHistory{}, translate(err)
	}
	promised, err := s.queries.PromisedInPools(ctx)
	if err != nil {
		return CapacityHistory{}, translate(err)
	}
	history := CapacityHistory{Hosts: []HostHistory{}, Pools: []PoolHistory{}}
	for _, row := range hosts {
		history.addHost(row)
	}
	for _, row := range pools {
		history.addPool(row)
	}
	for i, pool := range history.Pools {
		for _, sum := range promised {
			if sum.Pool == pool.Pool && sum.HostID == string(pool.Host) {
				history.Pools[i].PromisedBytes = sum.PromisedBytes
			}
		}
	}
	return history, nil
}

// addHost adds an hour; rows come host by host.
func (h *CapacityHistory) addHost(row db.HostHoursRow) {
	if last := len(h.Hosts) - 1; last < 0 || h.Hosts[last].Host != id.Host(row.HostID) {
		h.Hosts = append(h.Hosts, HostHistory{Host: id.Host(row.HostID), Name: row.Name})
	}
	of := &h.Hosts[len(h.Hosts)-1]
	of.Points = append(of.Points, HostHour{
		At: row.LastAt, CPUFraction: row.CPUFraction, MemoryUsedBytes: int64(row.MemoryUsedBytes), DiskUsedBytes: int64(row.DiskUsedBytes),
	})
}

// addPool adds an hour; rows come pool by pool.
func (h *CapacityHistory) addPool(row db.PoolHoursRow) {
	last := len(h.Pools) - 1
	if last < 0 || h.Pools[last].Pool != row.Pool || h.Pools[last].Host != id.Host(row.HostID) {
		h.Pools = append(h.Pools, PoolHistory{Pool: row.Pool, Host: id.Host(row.HostID), HostName: row.HostName})
	}
	of := &h.Pools[len(h.Pools)-1]
	of.Points = append(of.Points, PoolHour{At: row.LastAt, CapacityBytes: row.CapacityBytes, UsedBytes: row.UsedBytes})
}
