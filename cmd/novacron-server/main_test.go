package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

// site is an installation: a database and a data directory.
type site struct {
	t         *testing.T
	dsn, data string
	listen    string
}

func newSite(t *testing.T) site {
	t.Helper()
	alone(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return site{t: t, dsn: storetest.DSN(t), data: filepath.Join(t.TempDir(), "data"), listen: listener.Addr().String()}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the program; flags of its own come before the command.
func (s site) run(ctx context.Context, more ...string) error {
	return run(ctx, append([]string{
		"-database-url", s.dsn, "-data", s.data, "-listen", s.listen, "-temporal-address", "127.0.0.1:1",
	}, more...))
}

// printed is what a command prints.
func (s site) printed(command string) string {
	s.t.Helper()
	reading, writing, err := os.Pipe()
	must(s.t, err)
	screen := os.Stdout
	os.Stdout = writing
	err = s.run(s.t.Context(), command)
	os.Stdout = screen
	must(s.t, errors.Join(err, writing.Close()))
	text, err := io.ReadAll(reading)
	must(s.t, err)
	return string(text)
}

func (s site) file(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.data, name))
	must(s.t, err)
	return string(content)
}

func (s site) context() (known cliContext) {
	s.t.Helper()
	must(s.t, json.Unmarshal([]byte(s.file(contextFile)), &known))
	return known
}

func (s site) store() *store.Store {
	s.t.Helper()
	opened, err := store.Open(s.t.Context(), s.dsn)
	must(s.t, err)
	s.t.Cleanup(opened.Close)
	return opened
}

// checkPassword checks that the administrator's password is the one in the file.
func (s site) checkPassword() {
	s.t.Helper()
	admin, err := s.store().UserByName(s.t.Context(), adminName)
	must(s.t, err)
	if password := s.file(passwordFile); len(password) < 20 || !auth.VerifyPassword(admin.PasswordHash, password) {
		s.t.Errorf("%q does not let the administrator in", password)
	}
}

