package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store/db"
)

// hostFacts is the data of a host's events.
type hostFacts struct {
	Name string `json:"name"`
}

func (c *change) emitHost(happened string, hostID, name string) {
	c.emit(event.Event{Type: happened, SubjectKind: "host", SubjectID: hostID}, hostFacts{Name: name})
}

// GetHost finds a host by name or ID, with what is promised on it and its state now.
func (s *Store) GetHost(ctx context.Context, ref string) (host.Host, error) {
	found, err := findHost(ctx, s.queries, ref)
	if err != nil {
		return found, translate(err)
	}
	one, err := s.termed(ctx, []host.Host{found})
	if err != nil {
		return found, err
	}
	return one[0], nil
}

func findHost(ctx context.Context, queries *db.Queries, ref string) (host.Host, error) {
	row, err := queries.GetHost(ctx, ref)
	if err != nil {
		return host.Host{}, missing(err, "there is no host %s; list them with novacron host list", ref)
	}
	return hostOf(row)
}

// hostID is the ID of a host that may be given by name; empty stays empty.
func (s *Store) hostID(ctx context.Context, ref string) (string, error) {
	if ref == "" || id.Is[id.Host](ref) {
		return ref, nil
	}
	found, err := s.GetHost(ctx, ref)
	return string(found.ID), err
}

func hostOf(row db.HostRecord) (host.Host, error) {
	found := host.Host{
		ID: id.Host(row.ID), Name: row.Name, Cordoned: row.Cordoned,
		Promised: host.Resources{CPUs: int(row.PromisedCPUs), MemoryBytes: row.PromisedMemoryBytes}, VMs: int(row.VMs),
		LastSeenAt: row.LastSeenAt, Operation: id.Operation(row.OperationID), Generation: row.Generation, CreatedAt: row.CreatedAt,
	}
	if err := unmarshal(row.Facts, &found.Facts); err != nil {
		return host.Host{}, err
	}
	found.State = found.StateAt(time.Now())
	err := unmarshal(row.Use, &found.Use)
	return found, err
}

// ListHosts returns all hosts by name.
func (s *Store) ListHosts(ctx context.Context) ([]host.Host, error) {
	hosts, err := s.reportingHosts(ctx)
	if err != nil {
		return nil, err
	}
	return s.termed(ctx, hosts)
}

// SetHostFacts records what a host reports when its worker starts, with the event host.connected.
func (s *Store) SetHostFacts(ctx context.Context, hostID id.Host, facts host.Facts) error {
	if err := checkFacts(facts); err != nil {
		return err
	}
	return s.change(ctx, func(c *change) error {
		name, err := c.SetHostFacts(ctx, marshal(facts), string(hostID))
		if err != nil {
			return missing(err, "there is no host %s; it was removed and must enrol again", hostID)
		}
		c.emitHost("host.connected", string(hostID), name)
		return nil
	})
}

// checkFacts refuses an address at which no other host could reach this one.
func checkFacts(facts host.Facts) error {
	address, err := netip.ParseAddr(facts.MigrationAddress)
	if err != nil || address.IsUnspecified() {
		return fault.Invalid("%q is not an address at which other hosts reach this one; set NOVACRON_MIGRATION_ADDRESS", facts.MigrationAddress).At("facts.migration_address")
	}
	return nil
}

// CordonHost says whether the host takes new VMs and returns it as it is now. ifMatch is the generation at which it was
// read, 0 for any.
func (s *Store) CordonHost(ctx context.Context, ref string, cordoned bool, ifMatch int64) (host.Host, error) {
	var changed host.Host
	err := s.change(ctx, func(c *change) error {
		locked, err := c.lockHost(ctx, ref)
		if err != nil {
			return err
		}
		if ifMatch != 0 && locked.Generation != ifMatch {
			return changedSince("host", locked.Name, locked.Generation, ifMatch)
		}
		if locked.Cordoned != cordoned {
			happened := "host.uncordoned"
			if cordoned {
				happened = "host.cordoned"
			}
			c.emitHost(happened, locked.ID, locked.Name)
			if err := c.SetHostCordoned(ctx, cordoned, locked.ID); err != nil {
				return err
			}
		}
		changed, err = findHost(ctx, c.Queries, locked.ID)
		return err
	})
	return changed, err
}

func (c *change) lockHost(ctx context.Context, ref string) (db.LockHostRow, error) {
	found, err := findHost(ctx, c.Queries, ref)
	if err != nil {
		return db.LockHostRow{}, err
	}
	locked, err := c.LockHost(ctx, string(found.ID))
	if err != nil {
		return db.LockHostRow{}, missing(err, "host %s was removed just now", ref)
	}
	return locked, nil
}

// RemoveHost forgets a host and its token. Conflict while VMs or volumes are on it or an operation holds it.
func (s *Store) RemoveHost(ctx context.Context, ref string) error {
	return s.change(ctx, func(c *change) error {
		locked, err := c.lockHost(ctx, ref)
		if err != nil {
			return err
		}
		holder, err := c.ClaimInTheWay(ctx, []string{locked.ID}, nil)
		if err == nil {
			return busy(operation.Subject{ID: locked.ID, Name: locked.Name}, locked.ID, holder.OperationID, holder.Kind)
		}
		if gone(err) != nil {
			return err
		}
		left, err := c.CountOnHost(ctx, locked.ID)
		if err != nil {
			return err
		}
		if left.VMs+left.Volumes > 0 {
			return fault.Conflict("host %s still has %d VMs and %d volumes; move them away with novacron host drain %s, or delete them", locked.Name, left.VMs, left.Volumes, locked.Name)
		}
		c.emitHost("host.removed", locked.ID, locked.Name)
		return c.DeleteHost(ctx, locked.ID)
	})
}
