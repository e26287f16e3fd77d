package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/analytics"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// CapacityBody asks for a capacity plan.
type CapacityBody struct {
	HorizonDays *int `json:"horizon_days,omitempty" doc:"How far ahead to look, 1 to 730 days; 90 if left out"`
}

const longestHorizonDays = 730

// CapacityPlan is the newest capacity plan and the operation that made it.
type CapacityPlan struct {
	Operation id.Operation     `json:"operation_id"`
	EndedAt   time.Time        `json:"ended_at"`
	Plan      analytics.Report `json:"plan"`
}

type planCapacityInput struct {
	Mutation
	Body *CapacityBody
}

func (s *Server) capacityRoutes() {
	tags := []string{"Capacity"}
	add(s, administrator, s.starts(huma.Operation{
		OperationID: "plan-capacity", Method: http.MethodPost, Path: "/capacity/plans", Tags: tags, Summary: "Work out when CPU, memory and storage run out",
	}), s.planCapacity)
	add(s, administrator, huma.Operation{
		OperationID: "latest-capacity-plan", Method: http.MethodGet, Path: "/capacity/plans/latest", Tags: tags, Summary: "The newest capacity plan",
	}, s.latestCapacity)
}

func (s *Server) planCapacity(ctx context.Context, in *planCapacityInput) (*answer, error) {
	body := or(in.Body, CapacityBody{})
	return s.accept(ctx, in.Mutation, body, func(where reach) (intent, error) {
		days := or(body.HorizonDays, analytics.DefaultHorizonDays)
		if days < 1 || days > longestHorizonDays {
			return intent{}, fault.Invalid("horizon_days is between 1 and %d, not %d", longestHorizonDays, days).At("horizon_days")
		}
		return intent{
			kind: operation.Capacity, subject: operation.Subject{Kind: "cluster", ID: "cluster", Name: "cluster"},
			request:    operation.CapacityRequest{HorizonDays: days},
			Acceptance: store.Acceptance{Operation: operation.Operation{Project: where.project.ID}},
		}, nil
	})
}

func (s *Server) latestCapacity(ctx context.Context, _ *Scope) (*plain[CapacityPlan], error) {
	found, _, err := s.store.ListOperations(ctx, store.OperationFilter{Kind: operation.Capacity, State: operation.Succeeded, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFound("there is no capacity plan yet; make one with: novacron capacity plan")
	}
	latest := CapacityPlan{Operation: found[0].ID, EndedAt: found[0].EndedAt}
	if err := json.Unmarshal(found[0].Result, &latest.Plan); err != nil {
		return nil, fault.Internal("the capacity plan cannot be read; make a new one").Because(err)
	}
	return &plain[CapacityPlan]{Body: latest}, nil
}
