package store

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
)

// SealedPool is a pool with its key as it is kept.
type SealedPool struct {
	pool.Pool
	Key []byte // sealed; nil if it has none
}

// PoolChange is what an administrator may change of a pool; nil leaves it.
type PoolChange struct {
	Settings   *pool.Settings // of the same driver
	Tier       *pool.Tier
	Overcommit *float64
	Only       *[]id.Host
	Key        []byte // sealed
}

// AddPool declares a pool, with the event pool.added. It needs ID, Name, Settings, Tier, Overcommit and Only. Conflict at
// "name" if the name is taken, and at "settings" if another pool keeps its volumes in the same place.
func (s *Store) AddPool(ctx context.Context, added SealedPool) error {
	if err := project.CheckName(added.Name); err != nil {
		return err
	}
	return s.change(ctx, func(c *change) error {
		if err := c.LockPools(ctx); err != nil {
			return err
		}
		if err := c.placeIsFree(ctx, added.Pool); err != nil {
			return err
		}
		made, err := c.insertPool(ctx, added)
		if made {
			c.emitPool("pool.added", added.ID, added.Name)
		} else if err == nil {
			err = fault.Conflict("there is already a pool named %s; take another name", added.Name).At("name")
		}
		return err
	})
}

// insertPool reports whether the pool is new.
func (c *change) insertPool(ctx context.Context, added SealedPool) (bool, error) {
	made, err := c.InsertPool(ctx, db.InsertPoolParams{
		ID: string(added.ID), Name: added.Name, Driver: string(added.Settings.Driver()), Settings: marshal(added.Settings),
		Shared: added.Settings.Shared(), SealedKey: added.Key, Tier: string(added.Tier), Overcommit: added.Overcommit, OnlyHosts: texts(added.Only),
	})
	return made > 0, err
}

func (c *change) emitPool(happened string, poolID id.Pool, name string) {
	c.emit(event.Event{Type: happened, SubjectKind: "pool", SubjectID: string(poolID)}, nameOnly{name})
}

// placeIsFree refuses a second pool in the place of another one on the same host.
func (c *change) placeIsFree(ctx context.Context, wanted pool.Pool) error {
	rows, err := c.ListPools(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		other, err := poolOf(row)
		if err != nil {
			return err
		}
		apart := len(wanted.Only) > 0 && len(other.Only) > 0 && !slices.ContainsFunc(wanted.Only, other.Has)
		if other.ID != wanted.ID && other.Name != wanted.Name && !apart && wanted.Settings.Overlaps(other.Settings) {
			return fault.Conflict("pool %s keeps its volumes in the same place; give another place, or use that pool", other.Name).At("settings")
		}
	}
	return nil
}

func poolOf(row db.PoolRecord) (pool.Pool, error) {
	found := pool.Pool{
		ID: id.Pool(row.ID), Name: row.Name, Driver: pool.Driver(row.Driver), Sealed: row.SealedKey != nil, Shared: row.Shared,
		Tier: pool.Tier(row.Tier), Overcommit: row.Overcommit, State: pool.State(row.State), Health: pool.Unknown,
		PromisedBytes: row.PromisedBytes, Volumes: int(row.Volumes), Only: make([]id.Host, len(row.OnlyHosts)), Hosts: []pool.Reach{},
		Operation: id.Operation(row.OperationID), Generation: row.Generation, CreatedAt: row.CreatedAt,
	}
	for i, each := range row.OnlyHosts {
		found.Only[i] = id.Host(each)
	}
	return found, unmarshal(row.Settings, &found.Settings)
}

// GetPool finds a pool by name or ID, with what its hosts say of it.
func (s *Store) GetPool(ctx context.Context, ref string) (pool.Pool, error) {
	row, err := s.queries.GetPool(ctx, ref)
	if err != nil {
		return pool.Pool{}, missing(err, "there is no pool %s; list them with novacron pool list", ref)
	}
	found, err := poolOf(row)
	if err != nil {
		return pool.Pool{}, err
	}
	hosts, err := s.reportingHosts(ctx)
	return observed(found, hosts), err
}

