package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
)

// AddPoolBody declares a pool.
type AddPoolBody struct {
	Name       string        `json:"name" example:"fast"`
	Settings   pool.Settings `json:"settings" doc:"Of one driver"`
	Key        string        `json:"key,omitempty" writeOnly:"true" doc:"What the driver needs to be let in: a key of Ceph or ssh, a password of CIFS; kept sealed and never shown again"`
	Tier       pool.Tier     `json:"tier,omitempty" doc:"hot, warm or cold; warm if left out"`
	Overcommit *float64      `json:"overcommit,omitempty" doc:"How many bytes may be promised for each that it has; 3 if left out"`
	Only       []string      `json:"only_hosts,omitempty" doc:"Names or IDs of the hosts that have it; all if left out"`
}

// SetPoolBody changes a pool; what is left out stays as it is.
type SetPoolBody struct {
	Settings   *pool.Settings `json:"settings,omitempty" doc:"Of the same driver"`
	Key        string         `json:"key,omitempty" writeOnly:"true" doc:"Takes the place of the one that is kept"`
	Tier       *pool.Tier     `json:"tier,omitempty" doc:"hot, warm or cold"`
	Overcommit *float64       `json:"overcommit,omitempty"`
	Only       *[]string      `json:"only_hosts,omitempty" doc:"Names or IDs of the hosts that have it; an empty list means all"`
}

type poolInput struct {
	Scope
	Pool string `path:"pool" doc:"Name or ID of the pool"`
}

type addPoolInput struct {
	Change
	Body AddPoolBody
}

type setPoolInput struct {
	Change
	Precondition
	Pool string `path:"pool" doc:"Name or ID of the pool"`
	Body SetPoolBody
}

type removePoolInput struct {
	Mutation
	Pool   string `path:"pool" doc:"Name or ID of the pool"`
	Forget bool   `query:"forget" doc:"Leave the place as it is: for one that no host can reach any more"`
}

func (s *Server) poolRoutes() {
	tags := []string{"Storage"}
	add(s, user, huma.Operation{
		OperationID: "list-pools", Method: http.MethodGet, Path: "/pools", Tags: tags, Summary: "List storage pools by name",
	}, func(ctx context.Context, _ *Scope) (*listed[pool.Pool], error) {
		found, err := s.store.ListPools(ctx)
		return page(found, ""), err
	})
	add(s, user, huma.Operation{
		OperationID: "get-pool", Method: http.MethodGet, Path: "/pools/{pool}", Tags: tags, Summary: "Show a storage pool",
	}, func(ctx context.Context, in *poolInput) (*one[pool.Pool], error) {
		found, err := s.store.GetPool(ctx, in.Pool)
		return &one[pool.Pool]{ETag: etag(found.Generation), Body: found}, err
	})
	add(s, administrator, s.answers(huma.Operation{
		OperationID: "add-pool", Method: http.MethodPost, Path: "/pools", Tags: tags, Summary: "Declare a storage pool; its hosts open it within seconds",
	}, http.StatusCreated, typeOf[pool.Pool](), "The pool, which no host has opened yet"), s.addPool)
	add(s, administrator, s.answers(huma.Operation{
		OperationID: "set-pool", Method: http.MethodPatch, Path: "/pools/{pool}", Tags: tags, Summary: "Change a storage pool",
	}, http.StatusOK, typeOf[pool.Pool](), "The pool as it is now; with dry_run the plan"), s.setPool)
	add(s, administrator, s.starts(huma.Operation{
		OperationID: "remove-pool", Method: http.MethodDelete, Path: "/pools/{pool}", Tags: tags, Summary: "Give up a storage pool that holds no volumes",
	}), s.removePool)
	add(s, machine, huma.Operation{
		OperationID: "host-pools", Method: http.MethodGet, Path: "/hosts/self/pools", Tags: hostTags, Summary: "The pools this host should have, with their keys",
	}, s.hostPools)
}

// sealContext binds a sealed key to its pool.
func sealContext(of id.Pool) string { return "pool/" + string(of) }

func (s *Server) addPool(ctx context.Context, in *addPoolInput) (*changeAnswer, error) {
	made, err := s.judgePool(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("add_pool", "Declare pool "+made.Name)), nil
	}
	if err := s.store.AddPool(ctx, made); err != nil {
		return nil, err
	}
	found, err := s.store.GetPool(ctx, string(made.ID))
	if err != nil {
		return nil, err
	}
	answer := changed(http.StatusCreated, found, etag(found.Generation))
	answer.Location = basePath + "/pools/" + found.Name
	return answer, nil
}

