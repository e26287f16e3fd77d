package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
)

const sessionCookie = "novacron_session"

// admit lets a request on if its token allows that, before anything of its body is read.
func (s *Server) admit(who access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if who == anyone {
			next(ctx)
			return
		}
		c := humagin.Unwrap(ctx)
		principal, err := s.authenticate(ctx.Context(), c.Request)
		if err == nil {
			callOf(ctx.Context()).principal = principal
			err = allow(who, principal)
		}
		if err != nil {
			s.refuse(c, err)
			return
		}
		next(ctx)
	}
}

func allow(who access, principal auth.Principal) error {
	switch {
	case who == administrator:
		return principal.Installation()
	case who == machine && principal.Host == "":
		return fault.Denied("this is for hosts, with the token they were given when they enrolled")
	case who == user && principal.Host != "":
		return fault.Denied("a host's token is for what hosts report; use a user's token")
	}
	return nil
}

// authenticate finds who makes the request; 401 for a token that is missing, wrong or expired.
func (s *Server) authenticate(ctx context.Context, r *http.Request) (auth.Principal, error) {
	secret, err := tokenOf(r)
	if err != nil {
		return auth.Principal{}, err
	}
	hash := auth.HashToken(secret)
	switch {
	case auth.LooksLike(auth.UserPrefix, secret):
		return s.memory.Recall(hash, func() (auth.Principal, error) { return s.userPrincipal(ctx, hash) })
	case auth.LooksLike(auth.HostPrefix, secret):
		return s.memory.Recall(hash, func() (auth.Principal, error) { return s.hostPrincipal(ctx, hash) })
	}
	return auth.Principal{}, unauthorized("this is not a token of NovaCron; log in again, or check that the whole of it was copied")
}

func tokenOf(r *http.Request) (string, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, secret, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(secret) == "" {
			return "", unauthorized("the Authorization header must be: Bearer, a space, and the token")
		}
		return strings.TrimSpace(secret), nil
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil && cookie.Value != "" {
		return cookie.Value, nil
	}
	return "", unauthorized("a token is needed; log in, or send the header Authorization: Bearer and a token")
}

func unauthorized(detail string) *Problem { return newProblem(http.StatusUnauthorized, detail) }

func (s *Server) userPrincipal(ctx context.Context, hash []byte) (auth.Principal, error) {
	found, err := s.store.PrincipalByToken(ctx, hash)
	if err != nil {
		return auth.Principal{}, unknownToken(err, "this token is wrong, has expired or was revoked; log in again or ask for another one")
	}
	return auth.Principal{
		User: found.User, UserName: found.UserName, Admin: found.Admin, Project: found.Project, Token: found.Token,
	}, nil
}

func (s *Server) hostPrincipal(ctx context.Context, hash []byte) (auth.Principal, error) {
	found, err := s.store.HostByToken(ctx, hash)
	if err != nil {
		return auth.Principal{}, unknownToken(err, "no host has this token; enrol the host again with a new enrolment token")
	}
	return auth.Principal{Host: found.ID, HostName: found.Name}, nil
}

func unknownToken(err error, detail string) error {
	if fault.Is(err, fault.KindDenied) || fault.Is(err, fault.KindNotFound) {
		return unauthorized(detail)
	}
	return err
}
