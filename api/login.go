package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
)

// LoginBody is a user's name and password.
type LoginBody struct {
	Username string `json:"username" maxLength:"63"`
	Password string `json:"password" maxLength:"1024"`
}

// Session is a login that succeeded.
type Session struct {
	Token     string    `json:"token" doc:"For programs; browsers have it in a cookie that scripts cannot read"`
	ExpiresAt time.Time `json:"expires_at"`
	User      Whoami    `json:"user"`
}

// Whoami is who the caller is.
type Whoami struct {
	UserID    id.User         `json:"user_id,omitempty"`
	UserName  string          `json:"user_name,omitempty"`
	Admin     bool            `json:"admin"`
	Project   project.Project `json:"project" doc:"Where requests act that choose no project"`
	Bound     bool            `json:"bound" doc:"The token reaches this project only"`
	TokenID   id.Token        `json:"token_id,omitempty"`
	Version   string          `json:"version"`
	Temporal  string          `json:"temporal_ui,omitempty" doc:"Base URL of Temporal's web UI"`
	Namespace string          `json:"temporal_namespace"`
}

type loginInput struct {
	Body LoginBody
}

type loginOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Session
}

type logoutOutput struct {
	SetCookie string `header:"Set-Cookie"`
}

func (s *Server) loginRoutes() {
	tags := []string{"Access"}
	add(s, anyone, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/login", Tags: tags, Summary: "Log in with name and password",
		MaxBodyBytes: 16 << 10,
	}, s.login)
	add(s, user, huma.Operation{
		OperationID: "logout", Method: http.MethodPost, Path: "/logout", Tags: tags, Summary: "End the session of this token",
	}, s.logout)
	add(s, user, huma.Operation{
		OperationID: "whoami", Method: http.MethodGet, Path: "/whoami", Tags: tags, Summary: "Who the token speaks for",
	}, s.whoami)
}

func (s *Server) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	account, source := strings.ToLower(strings.TrimSpace(in.Body.Username)), sourceOf(callOf(ctx).gin.Request)
	if err := s.throttle.Admit(account, source); err != nil {
		s.metrics.Login("throttled")
		return nil, throttled(err)
	}
	found, err := s.store.UserByName(ctx, account)
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return nil, err
	}
	if !auth.VerifyPassword(found.PasswordHash, in.Body.Password) {
		s.throttle.Failed(account, source)
		s.metrics.Login("wrong")
		return nil, unauthorized("the user name or the password is wrong; check both and try again")
	}
	s.throttle.Succeeded(account, source)
	s.metrics.Login("ok")
	secret, hash := auth.MintToken(auth.UserPrefix)
	token := store.Token{
		ID: id.New[id.Token](), User: found.ID, Name: "login", Session: true, ExpiresAt: s.now().Add(s.config.SessionLifetime).UTC(),
	}
	if err := s.store.CreateToken(ctx, token, hash); err != nil {
		return nil, err
	}
	callOf(ctx).principal = auth.Principal{User: found.ID, UserName: found.Name, Admin: found.Admin, Token: token.ID}
	who, err := s.describeCaller(ctx)
	if err != nil {
		return nil, err
	}
	return &loginOutput{
		SetCookie: s.cookie(ctx, secret, s.config.SessionLifetime),
		Body:      Session{Token: secret, ExpiresAt: token.ExpiresAt, User: who},
	}, nil
}

// throttled makes a refusal of the throttle the 429 that HTTP has for it.
func throttled(err error) error {
	problem := newProblem(http.StatusTooManyRequests, err.Error())
	problem.wait = 2
	return problem
}

func (s *Server) cookie(ctx context.Context, secret string, lifetime time.Duration) string {
	made := &http.Cookie{
		Name: sessionCookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: overTLS(callOf(ctx).gin.Request), MaxAge: int(lifetime / time.Second),
	}
	if lifetime <= 0 {
		made.MaxAge = -1
	}
	return made.String()
}

func (s *Server) logout(ctx context.Context, _ *struct{}) (*logoutOutput, error) {
	who := principalOf(ctx)
	if err := s.store.DeleteToken(ctx, who.User, who.Token); err != nil && !fault.Is(err, fault.KindNotFound) {
		return nil, err
	}
	s.forgetToken(who.Token)
	return &logoutOutput{SetCookie: s.cookie(ctx, "", -1)}, nil
}

func (s *Server) forgetToken(gone id.Token) {
	s.memory.Forget(func(p auth.Principal) bool { return p.Token == gone })
}

func (s *Server) whoami(ctx context.Context, _ *Scope) (*plain[Whoami], error) {
	who, err := s.describeCaller(ctx)
	return &plain[Whoami]{Body: who}, err
}

func (s *Server) describeCaller(ctx context.Context) (Whoami, error) {
	who := principalOf(ctx)
	described := Whoami{
		UserID: who.User, UserName: who.UserName, Admin: who.Admin, Bound: who.Project != "", TokenID: who.Token,
		Version: s.config.Version, Temporal: s.config.TemporalUI, Namespace: s.config.TemporalNamespace,
	}
	where, err := s.reach(ctx, Scope{})
	if err != nil && !fault.Is(err, fault.KindDenied) {
		return Whoami{}, err
	}
	described.Project = where.project
	return described, nil
}
