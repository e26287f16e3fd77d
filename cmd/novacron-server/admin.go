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
	"strings"
	"time"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
)

const (
	passwordFile      = "admin-password"
	contextFile       = "context.json"
	adminName         = "admin" // as store.EnsureInstallation names it
	enrolmentLifetime = time.Hour
)

// ensureAdmin makes the administrator with a random password, and a token for the CLI on this machine. The password is
// written before it takes effect, so that a crash between the two leaves nobody locked out; running it again changes nothing.
func ensureAdmin(ctx context.Context, settings config, inventory *store.Store) error {
	if err := os.MkdirAll(settings.data, 0o755); err != nil {
		return err
	}
	hash, err := ensurePassword(ctx, filepath.Join(settings.data, passwordFile), inventory)
	if err != nil {
		return err
	}
	installed, err := inventory.EnsureInstallation(ctx, store.Installation{AdminPasswordHash: hash})
	if err != nil {
		return err
	}
	return ensureContext(ctx, settings, inventory, installed.Admin.ID)
}

// ensurePassword returns the hash of the password in a file. Without one it writes a new one, unless the administrator has a
// password already: a file that says another would be a lie.
func ensurePassword(ctx context.Context, path string, inventory *store.Store) (hash string, err error) {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if known := strings.TrimSpace(string(content)); known != "" {
		return auth.HashPassword(known), nil
	}
	_, err = inventory.UserByName(ctx, adminName)
	switch {
	case err == nil:
		slog.Warn("the administrator has a password that is not kept here, and keeps it", "file", path)
		return "", nil
	case !fault.Is(err, fault.KindNotFound):
		return "", err
	}
	fresh := rand.Text()
	return auth.HashPassword(fresh), writeSecret(path, []byte(fresh))
}

// writeSecret makes a file that only its owner can read, whole or not at all.
func writeSecret(path string, content []byte) error {
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// cliContext is what the CLI reads; see internal/client.
type cliContext struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// ensureContext keeps a token that works and makes one where there is none; the URL is always that of now.
func ensureContext(ctx context.Context, settings config, inventory *store.Store, admin id.User) error {
	path := filepath.Join(settings.data, contextFile)
	var known cliContext
	content, err := os.ReadFile(path)
	if err == nil && json.Unmarshal(content, &known) == nil && known.Token != "" {
		if _, err := inventory.PrincipalByToken(ctx, auth.HashToken(known.Token)); err != nil {
			known.Token = ""
		}
	}
	if known.Token != "" && known.URL == settings.publicURL {
		return nil
	}
	if known.Token == "" {
		secret, hash := auth.MintToken(auth.UserPrefix)
		token := store.Token{ID: id.New[id.Token](), User: admin, Name: "cli on this machine"}
		if err := inventory.CreateToken(ctx, token, hash); err != nil {
			return err
		}
		known.Token = secret
	}
	known.URL = settings.publicURL
	encoded, err := json.MarshalIndent(known, "", "  ")
	if err != nil {
		return err
	}
	return writeSecret(path, append(encoded, '\n'))
}

func enrolToken(ctx context.Context, _ config, inventory *store.Store) error {
	secret, hash := auth.MintToken(auth.EnrolmentPrefix)
	if err := inventory.CreateEnrolment(ctx, hash, time.Now().Add(enrolmentLifetime)); err != nil {
		return err
	}
	fmt.Println(secret)
	return nil
}