// ListPools returns all pools by name, with what their hosts say of them.
func (s *Store) ListPools(ctx context.Context) ([]pool.Pool, error) {
	rows, err := s.queries.ListPools(ctx)
	pools, err := mapRows(rows, err, poolOf)
	if err != nil {
		return nil, err
	}
	hosts, err := s.reportingHosts(ctx)
	for i := range pools {
		pools[i] = observed(pools[i], hosts)
	}
	return pools, err
}

// reportingHosts are the hosts with all that they report.
func (s *Store) reportingHosts(ctx context.Context) ([]host.Host, error) {
	rows, err := s.queries.ListHosts(ctx)
	return mapRows(rows, err, hostOf)
}

func observed(of pool.Pool, hosts []host.Host) pool.Pool {
	said := []pool.Reach{}
	for _, each := range hosts {
		fact, found := each.Pool(of.Name)
		if !found {
			continue
		}
		reach := pool.Reach{
			Host: each.ID, HostName: each.Name, Available: fact.Available, Detail: fact.Detail, CapacityBytes: fact.CapacityBytes,
			UsedBytes: fact.UsedBytes, At: each.LastSeenAt,
		}
		if each.State == host.Offline {
			reach.Available, reach.Detail = false, "the host does not answer"
		}
		said = append(said, reach)
	}
	return of.Observed(said)
}

// PoolsOfHost returns the pools that a host should have, with their sealed keys.
func (s *Store) PoolsOfHost(ctx context.Context, of id.Host) ([]SealedPool, error) {
	rows, err := s.queries.ListPools(ctx)
	all, err := mapRows(rows, err, func(row db.PoolRecord) (SealedPool, error) {
		found, err := poolOf(row)
		return SealedPool{Pool: found, Key: row.SealedKey}, err
	})
	return slices.DeleteFunc(all, func(each SealedPool) bool { return !each.Has(of) }), err
}

// SetPool changes a pool and returns it as it is now, with the event pool.changed. ifMatch is the generation at which it was
// read, 0 for any. Conflict while it is being removed, if its new place is another pool's, and for a host that would lose
// volumes.
func (s *Store) SetPool(ctx context.Context, poolID id.Pool, wanted PoolChange, ifMatch int64) (pool.Pool, error) {
	err := s.change(ctx, func(c *change) error {
		if err := c.LockPools(ctx); err != nil {
			return err
		}
		locked, err := c.lockPool(ctx, poolID)
		if err != nil {
			return err
		}
		if ifMatch != 0 && locked.Generation != ifMatch {
			return changedSince("pool", locked.Name, locked.Generation, ifMatch)
		}
		if pool.State(locked.State) == pool.Removing {
			return fault.Conflict("pool %s is being removed and takes no changes", locked.Name)
		}
		params, err := wanted.over(locked)
		if err != nil {
			return err
		}
		return c.setPool(ctx, locked.Name, params)
	})
	if err != nil {
		return pool.Pool{}, err
	}
	return s.GetPool(ctx, string(poolID))
}

func (c *change) setPool(ctx context.Context, name string, params db.SetPoolParams) error {
	wanted := pool.Pool{ID: id.Pool(params.ID), Name: name}
	for _, each := range params.OnlyHosts {
		wanted.Only = append(wanted.Only, id.Host(each))
	}
	if err := unmarshal(params.Settings, &wanted.Settings); err != nil {
		return err
	}
	if err := c.placeIsFree(ctx, wanted); err != nil {
		return err
	}
	if err := c.keepsItsHosts(ctx, wanted); err != nil {
		return err
	}
	c.emitPool("pool.changed", wanted.ID, name)
	return c.Queries.SetPool(ctx, params)
}

// keepsItsHosts refuses to take a pool away from a host that has volumes in it.
func (c *change) keepsItsHosts(ctx context.Context, wanted pool.Pool) error {
	using, err := c.HostsUsingPool(ctx, wanted.Name)
	if err != nil {
		return err
	}
	for _, each := range using {
		if !wanted.Has(id.Host(each.HostID)) {
			return fault.Conflict("host %s has volumes in pool %s; move or delete them before it loses the pool", each.Name, wanted.Name).At("only_hosts")
		}
	}
	return nil
}

