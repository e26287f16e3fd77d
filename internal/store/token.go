package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/id"
)

// User is a person or program that may log in.
type User struct {
	ID           id.User   `json:"id"`
	Name         string    `json:"name"`
	PasswordHash string    `json:"-"`
	Admin        bool      `json:"admin"`
	CreatedAt    time.Time `json:"created_at"`
}

// Token is a right to act as a user. Its secret is not known here.
type Token struct {
	ID         id.Token   `json:"id"`
	User       id.User    `json:"user_id"`
	Project    id.Project `json:"project_id,omitempty" doc:"Empty: it reaches all that its user reaches"`
	Name       string     `json:"name"`
	Session    bool       `json:"session" doc:"Made by a login"`
	ExpiresAt  time.Time  `json:"expires_at,omitzero" doc:"Missing: never"`
	LastUsedAt time.Time  `json:"last_used_at,omitzero" doc:"To the minute"`
	CreatedAt  time.Time  `json:"created_at"`
}

// Principal is who makes a request.
type Principal struct {
	User     id.User    `json:"user_id"`
	UserName string     `json:"user_name"`
	Admin    bool       `json:"admin"`
	Project  id.Project `json:"project_id,omitempty"` // the token's; empty if it is not bound to one
	Token    id.Token   `json:"token_id"`
}

// UserByName finds a user; NotFound if there is none.
func (s *Store) UserByName(ctx context.Context, name string) (User, error) { return User{}, errUnbuilt }

// SetPasswordHash gives a user another password.
func (s *Store) SetPasswordHash(ctx context.Context, user id.User, hash string) error {
	return errUnbuilt
}

// CreateToken records a token by the hash of its secret and forgets the user's expired ones.
func (s *Store) CreateToken(ctx context.Context, token Token, hash []byte) error { return errUnbuilt }

// PrincipalByToken finds who a token speaks for; Denied if it is unknown or expired.
func (s *Store) PrincipalByToken(ctx context.Context, hash []byte) (Principal, error) {
	return Principal{}, errUnbuilt
}

// ListTokens returns a user's tokens that have not expired, newest first; those of all users for an empty user.
func (s *Store) ListTokens(ctx context.Context, user id.User) ([]Token, error) { return nil, errUnbuilt }

// DeleteToken revokes a token of the user, of any user if that is empty; NotFound if there is none.
func (s *Store) DeleteToken(ctx context.Context, user id.User, token id.Token) error { return errUnbuilt }
