package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
)

// VMPoint is a VM's use over one step, which begins at At. Rates are per second.
type VMPoint struct {
	At                       time.Time `json:"at"`
	CPUFraction              float64   `json:"cpu_fraction" doc:"0 to 1 over all its CPUs"`
	MemoryBytes              int64     `json:"memory_bytes"`
	MemoryUsedBytes          int64     `json:"memory_used_bytes"`
	DiskReadBytesPerSecond   float64   `json:"disk_read_bytes_per_second"`
	DiskWriteBytesPerSecond  float64   `json:"disk_write_bytes_per_second"`
	DiskReadsPerSecond       float64   `json:"disk_reads_per_second"`
	DiskWritesPerSecond      float64   `json:"disk_writes_per_second"`
	NetReceiveBytesPerSecond float64   `json:"net_receive_bytes_per_second"`
	NetSendBytesPerSecond    float64   `json:"net_send_bytes_per_second"`
	DiskUsedBytes            int64     `json:"disk_used_bytes"`
}

// HostPoint is a host's use over one step, which begins at At.
type HostPoint struct {
	At              time.Time `json:"at"`
	CPUFraction     float64   `json:"cpu_fraction" doc:"0 to 1 over all its CPUs"`
	MemoryUsedBytes int64     `json:"memory_used_bytes"`
	DiskUsedBytes   int64     `json:"disk_used_bytes" doc:"Over all its pools that are not shared"`
}

// VMMetrics returns a VM's use since a time, in steps of at least a second. Steps without readings are missing. Counters
// that began again (the VM restarted or moved) count from zero; two readings that are more than five minutes apart say
// nothing about the time between.
func (s *Store) VMMetrics(ctx context.Context, machine id.VM, since time.Time, step time.Duration) ([]VMPoint, error) {
	if err := checkStep(step); err != nil {
		return nil, err
	}
	rows, err := s.queries.VMMetrics(ctx, db.VMMetricsParams{StepSeconds: step.Seconds(), Since: since, VMID: string(machine)})
	return mapRows(rows, err, func(row db.VMMetricsRow) (VMPoint, error) {
		return VMPoint{
			At: row.Bucket, CPUFraction: row.CPUFraction, MemoryBytes: row.MemoryBytes, MemoryUsedBytes: row.MemoryUsedBytes,
			DiskReadBytesPerSecond: row.DiskReadBytes, DiskWriteBytesPerSecond: row.DiskWriteBytes,
			DiskReadsPerSecond: row.DiskReads, DiskWritesPerSecond: row.DiskWrites,
			NetReceiveBytesPerSecond: row.NetReceiveBytes, NetSendBytesPerSecond: row.NetSendBytes, DiskUsedBytes: row.DiskUsedBytes,
		}, nil
	})
}

func checkStep(step time.Duration) error {
	if step < time.Second {
		return fault.Invalid("a step of metrics lasts at least a second, not %s", step).At("step")
	}
	return nil
}

// HostMetrics returns a host's use since a time, in steps of at least a second. Steps without readings are missing.
func (s *Store) HostMetrics(ctx context.Context, hostID id.Host, since time.Time, step time.Duration) ([]HostPoint, error) {
	if err := checkStep(step); err != nil {
		return nil, err
	}
	rows, err := s.queries.HostMetrics(ctx, step.Seconds(), string(hostID), since)
	return mapRows(rows, err, func(row db.HostMetricsRow) (HostPoint, error) {
		return HostPoint{
			At: row.Bucket, CPUFraction: row.CPUFraction, MemoryUsedBytes: row.MemoryUsedBytes, DiskUsedBytes: row.DiskUsedBytes,
		}, nil
	})
}