func TestAdminMakesCredentialsOnce(t *testing.T) {
	s := newSite(t)
	must(t, s.run(t.Context(), "admin"))
	s.checkPassword()
	first := s.context()
	if principal, err := s.store().PrincipalByToken(t.Context(), auth.HashToken(first.Token)); err != nil || !principal.Admin || first.URL != "http://"+s.listen {
		t.Errorf("the CLI's context is %+v, which is %+v (%v)", first, principal, err)
	}
	for _, name := range []string{passwordFile, contextFile} {
		if info, err := os.Stat(filepath.Join(s.data, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v (%v)", name, info.Mode(), err)
		}
	}
	password := s.file(passwordFile)
	must(t, s.run(t.Context(), "admin"))
	if s.file(passwordFile) != password || s.context() != first {
		t.Error("running it again changed the credentials")
	}
}

// TestAdminAfterAnAccident loses what an earlier run wrote, in each way.
func TestAdminAfterAnAccident(t *testing.T) {
	t.Run("cut off before the password was written", func(t *testing.T) {
		s := newSite(t)
		must(t, os.MkdirAll(s.data, 0o755))
		must(t, os.WriteFile(filepath.Join(s.data, passwordFile), nil, 0o644))
		must(t, s.run(t.Context(), "admin"))
		s.checkPassword()
	})
	t.Run("cut off before the password took effect", func(t *testing.T) {
		s := newSite(t)
		must(t, os.MkdirAll(s.data, 0o755))
		must(t, os.WriteFile(filepath.Join(s.data, passwordFile), []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"), 0o600))
		must(t, s.run(t.Context(), "admin"))
		admin, err := s.store().UserByName(t.Context(), adminName)
		must(t, err)
		if !auth.VerifyPassword(admin.PasswordHash, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			t.Error("the password that was written did not take effect")
		}
	})
	t.Run("the password's file was removed", func(t *testing.T) {
		s := newSite(t)
		must(t, s.run(t.Context(), "admin"))
		must(t, os.Remove(filepath.Join(s.data, passwordFile)))
		must(t, s.run(t.Context(), "admin"))
		if _, err := os.Stat(filepath.Join(s.data, passwordFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file says %q, which is not the password", s.file(passwordFile))
		}
	})
	t.Run("the token was revoked", func(t *testing.T) {
		s := newSite(t)
		must(t, s.run(t.Context(), "admin"))
		first := s.context()
		s.exec("delete from tokens")
		must(t, s.run(t.Context(), "admin"))
		if again := s.context(); again.Token == first.Token {
			t.Error("the context keeps a token that was revoked")
		}
	})
	t.Run("the address changed", func(t *testing.T) {
		s := newSite(t)
		must(t, s.run(t.Context(), "admin"))
		first := s.context()
		must(t, s.run(t.Context(), "-public-url", "https://novacron.example", "admin"))
		if again := s.context(); again.Token != first.Token || again.URL != "https://novacron.example" {
			t.Errorf("the context is %+v", again)
		}
	})
}

func (s site) exec(statement string) {
	s.t.Helper()
	connection, err := pgx.Connect(s.t.Context(), s.dsn)
	must(s.t, err)
	defer connection.Close(context.Background())
	_, err = connection.Exec(s.t.Context(), statement)
	must(s.t, err)
}

// TestMigrateMakesTheSchema begins with nothing and runs twice.
func TestMigrateMakesTheSchema(t *testing.T) {
	s := newSite(t)
	s.exec("drop schema public cascade; create schema public")
	if err := s.run(t.Context(), "admin"); err == nil {
		t.Error("there is an administrator without a schema")
	}
	must(t, s.run(t.Context(), "migrate"))
	must(t, s.run(t.Context(), "migrate"))
	must(t, s.run(t.Context(), "admin"))
	s.checkPassword()
}

func TestEnrolTokensAreNewEachTime(t *testing.T) {
	s := newSite(t)
	first, second := s.printed("enrol-token"), s.printed("enrol-token")
	if !auth.LooksLike(auth.EnrolmentPrefix, strings.TrimSpace(first)) || strings.Count(first, "\n") != 1 || first == second {
		t.Errorf("it prints %q and %q", first, second)
	}
}

// TestServingWithoutTemporal serves the API in both roles while Temporal is away, and ends when it is told to.
func TestServingWithoutTemporal(t *testing.T) {
	for _, role := range [][]string{{"-roles", "api"}, nil} {
		s := newSite(t)
		must(t, s.run(t.Context(), "admin"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.run(ctx, role...) }()
		s.awaitStatus("/healthz", http.StatusOK)
		s.awaitStatus("/readyz", http.StatusServiceUnavailable)
		s.awaitStatus("/api/v1/whoami", http.StatusOK)
		stop()
		select {
		case err := <-ended:
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%q: it ends with %v", role, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q: it does not end", role)
		}
	}
}

// awaitStatus waits until the API answers with a status.
func (s site) awaitStatus(path string, want int) {
	s.t.Helper()
	last := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.listen+path, nil)
		must(s.t, err)
		request.Header.Set("Authorization", "Bearer "+s.context().Token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			last = err.Error()
			continue
		}
		_ = answer.Body.Close()
		if last = answer.Status; answer.StatusCode == want {
			return
		}
	}
	s.t.Fatalf("%s is answered with %s, not %d", path, last, want)
}

func TestServingWhereSomebodyElseDoes(t *testing.T) {
	s := newSite(t)
	listener, err := net.Listen("tcp", s.listen)
	must(t, err)
	defer listener.Close()
	if err := s.run(t.Context(), "-roles", "api"); err == nil || !strings.Contains(err.Error(), s.listen) {
		t.Errorf("it ends with %v", err)
	}
}

func TestServingWaitsForPostgreSQL(t *testing.T) {
	alone(t)
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	err := run(ctx, []string{"-database-url", "postgres://nobody@/nowhere?host=" + t.TempDir(), "-data", t.TempDir()})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ends with %v", err)
	}
}
