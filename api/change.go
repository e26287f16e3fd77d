package api

import (
	"net/http"
	"strconv"
)

// Change is the part of a request that changes something at once, without an operation.
type Change struct {
	Scope
	DryRun bool `query:"dry_run" doc:"Check everything and answer the plan; change nothing"`
}

func statusText(status int) string { return strconv.Itoa(status) }

// changed is the answer to a change: the thing as it is now, nothing, or the plan of a dry run.
func changed(status int, body any, tag string) *changeAnswer {
	return &changeAnswer{Status: status, ETag: tag, Body: body}
}

// gone is the answer to a removal.
func gone() *changeAnswer { return &changeAnswer{Status: http.StatusNoContent} }

// instead turns the plan of a dry run into the answer to a change.
func instead(plan *answer) *changeAnswer { return &changeAnswer{Status: plan.Status, Body: plan.Body} }

type changeAnswer struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     any
}
