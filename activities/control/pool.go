package control

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
)

// PoolAt is a pool and the hosts at which it must be given up: all that have it, or one if it is shared.
type PoolAt struct {
	Name  string    `json:"name"`
	Hosts []id.Host `json:"host_ids"`
}

// ClosePool lets nothing new go to a pool; Conflict while it holds volumes.
func (a *Activities) ClosePool(ctx context.Context, of id.Pool) (PoolAt, error) {
	if err := a.Store.SetPoolState(ctx, of, pool.Removing); err != nil {
		return PoolAt{}, err
	}
	found, err := a.Store.GetPool(ctx, string(of))
	if err != nil {
		return PoolAt{}, err
	}
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return PoolAt{}, err
	}
	at := PoolAt{Name: found.Name, Hosts: []id.Host{}}
	for _, each := range hosts {
		if !found.Has(each.ID) || found.Shared && each.StateAt(time.Now()) == host.Offline {
			continue
		}
		at.Hosts = append(at.Hosts, each.ID)
		if found.Shared {
			break
		}
	}
	return at, nil
}

// ReopenPool lets volumes go to a pool again; one that is gone is fine.
func (a *Activities) ReopenPool(ctx context.Context, of id.Pool) error {
	err := a.Store.SetPoolState(ctx, of, pool.Ready)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// ForgetPool removes a pool from the inventory.
func (a *Activities) ForgetPool(ctx context.Context, of id.Pool) error {
	return a.Store.DeletePool(ctx, of)
}
