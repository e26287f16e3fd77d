package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
)

// TokenBody asks for a token.
type TokenBody struct {
	Name             string `json:"name" minLength:"1" maxLength:"100" doc:"What it is for"`
	Project          string `json:"project,omitempty" doc:"Bind it to this project (name or ID); else it reaches all that you reach"`
	ExpiresInSeconds *int64 `json:"expires_in_seconds,omitempty" doc:"1 minute to 5 years; 90 days if left out"`
}

// NewToken is a token that was just made.
type NewToken struct {
	store.Token
	Secret string `json:"token" doc:"The secret (nct_…); it is shown only here"`
}

const (
	defaultTokenSeconds  = 90 * 24 * 3600
	shortestTokenSeconds = 60
	longestTokenSeconds  = 5 * 366 * 24 * 3600
)

type createTokenInput struct {
	Change
	Body TokenBody
}

type tokenInput struct {
	Change
	Token string `path:"token" doc:"ID of the token"`
}

func (s *Server) tokenRoutes() {
	tags := []string{"Access"}
	add(s, user, huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: "/tokens", Tags: tags, Summary: "List your tokens, newest first",
	}, func(ctx context.Context, _ *Scope) (*listed[store.Token], error) {
		found, err := s.tokensOf(ctx)
		return page(found, ""), err
	})
	add(s, user, s.answers(huma.Operation{
		OperationID: "create-token", Method: http.MethodPost, Path: "/tokens", Tags: tags, Summary: "Make a token",
	}, http.StatusCreated, typeOf[NewToken](), "The token; its secret is shown only here"), s.createToken)
	add(s, user, s.answers(huma.Operation{
		OperationID: "delete-token", Method: http.MethodDelete, Path: "/tokens/{token}", Tags: tags, Summary: "Revoke a token",
	}, http.StatusNoContent, nil, "Revoked"), s.deleteToken)
}

// tokensOf lists the caller's tokens. A token that is bound to a project sees and revokes only those of that project.
func (s *Server) tokensOf(ctx context.Context) ([]store.Token, error) {
	who := principalOf(ctx)
	found, err := s.store.ListTokens(ctx, who.User)
	if err != nil || who.Project == "" {
		return found, err
	}
	return slices.DeleteFunc(found, func(t store.Token) bool { return t.Project != who.Project }), nil
}

func (s *Server) createToken(ctx context.Context, in *createTokenInput) (*changeAnswer, error) {
	who := principalOf(ctx)
	seconds := or(in.Body.ExpiresInSeconds, int64(defaultTokenSeconds))
	if seconds < shortestTokenSeconds || seconds > longestTokenSeconds {
		return nil, fault.Invalid("a token lasts between a minute and five years").At("expires_in_seconds")
	}
	bound := who.Project
	if in.Body.Project != "" {
		where, err := s.reach(ctx, Scope{ProjectHeader: in.Body.Project})
		if err != nil {
			return nil, unknown(err, "project", "project", in.Body.Project)
		}
		bound = where.project.ID
	}
	if in.DryRun {
		return instead(wouldDo("create_token", "Make a token for "+in.Body.Name)), nil
	}
	secret, hash := auth.MintToken(auth.UserPrefix)
	made := store.Token{
		ID: id.New[id.Token](), User: who.User, Project: bound, Name: in.Body.Name,
		ExpiresAt: s.now().Add(time.Duration(seconds) * time.Second).UTC(), CreatedAt: s.now().UTC(),
	}
	if err := s.store.CreateToken(ctx, made, hash); err != nil {
		return nil, err
	}
	return changed(http.StatusCreated, NewToken{Token: made, Secret: secret}, ""), nil
}

func (s *Server) deleteToken(ctx context.Context, in *tokenInput) (*changeAnswer, error) {
	found, err := s.tokensOf(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(found, func(t store.Token) bool { return string(t.ID) == in.Token })
	if at < 0 {
		return nil, fault.NotFound("you have no token %s; see the list of tokens", in.Token)
	}
	if in.DryRun {
		return instead(wouldDo("delete_token", "Revoke the token "+found[at].Name)), nil
	}
	if err := s.store.DeleteToken(ctx, principalOf(ctx).User, found[at].ID); err != nil {
		return nil, err
	}
	s.forgetToken(found[at].ID)
	return gone(), nil
}

func (s *Server) projectRoutes() {
	add(s, user, huma.Operation{
		OperationID: "list-projects", Method: http.MethodGet, Path: "/projects", Tags: []string{"Access"}, Summary: "List the projects you reach",
	}, func(ctx context.Context, _ *Scope) (*listed[project.Project], error) {
		found, err := s.store.ListProjects(ctx)
		who := principalOf(ctx)
		return page(slices.DeleteFunc(found, func(p project.Project) bool { return !who.Reaches(p.ID) }), ""), err
	})
}
