package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/novacron/novacron/analytics"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// OperationQuery chooses operations; empty fields choose all.
type OperationQuery struct {
	Page
	Kind    operation.Kind
	State   operation.State
	Subject string // name or ID
	Open    bool   // only those that have not ended
}

// CapacityPlan is the newest capacity plan and the operation that made it.
type CapacityPlan struct {
	Operation id.Operation     `json:"operation_id"`
	EndedAt   time.Time        `json:"ended_at"`
	Plan      analytics.Report `json:"plan"`
}

// Operations reads one page of operations, newest first.
func (c *Client) Operations(ctx context.Context, query OperationQuery) ([]operation.Operation, string, error) {
	values := query.values()
	set(values, "kind", string(query.Kind))
	set(values, "state", string(query.State))
	set(values, "subject", query.Subject)
	if query.Open {
		values.Set("open", "true")
	}
	found, err := get[list[operation.Operation]](ctx, c, "/operations", values)
	return found.Items, found.NextCursor, err
}

// Operation reads one operation.
func (c *Client) Operation(ctx context.Context, ref string) (operation.Operation, error) {
	return get[operation.Operation](ctx, c, "/operations/"+url.PathEscape(ref), nil)
}

// Timeline reads an operation step by step, as it is now.
func (c *Client) Timeline(ctx context.Context, ref string) (operation.Timeline, error) {
	return get[operation.Timeline](ctx, c, "/operations/"+url.PathEscape(ref)+"/timeline", nil)
}

// Cancel stops an operation and takes back what it did.
func (c *Client) Cancel(ctx context.Context, ref string, how Change) (Changed[operation.Operation], error) {
	return change[operation.Operation](ctx, c, request{method: http.MethodPost, path: "/operations/" + url.PathEscape(ref) + "/cancel"}, how)
}

// GiveUp tells an operation that waits for a host which is lost for good to go on without it.
func (c *Client) GiveUp(ctx context.Context, ref string, how Change) (Changed[operation.Operation], error) {
	return change[operation.Operation](ctx, c, request{method: http.MethodPost, path: "/operations/" + url.PathEscape(ref) + "/give-up"}, how)
}

// Tune steers a live migration while it runs.
func (c *Client) Tune(ctx context.Context, ref string, wish operation.Tuning, how Change) (Changed[operation.Operation], error) {
	return change[operation.Operation](ctx, c, request{
		method: http.MethodPost, path: "/operations/" + url.PathEscape(ref) + "/tune", body: wish, repeat: true,
	}, how)
}

// PlanCapacity works out when what runs out; 0 days is the server's default horizon.
func (c *Client) PlanCapacity(ctx context.Context, horizonDays int, how Change) (Started, error) {
	body := struct {
		HorizonDays int `json:"horizon_days,omitempty"`
	}{horizonDays}
	return c.start(ctx, http.MethodPost, "/capacity/plans", body, how)
}

// LatestCapacityPlan reads the newest capacity plan.
func (c *Client) LatestCapacityPlan(ctx context.Context) (CapacityPlan, error) {
	return get[CapacityPlan](ctx, c, "/capacity/plans/latest", nil)
}
