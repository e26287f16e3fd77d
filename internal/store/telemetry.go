package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
)

// A reading is believed to be of its own time if it is no further from ours than this: a worker sends what it kept while
// the server was away, and clocks differ a little.
const (
	oldestReading = 24 * time.Hour
	newestReading = 2 * time.Minute
)

// Samples is what a host reports every few seconds.
type Samples struct {
	Host  host.Use            `json:"host"`
	Pools []host.PoolFact     `json:"pools"` // nil leaves what is known of them
	VMs   []hypervisor.Sample `json:"vms"`
}

// RecordSamples keeps a host's report and with it that the host answers, its use, and its pools. Readings from the future
// or more than a day old are taken as made now: the host's clock is wrong. NotFound if the host is gone.
func (s *Store) RecordSamples(ctx context.Context, hostID id.Host, batch Samples) error {
	now := time.Now().UTC()
	batch.Host.At = credible(batch.Host.At, now)
	record := func() error {
		return s.change(ctx, func(c *change) error { return c.recordSamples(ctx, hostID, batch, now) })
	}
	err := record()
	if missingPartition(err) {
		if err := s.EnsurePartitions(ctx, now); err != nil {
			return err
		}
		err = record()
	}
	return err
}

// credible is at if a host's clock may say so, else now.
func credible(at, now time.Time) time.Time {
	if at.Before(now.Add(-oldestReading)) || at.After(now.Add(newestReading)) {
		return now
	}
	return at
}

func (c *change) recordSamples(ctx context.Context, hostID id.Host, batch Samples, now time.Time) error {
	var pools []byte
	if batch.Pools != nil {
		pools = marshal(batch.Pools)
	}
	known, err := c.SetHostUse(ctx, marshal(batch.Host), pools, string(hostID))
	if err != nil {
		return err
	}
	if known == 0 {
		return fault.NotFound("there is no host %s; it was removed and must enrol again", hostID)
	}
	if err := c.recordHost(ctx, hostID, batch); err != nil {
		return err
	}
	rows := make([]db.CopyVMSamplesParams, len(batch.VMs))
	for i, sample := range batch.VMs {
		rows[i] = sampleRow(sample, now)
	}
	_, err = c.CopyVMSamples(ctx, rows)
	return err
}

func (c *change) recordHost(ctx context.Context, hostID id.Host, batch Samples) error {
	use := batch.Host
	err := c.InsertHostSample(ctx, db.InsertHostSampleParams{
		HostID: string(hostID), At: use.At, CPUFraction: use.CPUFraction, MemoryUsedBytes: use.MemoryUsedBytes, DiskUsedBytes: use.DiskUsedBytes,
	})
	if err != nil {
		return err
	}
	err = c.AddHostHour(ctx, db.AddHostHourParams{
		HostID: string(hostID), At: use.At, CPUFraction: use.CPUFraction, MemoryUsedBytes: float64(use.MemoryUsedBytes),
		DiskUsedBytes: float64(use.DiskUsedBytes),
	})
	if err != nil {
		return err
	}
	// In one order, so that hosts that report the same shared pools do not wait for each other in a circle.
	pools := slices.SortedFunc(slices.Values(batch.Pools), func(a, b host.PoolFact) int { return strings.Compare(a.Name, b.Name) })
	for _, pool := range pools {
		if !pool.Available {
			continue
		}
		of := string(hostID)
		if pool.Shared {
			of = ""
		}
		err := c.SetPoolHour(ctx, db.SetPoolHourParams{
			Pool: pool.Name, HostID: of, At: use.At, CapacityBytes: pool.CapacityBytes, UsedBytes: pool.UsedBytes,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func sampleRow(sample hypervisor.Sample, now time.Time) db.CopyVMSamplesParams {
	return db.CopyVMSamplesParams{
		VMID: string(sample.VM), At: credible(sample.At, now), CPUNS: sample.CPUNanoseconds, CPUs: int32(sample.CPUs),
		MemoryBytes: sample.MemoryBytes, MemoryUsedBytes: sample.MemoryUsedBytes, DiskReadBytes: sample.DiskReadBytes,
		DiskWriteBytes: sample.DiskWriteBytes, DiskReads: sample.DiskReads, DiskWrites: sample.DiskWrites,
		NetReceiveBytes: sample.NetReceiveBytes, NetSendBytes: sample.NetSendBytes, DiskUsedBytes: sample.DiskUsedBytes,
	}
}
