package store

import (
	"context"
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

// Pools returns the storage pools that the hosts report, by name, summed over the hosts; a shared pool counts once, as
// the host that was heard of last reports it. Pools that a host reports as not available are left out of it.
func (s *Store) Pools(ctx context.Context) ([]volume.Pool, error) {
	hosts, err := s.ListHosts(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(hosts, func(a, b host.Host) int { return b.LastSeenAt.Compare(a.LastSeenAt) })
	found := map[string]*volume.Pool{}
	for _, each := range hosts {
		for _, reported := range each.Facts.Pools {
			if reported.Available {
				found[reported.Name] = addPool(found[reported.Name], reported, each.ID)
			}
		}
	}
	pools := make([]volume.Pool, 0, len(found))
	for _, pool := range found {
		slices.Sort(pool.Hosts)
		pools = append(pools, *pool)
	}
	slices.SortFunc(pools, func(a, b volume.Pool) int { return strings.Compare(a.Name, b.Name) })
	return pools, nil
}

func addPool(sum *volume.Pool, reported host.PoolFact, by id.Host) *volume.Pool {
	if sum == nil {
		return &volume.Pool{
			Name: reported.Name, Driver: reported.Driver, Shared: reported.Shared, CapacityBytes: reported.CapacityBytes,
			UsedBytes: reported.UsedBytes, Hosts: []id.Host{by},
		}
	}
	sum.Hosts = append(sum.Hosts, by)
	if !reported.Shared {
		sum.CapacityBytes += reported.CapacityBytes
		sum.UsedBytes += reported.UsedBytes
	}
	return sum
}
