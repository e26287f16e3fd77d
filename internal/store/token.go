package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
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
func (s *Store) UserByName(ctx context.Context, name string) (User, error) {
	row, err := s.queries.GetUserByName(ctx, name)
	if err != nil {
		return User{}, missing(err, "there is no user %s", name)
	}
	return User{ID: id.User(row.ID), Name: row.Name, PasswordHash: row.PasswordHash, Admin: row.Admin, CreatedAt: row.CreatedAt}, nil
}

// SetPasswordHash gives a user another password.
func (s *Store) SetPasswordHash(ctx context.Context, user id.User, hash string) error {
	changed, err := s.queries.SetPasswordHash(ctx, hash, string(user))
	if err == nil && changed == 0 {
		err = fault.NotFound("there is no user %s", user)
	}
	return translate(err)
}

// CreateToken records a token by the hash of its secret and forgets the user's expired ones.
func (s *Store) CreateToken(ctx context.Context, token Token, hash []byte) error {
	return s.change(ctx, func(c *change) error {
		if err := c.DeleteExpiredTokens(ctx, string(token.User)); err != nil {
			return err
		}
		return c.InsertToken(ctx, db.InsertTokenParams{
			ID: string(token.ID), UserID: string(token.User), ProjectID: orNull(token.Project), Name: token.Name, Hash: hash,
			Session: token.Session, ExpiresAt: timeOrNull(token.ExpiresAt),
		})
	})
}

// PrincipalByToken finds who a token speaks for; Denied if it is unknown or expired.
func (s *Store) PrincipalByToken(ctx context.Context, hash []byte) (Principal, error) {
	row, err := s.queries.GetPrincipal(ctx, hash)
	switch {
	case gone(err) != nil:
		return Principal{}, translate(err)
	case err != nil:
		return Principal{}, fault.Denied("that token is unknown or has expired; log in again")
	}
	found := Principal{
		User: id.User(row.UserID), UserName: row.UserName, Admin: row.Admin, Project: fromNull[id.Project](row.ProjectID),
		Token: id.Token(row.TokenID),
	}
	if row.Stale {
		err = s.queries.TouchToken(ctx, row.TokenID)
	}
	return found, translate(err)
}

// ListTokens returns a user's tokens that have not expired, newest first; those of all users for an empty user.
func (s *Store) ListTokens(ctx context.Context, user id.User) ([]Token, error) {
	rows, err := s.queries.ListTokens(ctx, string(user))
	return mapRows(rows, err, tokenOf)
}

func tokenOf(row db.ListTokensRow) (Token, error) {
	return Token{
		ID: id.Token(row.ID), User: id.User(row.UserID), Project: fromNull[id.Project](row.ProjectID), Name: row.Name,
		Session: row.Session, ExpiresAt: timeFromNull(row.ExpiresAt), LastUsedAt: timeFromNull(row.LastUsedAt), CreatedAt: row.CreatedAt,
	}, nil
}

// DeleteToken revokes a token of the user, of any user if that is empty; NotFound if there is none.
func (s *Store) DeleteToken(ctx context.Context, user id.User, token id.Token) error {
	deleted, err := s.queries.DeleteToken(ctx, string(token), string(user))
	if err == nil && deleted == 0 {
		err = fault.NotFound("there is no token %s", token)
	}
	return translate(err)
}
