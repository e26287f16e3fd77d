package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
)

// enrolmentLifetime is how long a one-time token for a new host may be used.
const enrolmentLifetime = 24 * time.Hour

// Secret is a token that was just made. It is shown once and kept nowhere.
type Secret struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Missing: never"`
}

// EnrolBody is how a new host introduces itself.
type EnrolBody struct {
	Token string     `json:"token" doc:"The one-time token (nce_…) that an administrator made"`
	Name  string     `json:"name"`
	Facts host.Facts `json:"facts"`
}

// Enrolled is what a new host is told.
type Enrolled struct {
	HostID            id.Host `json:"host_id"`
	Token             string  `json:"token" doc:"The host's own token (nch_…); it is shown only here"`
	TemporalNamespace string  `json:"temporal_namespace"`
}

type enrolInput struct {
	Body EnrolBody
}

func (s *Server) enrolmentRoutes() {
	tags := []string{"Hosts"}
	add(s, administrator, s.answers(huma.Operation{
		OperationID: "create-enrolment-token", Method: http.MethodPost, Path: "/hosts/enrolment-tokens", Tags: tags,
		Summary: "Make a one-time token that lets a new host in",
	}, http.StatusCreated, typeOf[Secret](), "The token; it is shown only here"), s.createEnrolment)
	add(s, anyone, huma.Operation{
		OperationID: "enrol-host", Method: http.MethodPost, Path: "/hosts/enrol", Tags: tags, Summary: "Enrol a host with a one-time token",
		SkipValidateBody: true, MaxBodyBytes: maxBodyBytes,
	}, s.enrolHost)
}

func (s *Server) createEnrolment(ctx context.Context, in *Change) (*changeAnswer, error) {
	if in.DryRun {
		return instead(wouldDo("create_enrolment_token", "Make a one-time token for a new host")), nil
	}
	secret, hash := auth.MintToken(auth.EnrolmentPrefix)
	expires := s.now().Add(enrolmentLifetime).UTC()
	if err := s.store.CreateEnrolment(ctx, hash, expires); err != nil {
		return nil, err
	}
	return changed(http.StatusCreated, Secret{Token: secret, ExpiresAt: expires}, ""), nil
}

func (s *Server) enrolHost(ctx context.Context, in *enrolInput) (*plain[Enrolled], error) {
	source := sourceOf(callOf(ctx).gin.Request)
	if err := s.throttle.Admit("enrolment", source); err != nil {
		return nil, throttled(err)
	}
	if err := project.CheckName(in.Body.Name); err != nil {
		return nil, err
	}
	if err := checkFacts(in.Body.Facts, "facts."); err != nil {
		return nil, err
	}
	if !auth.LooksLike(auth.EnrolmentPrefix, in.Body.Token) {
		s.throttle.Failed("enrolment", source)
		return nil, fault.Denied("this is not an enrolment token; make one with: novacron host add").At("token")
	}
	secret, hash := auth.MintToken(auth.HostPrefix)
	enrolled, err := s.store.EnrolHost(ctx, auth.HashToken(in.Body.Token), store.NewHost{
		ID: id.New[id.Host](), Name: in.Body.Name, TokenHash: hash, Facts: in.Body.Facts,
	})
	if err != nil {
		if fault.Is(err, fault.KindDenied) {
			s.throttle.Failed("enrolment", source)
		}
		return nil, err
	}
	s.forgetHost(enrolled.ID)
	return &plain[Enrolled]{Body: Enrolled{HostID: enrolled.ID, Token: secret, TemporalNamespace: s.config.TemporalNamespace}}, nil
}

// forgetHost drops what is remembered of a host's tokens.
func (s *Server) forgetHost(gone id.Host) {
	s.memory.Forget(func(p auth.Principal) bool { return p.Host == gone })
}
