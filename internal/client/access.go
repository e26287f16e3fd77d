package client

import (
	"context"
	"net/http"
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
)

// Secret is a token that was just made.
type Secret struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Whoami is who the token speaks for.
type Whoami struct {
	UserID   id.User         `json:"user_id,omitempty"`
	UserName string          `json:"user_name,omitempty"`
	Admin    bool            `json:"admin"`
	Project  project.Project `json:"project"`
	Bound    bool            `json:"bound"`
	TokenID  id.Token        `json:"token_id,omitempty"`
	Version  string          `json:"version"`
	Temporal string          `json:"temporal_ui,omitempty"`
}

// Session is a login that succeeded.
type Session struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	User      Whoami    `json:"user"`
}

// Login exchanges a name and a password for a token.
func (c *Client) Login(ctx context.Context, name, password string) (Session, error) {
	body := struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}{name, password}
	var made Session
	_, err := c.do(ctx, request{method: http.MethodPost, path: "/login", body: body}, &made)
	return made, err
}

// Logout ends the session of this token.
func (c *Client) Logout(ctx context.Context) error {
	_, err := c.do(ctx, request{method: http.MethodPost, path: "/logout"}, nil)
	return err
}

// Whoami says who the token speaks for.
func (c *Client) Whoami(ctx context.Context) (Whoami, error) {
	return get[Whoami](ctx, c, "/whoami", nil)
}
