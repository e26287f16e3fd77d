package control

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/volume"
)

// PoolHosts are the hosts to ask what is in a pool: all that answer and reach it, or one if it is shared.
type PoolHosts struct {
	Name   string      `json:"name"`
	Shared bool        `json:"shared"`
	Hosts  []host.Host `json:"hosts"`
}

// HostsOfPool finds them; Unavailable if there is none.
func (a *Activities) HostsOfPool(ctx context.Context, of id.Pool) (PoolHosts, error) {
	found, err := a.Store.GetPool(ctx, string(of))
	if err != nil {
		return PoolHosts{}, err
	}
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return PoolHosts{}, err
	}
	at := PoolHosts{Name: found.Name, Shared: found.Shared}
	for _, each := range hosts {
		fact, has := each.Pool(found.Name)
		if !has || !fact.Available || each.StateAt(time.Now()) == host.Offline {
			continue
		}
		at.Hosts = append(at.Hosts, host.Host{ID: each.ID, Name: each.Name})
		if found.Shared {
			break
		}
	}
	if len(at.Hosts) == 0 {
		return PoolHosts{}, fault.Unavailable("no host reaches pool %s now; see the pool's page", found.Name)
	}
	return at, nil
}

// Findings are what hosts found in a pool.
type Findings struct {
	Pool  string      `json:"pool"`
	Asked []id.Host   `json:"asked"`
	Held  []pool.Held `json:"held"`
}

// ComparePool says where a pool and the inventory differ.
func (a *Activities) ComparePool(ctx context.Context, in Findings) (pool.Survey, error) {
	var recorded []volume.Volume
	for cursor := ""; ; {
		page, next, err := a.Store.ListVolumes(ctx, store.VolumeFilter{Pool: in.Pool, Limit: store.MaxPage, Cursor: cursor})
		if err != nil {
			return pool.Survey{}, err
		}
		recorded = append(recorded, page...)
		if cursor = next; cursor == "" {
			return pool.Compare(in.Held, in.Asked, recorded), nil
		}
	}
}

// IsStray refuses a volume that somebody owns after all.
func (a *Activities) IsStray(ctx context.Context, in operation.StrayRequest) error {
	found, err := a.Store.GetVolume(ctx, in.Volume)
	switch {
	case fault.Is(err, fault.KindNotFound):
		return nil
	case err != nil:
		return err
	case found.Pool == in.Pool && (in.Shared || found.Host == in.Host):
		return fault.Conflict("volume %s belongs to the inventory: it is %s", in.Volume, found.Label())
	}
	return nil
}

// Adoption is a volume that was found and is to be recorded.
type Adoption struct {
	operation.StrayRequest
	Found storage.Volume `json:"found"`
}

// AdoptVolume records a volume that was found. Conflict if its name is taken, or if it stands on an image that is not known.
func (a *Activities) AdoptVolume(ctx context.Context, in Adoption) error {
	made := volume.Volume{
		ID: in.Volume, Project: in.Project, Name: in.Name, Pool: in.Pool, SizeBytes: in.Found.SizeBytes, Format: in.Found.Format,
		Image: in.Found.Base, State: volume.Ready,
	}
	if !in.Shared {
		made.Host = in.Host
	}
	if made.Image != "" {
		if _, err := a.Store.GetImage(ctx, "", string(made.Image)); fault.Is(err, fault.KindNotFound) {
			return fault.Conflict("volume %s stands on image %s, which the inventory does not have; import that image again before", in.Volume, made.Image)
		}
	}
	return a.Store.InsertVolume(ctx, made)
}
