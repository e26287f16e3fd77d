package api

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/auth"
)

// call is what belongs to one request: middleware fills it in, handlers and the log read it.
type call struct {
	id        string
	principal auth.Principal
	gin       *gin.Context
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf returns the request's call, an empty one outside a request.
func callOf(ctx context.Context) *call {
	if found, ok := ctx.Value(callKey{}).(*call); ok {
		return found
	}
	return &call{}
}

func principalOf(ctx context.Context) auth.Principal { return callOf(ctx).principal }
