package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/id"
)

// VMPoint is a VM's use over one step, which begins at At. Rates are per second.
type VMPoint struct {
	At                      time.Time `json:"at"`
	CPUFraction             float64   `json:"cpu_fraction" doc:"0 to 1 over all its CPUs"`
	MemoryBytes             int64     `json:"memory_bytes"`
	MemoryUsedBytes         int64     `json:"memory_used_bytes"`
	DiskReadBytesPerSecond  float64   `json:"disk_read_bytes_per_second"`
	DiskWriteBytesPerSecond float64   `json:"disk_write_bytes_per_second"`
	DiskReadsPerSecond      float64   `json:"disk_reads_per_second"`
	DiskWritesPerSecond     float64   `json:"disk_writes_per_second"`
	NetReceiveBytesPerSec   float64   `json:"net_receive_bytes_per_second"`
	NetSendBytesPerSec      float64   `json:"net_send_bytes_per_second"`
	DiskUsedBytes           int64     `json:"disk_used_bytes"`
}

// HostPoint is a host's use over one step, which begins at At.
type HostPoint struct {
	At              time.Time `json:"at"`
	CPUFraction     float64   `json:"cpu_fraction" doc:"0 to 1 over all its CPUs"`
	MemoryUsedBytes int64     `json:"memory_used_bytes"`
	DiskUsedBytes   int64     `json:"disk_used_bytes" doc:"Over all its pools that are not shared"`
}

// VMMetrics returns a VM's use since a time, in steps of at least a second. Steps without readings are missing. Counters
// that began again (the VM restarted or moved) count from zero.
func (s *Store) VMMetrics(ctx context.Context, machine id.VM, since time.Time, step time.Duration) ([]VMPoint, error) {
	return nil, errUnbuilt
}

// HostMetrics returns a host's use since a time, in steps of at least a second. Steps without readings are missing.
func (s *Store) HostMetrics(ctx context.Context, hostID id.Host, since time.Time, step time.Duration) ([]HostPoint, error) {
	return nil, errUnbuilt
}
