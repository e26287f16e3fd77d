package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// Samples is what a host reports every few seconds.
type Samples struct {
	Host  host.Use            `json:"host"`
	Pools []host.PoolFact     `json:"pools"`
	VMs   []hypervisor.Sample `json:"vms"`
}

// RecordSamples keeps a host's report and with it that the host answers, its use, and its pools. Readings from the future
// or more than a day old are taken as made now: the host's clock is wrong. NotFound if the host is gone.
func (s *Store) RecordSamples(ctx context.Context, hostID id.Host, batch Samples) error { return errUnbuilt }

// EnsurePartitions makes the daily partitions of the samples around now, a few days ahead. Call it at start and daily.
func (s *Store) EnsurePartitions(ctx context.Context, now time.Time) error { return errUnbuilt }

// DropPartitions drops the daily partitions that end at or before that time.
func (s *Store) DropPartitions(ctx context.Context, before time.Time) error { return errUnbuilt }
