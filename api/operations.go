package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

type listOperationsInput struct {
	Scope
	Paging
	Kind    string `query:"kind" doc:"Only operations of this kind, such as migrate"`
	State   string `query:"state" enum:"accepted,running,undoing,waiting,succeeded,failed,cancelled" doc:"Only operations in this state"`
	Subject string `query:"subject" doc:"Only operations on this thing (name or ID)"`
	Parent  string `query:"parent" doc:"Only operations that this operation started"`
	Open    bool   `query:"open" doc:"Only operations that have not ended"`
}

type operationInput struct {
	Scope
	Operation string `path:"operation" doc:"ID of the operation"`
}

type changeOperationInput struct {
	Change
	Operation string `path:"operation" doc:"ID of the operation"`
}

type tuneInput struct {
	Change
	Operation string `path:"operation" doc:"ID of the operation"`
	Body      operation.Tuning
}

func (s *Server) operationRoutes() {
	tags := []string{"Operations"}
	add(s, user, huma.Operation{
		OperationID: "list-operations", Method: http.MethodGet, Path: "/operations", Tags: tags, Summary: "List operations, newest first",
	}, s.listOperations)
	add(s, user, huma.Operation{
		OperationID: "get-operation", Method: http.MethodGet, Path: "/operations/{operation}", Tags: tags, Summary: "Show an operation",
	}, s.getOperation)
	add(s, user, huma.Operation{
		OperationID: "operation-timeline", Method: http.MethodGet, Path: "/operations/{operation}/timeline", Tags: tags,
		Summary: "An operation step by step, as it is now",
	}, s.getTimeline)
	add(s, user, s.answers(huma.Operation{
		OperationID: "cancel-operation", Method: http.MethodPost, Path: "/operations/{operation}/cancel", Tags: tags,
		Summary: "Stop an operation and take back what it did",
	}, http.StatusAccepted, typeOf[operation.Operation](), "The operation, which will stop at its next step"), s.cancelOperation)
	add(s, user, s.answers(huma.Operation{
		OperationID: "tune-operation", Method: http.MethodPost, Path: "/operations/{operation}/tune", Tags: tags,
		Summary: "Steer a live migration while it runs",
	}, http.StatusOK, typeOf[operation.Operation](), "The operation, which has taken the wish; with dry_run the plan"), s.tuneOperation)
	add(s, user, s.answers(huma.Operation{
		OperationID: "give-up-operation", Method: http.MethodPost, Path: "/operations/{operation}/give-up", Tags: tags,
		Summary: "Tell a waiting operation to go on without what it waits for; what stays behind is reported as a leak",
	}, http.StatusAccepted, typeOf[operation.Operation](), "The operation, which will go on"), s.giveUpOperation)
}

func (s *Server) listOperations(ctx context.Context, in *listOperationsInput) (*listed[operation.Operation], error) {
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	found, next, err := s.store.ListOperations(ctx, store.OperationFilter{
		Project: where.listing(), Kind: operation.Kind(in.Kind), State: operation.State(in.State), Subject: in.Subject,
		Parent: id.Operation(in.Parent), Open: in.Open, Cursor: in.Cursor, Limit: in.Limit,
	})
	return page(found, next), err
}

func (s *Server) getOperation(ctx context.Context, in *operationInput) (*plain[operation.Operation], error) {
	found, err := s.findOperation(ctx, in.Scope, in.Operation)
	return &plain[operation.Operation]{Body: found}, err
}

func (s *Server) findOperation(ctx context.Context, scope Scope, ref string) (operation.Operation, error) {
	where, err := s.reach(ctx, scope)
	if err != nil {
		return operation.Operation{}, err
	}
	operationID, err := id.Parse[id.Operation](ref)
	if err != nil {
		return operation.Operation{}, fault.NotFound("there is no operation %q; its ID looks like op_ and 26 letters and digits", ref)
	}
	return s.store.GetOperation(ctx, where.toward(ref), operationID)
}

