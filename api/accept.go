package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// Mutation is the part of every request that starts an operation.
type Mutation struct {
	Scope
	DryRun bool   `query:"dry_run" doc:"Check everything and answer the plan; change nothing"`
	Key    string `header:"Idempotency-Key" maxLength:"255" doc:"Your own name for this request: repeated with the same body, the answer is the same operation"`
}

// answer is either 202 with an operation or, for a dry run, 200 with its plan.
type answer struct {
	Status   int
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     any
}

// intent is a request that was found to make sense: what to record and what to claim.
type intent struct {
	store.Acceptance
	kind    operation.Kind
	subject operation.Subject
	request any
	host    id.Host  // where the placement would put the VM, for the plan
	notes   []string // for the plan
}

// startTimeout is how long the API tries to start a workflow behind the caller's back before it leaves it to the outbox.
const startTimeout = 5 * time.Second

// accept runs a request for an operation: recognise a repeated one, let prepare judge it, record it, start it.
func (s *Server) accept(ctx context.Context, asked Mutation, body any, prepare func(reach) (intent, error)) (*answer, error) {
	where, err := s.reach(ctx, asked.Scope)
	if err != nil {
		return nil, err
	}
	recognise := store.Acceptance{Principal: string(principalOf(ctx).User), Key: asked.Key, BodyHash: fingerprint(ctx, where, body)}
	if asked.DryRun {
		recognise.Key = ""
	}
	if first, found, err := s.replay(ctx, where, recognise); err != nil || found {
		return first, err
	}
	wanted, err := prepare(where)
	if err != nil {
		// The request that this one repeats may have been accepted meanwhile, which is what makes the VM busy now.
		if first, found, again := s.replay(ctx, where, recognise); again == nil && found {
			return first, nil
		}
		return nil, err
	}
	encoded, err := json.Marshal(wanted.request)
	if err != nil {
		return nil, fault.Internal("the request could not be recorded").Because(err)
	}
	acceptance := wanted.Acceptance
	acceptance.Principal, acceptance.Key, acceptance.BodyHash = recognise.Principal, recognise.Key, recognise.BodyHash
	acceptance.DryRun = asked.DryRun
	acceptance.Operation.ID = id.New[id.Operation]()
	acceptance.Operation.Kind, acceptance.Operation.Subject = wanted.kind, wanted.subject
	acceptance.Operation.Actor, acceptance.Operation.Request = principalOf(ctx).Name(), encoded
	accepted, err := s.store.Accept(ctx, acceptance)
	if err != nil {
		return nil, err
	}
	if asked.DryRun {
		return s.planned(wanted, encoded)
	}
	if !accepted.Replayed {
		s.metrics.Accepted(string(wanted.kind))
		s.begin(accepted.Operation)
	}
	return acceptedAnswer(accepted), nil
}

// replay finds the operation that an earlier request with the same key started. The store checks keys only as part of
// an acceptance, so this is an acceptance of nothing that is rolled back.
func (s *Server) replay(ctx context.Context, where reach, recognise store.Acceptance) (*answer, bool, error) {
	if recognise.Key == "" {
		return nil, false, nil
	}
	recognise.DryRun = true
	recognise.Operation = operation.Operation{
		ID: id.New[id.Operation](), Project: where.project.ID, Kind: operation.Capacity, Actor: recognise.Principal,
		Subject: operation.Subject{Kind: "cluster", ID: "cluster", Name: "cluster"}, Request: json.RawMessage("{}"),
	}
	accepted, err := s.store.Accept(ctx, recognise)
	if err != nil || !accepted.Replayed {
		return nil, false, err
	}
	return acceptedAnswer(accepted), true, nil
}

func acceptedAnswer(accepted store.Accepted) *answer {
	result := &answer{
		Status: http.StatusAccepted, Location: basePath + "/operations/" + string(accepted.Operation.ID), Body: accepted.Operation,
	}
	if accepted.Replayed {
		result.Replayed = "true"
	}
	return result
}

func (s *Server) planned(wanted intent, encoded json.RawMessage) (*answer, error) {
	plan, err := s.workflows.Plan(wanted.kind, encoded)
	if err != nil {
		return nil, err
	}
	plan.Kind = wanted.kind
	if wanted.host != "" {
		plan.Host = wanted.host
	}
	plan.Notes = append(plan.Notes, wanted.notes...)
	return planAnswer(plan), nil
}

func planAnswer(plan operation.Plan) *answer {
	if plan.Steps == nil {
		plan.Steps = []operation.PlannedStep{}
	}
	return &answer{Status: http.StatusOK, Body: plan}
}

// wouldDo is the plan of a change that is done at once.
func wouldDo(name, title string) *answer { return planAnswer(planOf(name, title)) }

func planOf(name, title string) operation.Plan {
	return operation.Plan{Kind: operation.Kind(name), Steps: []operation.PlannedStep{{Name: name, Title: title}}}
}

// begin starts the workflow while the caller already has the answer.
func (s *Server) begin(accepted operation.Operation) {
	s.behind(func(ctx context.Context) {
		if err := s.workflows.Start(ctx, accepted); err != nil {
			s.metrics.Started("left")
			s.log.Warn("workflow not started at once; the control role will start it", "operation", accepted.ID, "cause", causeOf(err))
			return
		}
		s.metrics.Started("ok")
	})
}

// behind does something short after the answer. Close waits for it. Much at once takes turns, so that those who ask for
// more do not wait for what others have asked for.
func (s *Server) behind(do func(context.Context)) {
	s.starting.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
		case <-ctx.Done():
		}
		do(ctx)
	})
}

// fingerprint is the hash of all that makes two requests the same: who is asked for what, where, with which body. The
// body is hashed as it was understood, so that spaces and the order of fields do not matter.
func fingerprint(ctx context.Context, where reach, body any) []byte {
	r := callOf(ctx).gin.Request
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("BUG: a body that was read cannot be written: " + err.Error())
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Method, r.URL.Path, string(where.project.ID), string(encoded)}, "\x00")))
	return sum[:]
}

// starts documents a route that starts an operation.
func (s *Server) starts(op huma.Operation) huma.Operation {
	return s.answers(op, http.StatusAccepted, reflect.TypeFor[operation.Operation](), "Accepted: the operation, which goes on by itself")
}

// answers documents a route that answers one thing, and a plan for a dry run.
func (s *Server) answers(op huma.Operation, status int, body reflect.Type, description string) huma.Operation {
	op.DefaultStatus = status
	op.Responses = map[string]*huma.Response{}
	if status != http.StatusOK {
		op.Responses["200"] = &huma.Response{Description: "With dry_run: what would be done", Content: s.jsonOf(reflect.TypeFor[operation.Plan]())}
	}
	made := &huma.Response{Description: description}
	if body != nil {
		made.Content = s.jsonOf(body)
	}
	op.Responses[statusText(status)] = made
	return op
}

func (s *Server) jsonOf(body reflect.Type) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: s.schemaOf(body)}}
}