func (s *Server) judgePool(ctx context.Context, body AddPoolBody) (store.SealedPool, error) {
	made := store.SealedPool{Pool: pool.Pool{
		ID: id.New[id.Pool](), Name: body.Name, Settings: body.Settings.Mounted(body.Name), Tier: pool.Warm, Overcommit: or(body.Overcommit, pool.DefaultOvercommit),
	}}
	if body.Tier != "" {
		made.Tier = body.Tier
	}
	var err error
	if made.Only, err = s.hostsNamed(ctx, body.Only); err != nil {
		return made, err
	}
	for _, check := range []error{
		project.CheckName(made.Name), made.Settings.Check(), pool.CheckTier(made.Tier), pool.CheckOvercommit(made.Overcommit),
	} {
		if check != nil {
			return made, check
		}
	}
	if err := made.Settings.CheckKey(body.Key); err != nil {
		return made, err
	}
	if body.Key != "" {
		made.Key = s.config.Seal.Seal(sealContext(made.ID), body.Key)
	}
	return made, nil
}

// hostsNamed finds hosts by name or ID.
func (s *Server) hostsNamed(ctx context.Context, refs []string) ([]id.Host, error) {
	found := make([]id.Host, 0, len(refs))
	for _, ref := range refs {
		each, err := s.store.GetHost(ctx, ref)
		if err != nil {
			return nil, unknown(err, "only_hosts", "host", ref)
		}
		found = append(found, each.ID)
	}
	return found, nil
}

func (s *Server) setPool(ctx context.Context, in *setPoolInput) (*changeAnswer, error) {
	generation, err := in.generation()
	if err != nil {
		return nil, err
	}
	found, err := s.store.GetPool(ctx, in.Pool)
	switch {
	case err != nil:
		return nil, err
	case generation != 0 && generation != found.Generation:
		return nil, stale("pool " + found.Name)
	}
	wanted, err := s.judgePoolChange(ctx, found, in.Body)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("set_pool", "Change pool "+found.Name)), nil
	}
	now, err := s.store.SetPool(ctx, found.ID, wanted, generation)
	if err != nil {
		return nil, precondition(err, generation, "pool "+found.Name)
	}
	return changed(http.StatusOK, now, etag(now.Generation)), nil
}

func (s *Server) judgePoolChange(ctx context.Context, found pool.Pool, body SetPoolBody) (store.PoolChange, error) {
	wanted := store.PoolChange{Settings: body.Settings, Tier: body.Tier, Overcommit: body.Overcommit}
	if body.Settings != nil {
		filled := body.Settings.Mounted(found.Name)
		wanted.Settings = &filled
	}
	settings := or(wanted.Settings, found.Settings)
	for _, check := range []error{
		settings.Check(), pool.CheckTier(or(body.Tier, found.Tier)), pool.CheckOvercommit(or(body.Overcommit, found.Overcommit)),
	} {
		if check != nil {
			return wanted, check
		}
	}
	if body.Key != "" {
		if err := settings.CheckKey(body.Key); err != nil {
			return wanted, err
		}
		wanted.Key = s.config.Seal.Seal(sealContext(found.ID), body.Key)
	}
	if body.Only != nil {
		only, err := s.hostsNamed(ctx, *body.Only)
		if err != nil {
			return wanted, err
		}
		wanted.Only = &only
	}
	return wanted, nil
}

func (s *Server) removePool(ctx context.Context, in *removePoolInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, in.Forget, func(where reach) (intent, error) {
		found, err := s.store.GetPool(ctx, in.Pool)
		switch {
		case err != nil:
			return intent{}, err
		case found.Operation != "":
			return intent{}, fault.Conflict("pool %s is busy: operation %s is working on it; wait for it or cancel it", found.Name, found.Operation)
		case found.Volumes > 0:
			return intent{}, fault.Conflict("pool %s holds %d volumes; move or delete them first", found.Name, found.Volumes)
		}
		return intent{
			kind: operation.RemovePool, subject: operation.Subject{Kind: "pool", ID: string(found.ID), Name: found.Name},
			request: operation.RemovePoolRequest{Pool: found.ID, Forget: in.Forget},
			Acceptance: store.Acceptance{
				Operation: operation.Operation{Project: where.project.ID}, Claims: []string{string(found.ID)},
			},
		}, nil
	})
}

func (s *Server) hostPools(ctx context.Context, _ *struct{}) (*plain[[]pool.Definition], error) {
	found, err := s.store.PoolsOfHost(ctx, principalOf(ctx).Host)
	if err != nil {
		return nil, err
	}
	definitions := make([]pool.Definition, 0, len(found))
	for _, each := range found {
		definition := pool.Definition{ID: each.ID, Name: each.Name, Settings: each.Settings, Removing: each.State == pool.Removing}
		if each.Key != nil {
			if definition.Key, err = s.config.Seal.Unseal(sealContext(each.ID), each.Key); err != nil {
				definition.Problem = err.Error()
			}
		}
		definitions = append(definitions, definition)
	}
	return &plain[[]pool.Definition]{Body: definitions}, nil
}