// over is the pool as it will be.
func (p PoolChange) over(now db.Pool) (db.SetPoolParams, error) {
	params := db.SetPoolParams{
		ID: now.ID, Settings: now.Settings, Tier: now.Tier, Overcommit: now.Overcommit, OnlyHosts: now.OnlyHosts, SealedKey: p.Key,
	}
	if p.Settings != nil {
		var before pool.Settings
		if err := unmarshal(now.Settings, &before); err != nil {
			return params, err
		}
		if !before.Stays(*p.Settings) {
			return params, fault.Invalid("a pool stays with its driver and in its place; declare another pool and move its volumes there").At("settings")
		}
		params.Settings = marshal(*p.Settings)
	}
	if p.Tier != nil {
		params.Tier = string(*p.Tier)
	}
	if p.Overcommit != nil {
		params.Overcommit = *p.Overcommit
	}
	if p.Only != nil {
		params.OnlyHosts = texts(*p.Only)
	}
	return params, nil
}

func (c *change) lockPool(ctx context.Context, poolID id.Pool) (db.Pool, error) {
	locked, err := c.LockPool(ctx, string(poolID))
	if err != nil {
		return db.Pool{}, missing(err, "there is no pool %s; it may have been removed", poolID)
	}
	return locked, nil
}

// SetPoolState records where a pool is in its life. Conflict for Removing while volumes are in it.
func (s *Store) SetPoolState(ctx context.Context, poolID id.Pool, state pool.State) error {
	return s.change(ctx, func(c *change) error {
		locked, err := c.lockPool(ctx, poolID)
		if err != nil {
			return err
		}
		if state == pool.Removing {
			record, err := c.GetPool(ctx, locked.ID)
			if err != nil {
				return err
			}
			if record.Volumes > 0 {
				return fault.Conflict("pool %s holds %d volumes; move or delete them first", locked.Name, record.Volumes)
			}
		}
		if _, err := c.Queries.SetPoolState(ctx, string(state), locked.ID); gone(err) != nil {
			return err
		}
		return nil
	})
}

// DeletePool forgets a pool and its history, with the event pool.removed; one that is gone is fine. Conflict while volumes
// are in it.
func (s *Store) DeletePool(ctx context.Context, poolID id.Pool) error {
	return s.change(ctx, func(c *change) error {
		name, err := c.Queries.DeletePool(ctx, string(poolID))
		switch {
		case err != nil && gone(err) == nil:
			return nil
		case err != nil:
			return stillUsed(err, "pool %s holds volumes; move or delete them first", poolID)
		}
		c.emitPool("pool.removed", poolID, name)
		return c.DeletePoolHours(ctx, name)
	})
}

// termed gives hosts what the inventory knows of their pools, and leaves out what nobody declared, or has given up.
func (s *Store) termed(ctx context.Context, hosts []host.Host) ([]host.Host, error) {
	rows, err := s.queries.PoolTerms(ctx)
	if err != nil {
		return nil, translate(err)
	}
	type place struct{ pool, host string }
	promised := map[place]int64{}
	terms := map[string]db.PoolTermsRow{}
	for _, row := range rows {
		terms[row.Name] = row
		promised[place{row.Name, row.HostID}] = row.PromisedBytes
	}
	for i := range hosts {
		kept := []host.PoolFact{}
		for _, fact := range hosts[i].Facts.Pools {
			term, declared := terms[fact.Name]
			mine := len(term.OnlyHosts) == 0 || slices.Contains(term.OnlyHosts, string(hosts[i].ID))
			if !declared || !mine || term.State != string(pool.Ready) {
				continue
			}
			on := string(hosts[i].ID)
			if fact.Shared {
				on = ""
			}
			fact.Overcommit, fact.PromisedBytes = term.Overcommit, promised[place{fact.Name, on}]
			kept = append(kept, fact)
		}
		hosts[i].Facts.Pools = kept
	}
	return hosts, nil
}
