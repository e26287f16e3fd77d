package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sessionJSON = `{"token":"nct_new","expires_at":"2026-11-22T22:00:00Z","user":{"user_name":"admin"}}`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func saved(url, token string) string {
	encoded, _ := json.Marshal(savedContext{URL: url, Token: token})
	return string(encoded)
}

func TestWhereTheContextComesFrom(t *testing.T) {
	home, work, data := t.TempDir(), t.TempDir(), t.TempDir()
	deep := filepath.Join(work, "a", "b")
	settle := func(environment map[string]string) savedContext {
		t.Helper()
		p := &program{surroundings: surroundings{env: func(name string) string { return environment[name] }, home: home, directory: deep}}
		found, err := p.settle()
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got := settle(nil); got != (savedContext{URL: defaultURL}) {
		t.Errorf("nothing at all: %+v", got)
	}
	write(t, filepath.Join(home, ".config", "novacron", "context.json"), saved("http://home", "nct_home"))
	if got := settle(nil); got != (savedContext{"http://home", "nct_home"}) {
		t.Errorf("the user's own: %+v", got)
	}
	write(t, filepath.Join(work, ".novacron", "context.json"), saved("http://work", "nct_work"))
	if got := settle(nil); got != (savedContext{"http://work", "nct_work"}) {
		t.Errorf("one above the directory: %+v", got)
	}
	write(t, filepath.Join(data, "context.json"), saved("http://data", "nct_data"))
	if got := settle(map[string]string{"NOVACRON_DATA": data}); got != (savedContext{"http://data", "nct_data"}) {
		t.Errorf("the data directory's: %+v", got)
	}
	if got := settle(map[string]string{"NOVACRON_TOKEN": "nct_env"}); got != (savedContext{"http://work", "nct_env"}) {
		t.Errorf("another token: %+v", got)
	}
	if got := settle(map[string]string{"NOVACRON_URL": "http://env"}); got != (savedContext{URL: "http://env"}) {
		t.Errorf("a file's token must not go to another server: %+v", got)
	}
	if got := settle(map[string]string{"NOVACRON_URL": "http://work/"}); got != (savedContext{"http://work", "nct_work"}) {
		t.Errorf("the same server, named again: %+v", got)
	}
	if got := settle(map[string]string{"NOVACRON_URL": "http://env", "NOVACRON_TOKEN": "nct_env"}); got != (savedContext{"http://env", "nct_env"}) {
		t.Errorf("both from the environment: %+v", got)
	}
	write(t, filepath.Join(work, "a", ".novacron", "context.json"), "{")
	got := callWith(t, context.Background(), nil, func(s *surroundings) { s.directory = deep }, "vm", "list")
	if got.status != exitUsage || !strings.Contains(got.err, "is damaged") {
		t.Errorf("%+v", got)
	}
}

func TestLoginAndLogout(t *testing.T) {
	server := serve(t, map[string]string{"POST /login": sessionJSON, "POST /logout": "204 ", "GET /whoami": `{"user_name":"admin"}`})
	home := t.TempDir()
	at := func(change func(*surroundings)) func(*surroundings) {
		return func(s *surroundings) {
			s.home, s.env = home, func(string) string { return "" }
			if change != nil {
				change(s)
			}
		}
	}
	got := callWith(t, context.Background(), server, at(func(s *surroundings) { s.secret = func() (string, bool) { return "typed", true } }), "login", server.URL)
	if got.status != exitDone || got.asked[0] != `POST /login {"username":"admin","password":"typed"}` || !strings.Contains(got.out, "Logged in to "+server.URL+" as admin") {
		t.Errorf("%+v", got)
	}
	path := filepath.Join(home, ".config", "novacron", "context.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if content, _ := os.ReadFile(path); !strings.Contains(string(content), "nct_new") {
		t.Errorf("%s", content)
	}
	if got := callWith(t, context.Background(), server, at(nil), "whoami"); got.status != exitDone {
		t.Errorf("%+v", got)
	}
	if got := callWith(t, context.Background(), server, at(nil), "logout"); got.status != exitDone || !strings.Contains(got.out, "Logged out") {
		t.Errorf("%+v", got)
	}
	if got := callWith(t, context.Background(), server, at(nil), "logout"); got.status != exitDone || !strings.Contains(got.out, "Nobody is logged in") {
		t.Errorf("%+v", got)
	}
}

func TestPasswords(t *testing.T) {
	server := serve(t, map[string]string{"POST /login": sessionJSON})
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, "from file\n")
	got := call(t, server, "login", "-u", "ann", "--password-file", file, "-o", "json")
	if got.status != exitDone || got.asked[0] != `POST /login {"username":"ann","password":"from file"}` || strings.Contains(got.out, "nct_new") {
		t.Errorf("%+v", got)
	}
	got = callWith(t, context.Background(), server, func(s *surroundings) { s.in = strings.NewReader("piped\n") }, "login")
	if got.status != exitDone || got.asked[1] != `POST /login {"username":"admin","password":"piped"}` {
		t.Errorf("%+v", got)
	}
	if got := call(t, server, "login"); got.status != exitUsage || !strings.Contains(got.err, "there is no password") {
		t.Errorf("%+v", got)
	}
	refused := serve(t, map[string]string{"POST /login": `401 {"detail":"the user name or the password is wrong","kind":"denied"}`})
	if got := call(t, refused, "login", "--password-file", file); got.status != exitUnreachable || !strings.Contains(got.err, "is wrong") {
		t.Errorf("%+v", got)
	}
}