func (s *Server) getTimeline(ctx context.Context, in *operationInput) (*plain[operation.Timeline], error) {
	found, err := s.findOperation(ctx, in.Scope, in.Operation)
	if err != nil {
		return nil, err
	}
	timeline, err := s.timelineOf(ctx, found)
	return &plain[operation.Timeline]{Body: timeline}, err
}

func (s *Server) cancelOperation(ctx context.Context, in *changeOperationInput) (*changeAnswer, error) {
	found, err := s.findOperation(ctx, in.Scope, in.Operation)
	if err != nil {
		return nil, err
	}
	if err := found.CanCancel(); err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("cancel", "Stop operation "+string(found.ID)+" and take back what it did")), nil
	}
	now, err := s.store.RequestCancel(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	s.behind(func(ctx context.Context) {
		if err := s.workflows.Cancel(ctx, now.ID); err != nil {
			s.log.Warn("cancellation recorded but not delivered at once", "operation", now.ID, "cause", causeOf(err))
		}
	})
	return changed(http.StatusAccepted, now, ""), nil
}

func (s *Server) giveUpOperation(ctx context.Context, in *changeOperationInput) (*changeAnswer, error) {
	found, err := s.findOperation(ctx, in.Scope, in.Operation)
	if err != nil {
		return nil, err
	}
	if found.State != operation.Waiting {
		return nil, fault.Conflict("operation %s is %s and waits for nothing, so there is nothing to give up", found.ID, found.State)
	}
	if in.DryRun {
		return instead(wouldDo("give_up", "Go on without this: "+found.Question)), nil
	}
	if err := s.workflows.GiveUp(ctx, found.ID); err != nil {
		return nil, err
	}
	return changed(http.StatusAccepted, found, ""), nil
}

func (s *Server) tuneOperation(ctx context.Context, in *tuneInput) (*changeAnswer, error) {
	found, err := s.findOperation(ctx, in.Scope, in.Operation)
	if err != nil {
		return nil, err
	}
	if err := tunable(found, in.Body); err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("tune", "Steer the migration of "+found.Subject.Name)), nil
	}
	if err := s.workflows.Tune(ctx, found.ID, principalOf(ctx).Name(), in.Body); err != nil {
		return nil, err
	}
	now, err := s.store.GetOperation(ctx, found.Project, found.ID)
	return changed(http.StatusOK, now, ""), err
}

const (
	slowestBandwidthBytes = 1 << 20
	longestDowntimeMS     = 2_000_000 // QEMU's own limit, 2,000 s
)

func tunable(found operation.Operation, wish operation.Tuning) error {
	switch {
	case found.Kind != operation.Migrate:
		return fault.Conflict("operation %s is a %s; only a migration can be steered", found.ID, found.Kind)
	case found.State.Final():
		return fault.Conflict("operation %s has ended; there is nothing to steer", found.ID)
	case found.State == operation.Undoing:
		return fault.Conflict("operation %s is taking back what it did; there is nothing to steer", found.ID)
	case wish == operation.Tuning{}:
		return fault.Invalid("say what to change: bandwidth_bytes_per_second, max_downtime_ms, post_copy or abort")
	case wish.Abort && wish != operation.Tuning{Abort: true}:
		return fault.Invalid("abort stops the migration, so nothing else can be changed with it; send it alone").At("abort")
	case wish.BandwidthBytes != 0 && wish.BandwidthBytes < slowestBandwidthBytes:
		return fault.Invalid("the bandwidth is at least 1 MiB a second").At("bandwidth_bytes_per_second")
	case wish.MaxDowntimeMS > longestDowntimeMS || wish.MaxDowntimeMS < 0:
		return fault.Invalid("the longest downtime is between 1 ms and 2,000 s").At("max_downtime_ms")
	case wish.Abort && found.NoReturn:
		return fault.Conflict("operation %s is past its point of no return and will end by itself", found.ID)
	}
	return nil
}
