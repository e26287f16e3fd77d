package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
)

type scanPoolInput struct {
	Mutation
	Pool string `path:"pool" doc:"Name or ID of the pool"`
}

// StrayBody says where a volume that belongs to nobody is.
type StrayBody struct {
	Host string `json:"host,omitempty" doc:"Name or ID of the host, for a pool that each host has its own of"`
}

// AdoptBody also says by which name it is to be known.
type AdoptBody struct {
	StrayBody
	Name string `json:"name" doc:"Lower-case letters, digits and hyphens"`
}

type adoptInput struct {
	Mutation
	Pool   string `path:"pool" doc:"Name or ID of the pool"`
	Volume string `path:"volume" doc:"ID of the volume"`
	Body   AdoptBody
}

type discardInput struct {
	Mutation
	Pool   string `path:"pool" doc:"Name or ID of the pool"`
	Volume string `path:"volume" doc:"ID of the volume"`
	Body   *StrayBody
}

func (s *Server) strayRoutes() {
	tags := []string{"Storage"}
	add(s, administrator, s.starts(huma.Operation{
		OperationID: "scan-pool", Method: http.MethodPost, Path: "/pools/{pool}/scan", Tags: tags,
		Summary: "Compare a pool with the inventory; the operation's result lists what belongs to nobody, and what is missing",
	}), func(ctx context.Context, in *scanPoolInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, nil, func(where reach) (intent, error) {
			found, err := s.store.GetPool(ctx, in.Pool)
			if err != nil {
				return intent{}, err
			}
			return intent{
				kind: operation.ScanPool, subject: operation.Subject{Kind: "pool", ID: string(found.ID), Name: found.Name},
				request: operation.ScanPoolRequest{Pool: found.ID},
				Acceptance: store.Acceptance{
					Operation: operation.Operation{Project: where.project.ID}, Shared: []string{string(found.ID)},
				},
			}, nil
		})
	})
	add(s, administrator, s.starts(huma.Operation{
		OperationID: "adopt-volume", Method: http.MethodPost, Path: "/pools/{pool}/strays/{volume}/adopt", Tags: tags,
		Summary: "Take a volume that belongs to nobody into the inventory",
	}), func(ctx context.Context, in *adoptInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) {
			if err := project.CheckName(in.Body.Name); err != nil {
				return intent{}, err
			}
			if err := s.volumeNameIsFree(ctx, where.project.ID, in.Body.Name); err != nil {
				return intent{}, err
			}
			return s.prepareStray(ctx, where, operation.AdoptVolume, in.Pool, in.Volume, in.Body)
		})
	})
	add(s, administrator, s.starts(huma.Operation{
		OperationID: "discard-volume", Method: http.MethodPost, Path: "/pools/{pool}/strays/{volume}/discard", Tags: tags,
		Summary: "Delete a volume that belongs to nobody",
	}), func(ctx context.Context, in *discardInput) (*answer, error) {
		body := or(in.Body, StrayBody{})
		return s.accept(ctx, in.Mutation, body, func(where reach) (intent, error) {
			return s.prepareStray(ctx, where, operation.DiscardVolume, in.Pool, in.Volume, AdoptBody{StrayBody: body})
		})
	})
}

func (s *Server) prepareStray(ctx context.Context, where reach, kind operation.Kind, poolRef, volumeRef string, body AdoptBody) (intent, error) {
	stray, err := id.Parse[id.Volume](volumeRef)
	if err != nil {
		return intent{}, fault.NotFound("%q is no volume's ID; take one from: novacron pool scan %s", volumeRef, poolRef)
	}
	found, err := s.store.GetPool(ctx, poolRef)
	if err != nil {
		return intent{}, err
	}
	at, err := s.strayHost(ctx, found, body.Host)
	if err != nil {
		return intent{}, err
	}
	request := operation.StrayRequest{Volume: stray, Pool: found.Name, Host: at, Shared: found.Shared, Project: where.project.ID, Name: body.Name}
	name := body.Name
	if name == "" {
		name = string(stray)
	}
	return intent{
		kind: kind, subject: operation.Subject{Kind: "volume", ID: string(stray), Name: name}, request: request, host: at,
		Acceptance: store.Acceptance{
			Operation: operation.Operation{Project: where.project.ID}, Claims: []string{string(stray)}, Shared: []string{string(found.ID)},
		},
	}, nil
}

// strayHost is the host to ask: the one that is named, or any that reaches a shared pool.
func (s *Server) strayHost(ctx context.Context, of pool.Pool, ref string) (id.Host, error) {
	if ref == "" && !of.Shared {
		return "", fault.Invalid("each host has its own pool %s; say which host the volume is on", of.Name).At("host")
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return "", err
	}
	for _, each := range hosts {
		if ref != "" && ref != each.Name && ref != string(each.ID) {
			continue
		}
		if fact, has := each.Pool(of.Name); has && fact.Available && each.StateAt(s.now()) != host.Offline {
			return each.ID, nil
		}
	}
	return "", fault.Conflict("no host reaches pool %s as you ask; see novacron pool show %s", of.Name, of.Name).At("host")
}
