package placement

import (
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/volume"
)

// Bridge is a host that reaches the pool of a volume and another pool too, with room there for bytes more. The error is that
// of the last host that could be asked, at "pool" where it is the other pool's, and Unavailable if there is none.
func Bridge(hosts []host.Host, of volume.Volume, pool string, bytes int64, now time.Time) (host.Host, error) {
	var problem error = fault.Unavailable("no host reaches pool %s now, which holds volume %s; see the pool's page", of.Pool, of.Label())
	for _, each := range hosts {
		if of.Host != "" && of.Host != each.ID || each.StateAt(now) == host.Offline {
			continue
		}
		if fact, has := each.Pool(of.Pool); !has || !fact.Available {
			continue
		}
		if _, err := FitsPool(each, pool, bytes); err != nil {
			problem = err
			continue
		}
		return each, nil
	}
	return host.Host{}, problem
}
