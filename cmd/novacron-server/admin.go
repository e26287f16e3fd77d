package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	temporallog "go.temporal.io/sdk/log"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
)

const (
	passwordFile      = "admin-password"
	contextFile       = "context.json"
	enrolmentLifetime = time.Hour
)

func temporalLog(log *slog.Logger) temporallog.Logger { return temporallog.NewStructuredLogger(log) }

// ensureAdmin makes the administrator with a random password, and a token for the CLI on this machine. Both are written
// before they take effect, so that a crash between the two leaves nobody locked out; running it again changes nothing.
func ensureAdmin(ctx context.Context, settings config, inventory *store.Store) error {
	if err := os.MkdirAll(settings.data, 0o755); err != nil {
		return err
	}
	password, err := keepSecret(filepath.Join(settings.data, passwordFile), rand.Text)
	if err != nil {
		return err
	}
	installed, err := inventory.EnsureInstallation(ctx, store.Installation{AdminPasswordHash: auth.HashPassword(password)})
	if err != nil {
		return err
	}
	return ensureContext(ctx, settings, inventory, installed.Admin.ID)
}

// keepSecret reads a file's text, or makes the file with a new one that only its owner can read.
func keepSecret(path string, fresh func() string) (string, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		return string(content), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	secret := fresh()
	return secret, os.WriteFile(path, []byte(secret), 0o600)
}

// cliContext is what the CLI reads; see internal/client.
type cliContext struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

func ensureContext(ctx context.Context, settings config, inventory *store.Store, admin id.User) error {
	path := filepath.Join(settings.data, contextFile)
	var known cliContext
	content, err := os.ReadFile(path)
	if err == nil && json.Unmarshal(content, &known) == nil && known.Token != "" {
		if _, err := inventory.PrincipalByToken(ctx, auth.HashToken(known.Token)); err == nil {
			return nil
		}
	}
	secret, hash := auth.MintToken(auth.UserPrefix)
	token := store.Token{ID: id.New[id.Token](), User: admin, Name: "cli on this machine"}
	if err := inventory.CreateToken(ctx, token, hash); err != nil {
		return err
	}
	encoded, err := json.MarshalIndent(cliContext{URL: settings.publicURL, Token: secret}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(encoded, '\n'), 0o600)
}

func enrolToken(ctx context.Context, _ config, inventory *store.Store) error {
	secret, hash := auth.MintToken(auth.EnrolmentPrefix)
	if err := inventory.CreateEnrolment(ctx, hash, time.Now().Add(enrolmentLifetime)); err != nil {
		return err
	}
	fmt.Println(secret)
	return nil
}
