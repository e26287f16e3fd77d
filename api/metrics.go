package api

import (
	"context"
	"strconv"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/store"
)

// Window is the part of a request that chooses a span of time and how finely to see it.
type Window struct {
	Since string `query:"since" example:"1h" doc:"A time such as 2026-01-31T12:00:00Z, or how long ago such as 90m; 1h if left out"`
	Step  string `query:"step" example:"30s" doc:"Length of a step such as 30s, or its seconds; chosen to fit if left out"`
}

const (
	defaultWindow = time.Hour
	longestWindow = 366 * 24 * time.Hour
	reportEvery   = 10 * time.Second // how often hosts report; finer steps would be mostly empty
	fittingPoints = 300
	mostPoints    = 5000
)

func (w Window) span(now time.Time) (time.Time, time.Duration, error) {
	since := now.Add(-defaultWindow)
	if w.Since != "" {
		if ago, err := time.ParseDuration(w.Since); err == nil {
			since = now.Add(-ago)
		} else if since, err = time.Parse(time.RFC3339, w.Since); err != nil {
			return since, 0, fault.Invalid("since must be a time such as 2026-01-31T12:00:00Z or a length such as 90m, not %q", w.Since).At("since")
		}
	}
	length := now.Sub(since)
	if length <= 0 || length > longestWindow {
		return since, 0, fault.Invalid("since must lie in the past, at most a year ago").At("since")
	}
	step := max(reportEvery, (length / fittingPoints).Truncate(time.Second))
	if w.Step != "" {
		var err error
		if step, err = parseStep(w.Step); err != nil {
			return since, 0, err
		}
	}
	if length/step > mostPoints {
		return since, 0, fault.Invalid("that would be more than %d points; ask for longer steps or a shorter time", mostPoints).At("step")
	}
	return since, step, nil
}

func parseStep(text string) (time.Duration, error) {
	step, err := time.ParseDuration(text)
	if seconds, plain := strconv.ParseInt(text, 10, 32); plain == nil {
		step, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || step < time.Second || step > longestWindow {
		return 0, fault.Invalid("step must be a length of at least a second such as 30s, not %q", text).At("step")
	}
	return step, nil
}

// Series is a thing's use over time.
type Series[P any] struct {
	Since       time.Time `json:"since"`
	StepSeconds float64   `json:"step_seconds"`
	Points      []P       `json:"points" doc:"Steps without readings are missing"`
}

type vmMetricsInput struct {
	Scope
	Window
	VM string `path:"vm" doc:"Name or ID of the VM"`
}

func (s *Server) vmMetrics(ctx context.Context, in *vmMetricsInput) (*plain[Series[store.VMPoint]], error) {
	since, step, err := in.span(s.now())
	if err != nil {
		return nil, err
	}
	found, _, err := s.findVM(ctx, in.Scope, in.VM)
	if err != nil {
		return nil, err
	}
	points, err := s.store.VMMetrics(ctx, found.ID, since, step)
	return series(since, step, points), err
}

func series[P any](since time.Time, step time.Duration, points []P) *plain[Series[P]] {
	if points == nil {
		points = []P{}
	}
	return &plain[Series[P]]{Body: Series[P]{Since: since.UTC(), StepSeconds: step.Seconds(), Points: points}}
}
