package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

type hostInput struct {
	Scope
	Host string `path:"host" doc:"Name or ID of the host"`
}

type hostMetricsInput struct {
	Scope
	Window
	Host string `path:"host" doc:"Name or ID of the host"`
}

type cordonInput struct {
	Change
	Precondition
	Host string `path:"host" doc:"Name or ID of the host"`
}

type drainInput struct {
	Mutation
	Host string `path:"host" doc:"Name or ID of the host"`
}

func (s *Server) hostRoutes() {
	tags := []string{"Hosts"}
	add(s, user, huma.Operation{
		OperationID: "list-hosts", Method: http.MethodGet, Path: "/hosts", Tags: tags, Summary: "List hosts by name",
	}, s.listHosts)
	add(s, user, huma.Operation{
		OperationID: "get-host", Method: http.MethodGet, Path: "/hosts/{host}", Tags: tags, Summary: "Show a host",
	}, s.getHost)
	add(s, user, huma.Operation{
		OperationID: "host-metrics", Method: http.MethodGet, Path: "/hosts/{host}/metrics", Tags: tags, Summary: "A host's use over time",
	}, s.hostMetrics)
	for name, cordoned := range map[string]bool{"cordon": true, "uncordon": false} {
		add(s, administrator, s.answers(huma.Operation{
			OperationID: name + "-host", Method: http.MethodPost, Path: "/hosts/{host}/" + name, Tags: tags, Summary: cordonSummary(cordoned),
		}, http.StatusOK, typeOf[host.Host](), "The host as it is now; with dry_run the plan"),
			func(ctx context.Context, in *cordonInput) (*changeAnswer, error) {
				return s.cordonHost(ctx, in, cordoned)
			})
	}
	add(s, administrator, s.starts(huma.Operation{
		OperationID: "drain-host", Method: http.MethodPost, Path: "/hosts/{host}/drain", Tags: tags, Summary: "Cordon a host and move all its VMs away",
	}), s.drainHost)
	add(s, administrator, s.answers(huma.Operation{
		OperationID: "remove-host", Method: http.MethodDelete, Path: "/hosts/{host}", Tags: tags, Summary: "Forget a host that has no VMs",
	}, http.StatusNoContent, nil, "Removed"), s.removeHost)
}

func (s *Server) listHosts(ctx context.Context, _ *Scope) (*listed[host.Host], error) {
	found, err := s.store.ListHosts(ctx)
	for i := range found {
		found[i] = shownHost(found[i])
	}
	return page(found, ""), err
}

func (s *Server) getHost(ctx context.Context, in *hostInput) (*one[host.Host], error) {
	found, err := s.store.GetHost(ctx, in.Host)
	return &one[host.Host]{ETag: etag(found.Generation), Body: shownHost(found)}, err
}

func shownHost(found host.Host) host.Host {
	if found.Facts.Pools == nil {
		found.Facts.Pools = []host.PoolFact{}
	}
	return found
}

func (s *Server) hostMetrics(ctx context.Context, in *hostMetricsInput) (*plain[Series[store.HostPoint]], error) {
	since, step, err := in.span(s.now())
	if err != nil {
		return nil, err
	}
	found, err := s.store.GetHost(ctx, in.Host)
	if err != nil {
		return nil, err
	}
	points, err := s.store.HostMetrics(ctx, found.ID, since, step)
	return series(since, step, points), err
}

func cordonSummary(cordoned bool) string {
	if cordoned {
		return "Let a host keep its VMs and take no new ones"
	}
	return "Let a host take VMs again"
}

func (s *Server) cordonHost(ctx context.Context, in *cordonInput, cordoned bool) (*changeAnswer, error) {
	generation, err := in.generation()
	if err != nil {
		return nil, err
	}
	found, err := s.store.GetHost(ctx, in.Host)
	switch {
	case err != nil:
		return nil, err
	case generation != 0 && generation != found.Generation:
		return nil, stale("host " + found.Name)
	case in.DryRun:
		return instead(wouldDo("cordon", cordonSummary(cordoned)+": "+found.Name)), nil
	}
	now, err := s.store.CordonHost(ctx, string(found.ID), cordoned, generation)
	if err != nil {
		return nil, precondition(err, generation, "host "+found.Name)
	}
	return changed(http.StatusOK, shownHost(now), etag(now.Generation)), nil
}

func (s *Server) drainHost(ctx context.Context, in *drainInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, nil, func(where reach) (intent, error) {
		found, err := s.store.GetHost(ctx, in.Host)
		if err != nil {
			return intent{}, err
		}
		if found.Operation != "" {
			return intent{}, fault.Conflict("host %s is busy: operation %s is working on it; wait for it or cancel it", found.Name, found.Operation)
		}
		if found.StateAt(s.now()) == host.Offline {
			return intent{}, fault.Conflict("host %s does not answer, so nothing can be moved off it; bring it back first", found.Name)
		}
		return intent{
			kind: operation.Drain, subject: operation.Subject{Kind: "host", ID: string(found.ID), Name: found.Name},
			request: operation.DrainRequest{Host: found.ID},
			Acceptance: store.Acceptance{
				Operation: operation.Operation{Project: where.project.ID}, Claims: []string{string(found.ID)},
			},
		}, nil
	})
}

type removeHostInput struct {
	Change
	Host string `path:"host" doc:"Name or ID of the host"`
}

func (s *Server) removeHost(ctx context.Context, in *removeHostInput) (*changeAnswer, error) {
	found, err := s.store.GetHost(ctx, in.Host)
	if err != nil {
		return nil, err
	}
	if found.VMs > 0 {
		return nil, fault.Conflict("host %s still has %d VMs; drain it first", found.Name, found.VMs)
	}
	if in.DryRun {
		return instead(wouldDo("remove_host", "Forget host "+found.Name+" and its token")), nil
	}
	if err := s.store.RemoveHost(ctx, string(found.ID)); err != nil {
		return nil, err
	}
	s.forgetHost(found.ID)
	return gone(), nil
}
