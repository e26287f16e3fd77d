package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

type listEventsInput struct {
	Scope
	After string `query:"after" doc:"Events behind this sequence, oldest first; the newest events, newest first, if left out"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"The most events to answer"`
}

func (s *Server) eventRoutes() {
	add(s, user, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/events", Tags: []string{"Events"},
		Summary: "Read events, or follow them over a WebSocket",
		Description: "As a WebSocket: the first message is {\"after\": N}, the sequence to resume behind. The server sends one event a " +
			"message. {\"watch\": [operation IDs]} replaces the operations whose timelines are pushed as {\"type\": \"operation.timeline\", " +
			"\"timeline\": …} whenever they move. A connection that does not take a message within 10 seconds is dropped; " +
			"connect again and resume behind the last sequence that arrived.",
		Middlewares: huma.Middlewares{s.eventSocket},
	}, s.listEvents)
}

func (s *Server) listEvents(ctx context.Context, in *listEventsInput) (*listed[event.Event], error) {
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	if in.After == "" {
		found, err := s.newest(ctx, where.listing(), in.Limit)
		return page(found, ""), err
	}
	after, err := sequence(in.After)
	if err != nil {
		return nil, err
	}
	found, err := s.store.EventsAfter(ctx, where.listing(), after, in.Limit)
	return page(found, ""), err
}

// newest reads back from the end. Sequences are nearly dense but belong to many projects, so the span is widened until
// it holds enough.
func (s *Server) newest(ctx context.Context, project id.Project, limit int) ([]event.Event, error) {
	const widest = 1000 // the most that one read of the store answers
	last, err := s.store.LastSequence(ctx)
	if err != nil {
		return nil, err
	}
	for span := int64(limit); ; span = min(span*4, widest) {
		found, err := s.store.EventsAfter(ctx, project, max(0, last-span), widest)
		if err != nil {
			return nil, err
		}
		if len(found) < limit && span < last && span < widest {
			continue
		}
		slices.Reverse(found)
		return found[:min(limit, len(found))], nil
	}
}

// eventSocket takes over requests that want to be WebSockets.
func (s *Server) eventSocket(ctx huma.Context, next func(huma.Context)) {
	if !strings.EqualFold(ctx.Header("Upgrade"), "websocket") {
		next(ctx)
		return
	}
	c := humagin.Unwrap(ctx)
	where, err := s.reach(ctx.Context(), Scope{ProjectHeader: ctx.Header("X-Novacron-Project"), ProjectQuery: ctx.Query("project")})
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.serveEvents(c, where)
}

func sequence(text string) (int64, error) {
	var found int64
	for _, digit := range text {
		if digit < '0' || digit > '9' || len(text) > 18 {
			return 0, fault.Invalid("after must be the sequence of an event, a whole number, not %q", text).At("after")
		}
		found = found*10 + int64(digit-'0')
	}
	return found, nil
}
