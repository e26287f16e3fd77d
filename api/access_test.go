package api_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

var parameter = regexp.MustCompile(`\{\w+\}`)

// TestEveryRouteAsksWhoYouAre walks all routes with each sort of token. A route that is added shows up here by itself.
func TestEveryRouteAsksWhoYouAre(t *testing.T) {
	s := newStage(t)
	s.exec("insert into users (id, name, password_hash) values ('usr_plain', 'ann', '')")
	plain, hash := auth.MintToken(auth.UserPrefix)
	s.must(s.store.CreateToken(t.Context(), store.Token{ID: id.New[id.Token](), User: "usr_plain", Project: s.installed.Project.ID, Name: "ann", ExpiresAt: time.Now().Add(time.Hour)}, hash))
	expired := s.mint("", -time.Minute)
	bound := s.mint(s.installed.Project.ID, time.Hour)
	unknown, _ := auth.MintToken(auth.UserPrefix)
	unknownHost, _ := auth.MintToken(auth.HostPrefix)
	routes := s.server.Routes()
	if len(routes) < 50 {
		t.Fatalf("only %d routes", len(routes))
	}
	for _, each := range routes {
		path := parameter.ReplaceAllString(each.Path, "none")
		for name, token := range map[string]string{
			"none": "", "expired": expired, "unknown": unknown, "unknown host": unknownHost, "nonsense": "hello", "enrolment": "nce_" + strings.Repeat("a", 52),
		} {
			if got := s.status(each.Method, path, token); (got == http.StatusUnauthorized) != (each.Access != "anyone") {
				t.Errorf("%s %s with %s token: %d", each.Method, path, name, got)
			}
		}
		refused := func(name, token string, want bool) {
			if each.Method == "POST" && each.Path == "/logout" {
				return // would end the token
			}
			if got := s.status(each.Method, path, token); (got == http.StatusForbidden) != want || got == http.StatusUnauthorized {
				t.Errorf("%s %s (%s) with %s token: %d", each.Method, path, each.Access, name, got)
			}
		}
		if each.Access != "anyone" {
			refused("a bound", bound, each.Access == "administrator" || each.Access == "machine")
			refused("a plain user's", plain, each.Access == "administrator" || each.Access == "machine")
			refused("a host's", s.hosts["h1"].token, each.Access == "administrator" || each.Access == "user")
		}
	}
}

func TestOtherProjects(t *testing.T) {
	s := newStage(t)
	s.exec("insert into projects (id, name) values ('prj_01JD3M8Q7X2C4W9V6T5R1N0KZP', 'other')")
	const other = id.Project("prj_01JD3M8Q7X2C4W9V6T5R1N0KZP")
	mine := s.addVM("mine", "h1", vm.Running)
	theirs := s.addVMIn(other, "theirs", "h1", vm.Running)
	theirOperation := s.busy(theirs, operation.Stop)
	bound := s.as(s.mint(s.installed.Project.ID, time.Hour))
	for _, path := range []string{
		"/vms/theirs", "/vms/" + string(theirs.ID), "/vms/" + string(theirs.ID) + "/metrics", "/operations/" + string(theirOperation.ID),
		"/operations/" + string(theirOperation.ID) + "/timeline", "/vms/" + string(theirs.ID) + "/console", "/vms?project=other", "/events?project=" + string(other),
	} {
		bound.call("GET", path, nil, 404)
	}
	bound.call("POST", "/vms/"+string(theirs.ID)+"/stop", nil, 404)
	bound.call("DELETE", "/vms/"+string(theirs.ID), nil, 404)
	bound.call("POST", "/operations/"+string(theirOperation.ID)+"/cancel", nil, 404)
	bound.call("PATCH", "/vms/"+string(theirs.ID), map[string]any{"name": "stolen"}, 404)
	bound.with("X-Novacron-Project", "other").call("POST", "/vms", map[string]any{"name": "new", "image": "tiny"}, 404).problem("is not yours")
	for _, list := range []string{"/vms", "/operations", "/events?limit=500", "/events?after=0&limit=500", "/search?q=the", "/overview", "/vms?project=*"} {
		if text := string(bound.call("GET", list, nil, 200).body); strings.Contains(text, "theirs") || strings.Contains(text, string(theirs.ID)) {
			t.Errorf("%s shows another project's: %s", list, text)
		}
	}
	var projects api.List[project.Project]
	if bound.call("GET", "/projects", nil, 200).into(&projects); len(projects.Items) != 1 {
		t.Errorf("projects %+v", projects)
	}
	bound.call("GET", "/vms/"+string(mine.ID), nil, 200)

	// An administrator's token reaches all of them: an ID anywhere, a name where it says.
	s.call("GET", "/vms/"+string(theirs.ID), nil, 200)
	s.call("GET", "/vms/theirs", nil, 404)
	s.as(s.token).with("X-Novacron-Project", "other").call("GET", "/vms/theirs", nil, 200)
	s.call("GET", "/vms/theirs?project="+string(other), nil, 200)
	s.call("GET", "/vms/mine?project=other", nil, 404)
	var all api.List[vm.VM]
	if s.call("GET", "/vms?project=*", nil, 200).into(&all); len(all.Items) != 2 {
		t.Errorf("%d VMs in all projects", len(all.Items))
	}
}

func TestLogin(t *testing.T) {
	s := newStage(t)
	login := func(password string) map[string]any { return map[string]any{"username": "Admin", "password": password} }
	answer := s.as("").call("POST", "/login", login(adminPassword), 200)
	var session api.Session
	answer.into(&session)
	if session.User.UserName != "admin" || !session.User.Admin || session.User.Project.Name != "default" || !session.ExpiresAt.After(time.Now()) {
		t.Errorf("unexpected session %+v", session)
	}
	cookie := answer.header.Get("Set-Cookie")
	for _, part := range []string{"novacron_session=" + session.Token, "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie lacks %s: %s", part, cookie)
		}
	}
	if strings.Contains(cookie, "Secure") {
		t.Error("a Secure cookie would be lost over http")
	}
	if safe := s.as("").with("X-Forwarded-Proto", "https").call("POST", "/login", login(adminPassword), 200); !strings.Contains(safe.header.Get("Set-Cookie"), "Secure") {
		t.Error("over https the cookie must be Secure")
	}
	var who api.Whoami
	browser := s.as("").with("Cookie", "novacron_session="+session.Token)
	if browser.call("GET", "/whoami", nil, 200).into(&who); who.UserName != "admin" || who.Version != "test" || who.Temporal == "" {
		t.Errorf("unexpected caller %+v", who)
	}
	if out := browser.call("POST", "/logout", map[string]any{}, 204); !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Error("logging out must drop the cookie")
	}
	browser.call("GET", "/whoami", nil, 401).problem("log in again")
	s.as("").with("Authorization", "Basic abc").call("GET", "/whoami", nil, 401).problem("Bearer")
	for range 5 {
		s.as("").call("POST", "/login", login("wrong password"), 401).problem("the user name or the password is wrong")
	}
	slow := s.as("").call("POST", "/login", login(adminPassword), 429)
	slow.problem("too many wrong passwords")
	if slow.header.Get("Retry-After") == "" {
		t.Error("a throttled login says when to try again")
	}
	s.as("").call("POST", "/login", map[string]any{"username": "nobody", "password": "x"}, 401)
	if text := s.log.String(); strings.Contains(text, session.Token) || strings.Contains(text, adminPassword) || strings.Contains(text, s.token) {
		t.Error("the log holds a secret")
	}
}

func TestTokens(t *testing.T) {
	s := newStage(t)
	var made api.NewToken
	s.call("POST", "/tokens", map[string]any{"name": "ci", "project": "default", "expires_in_seconds": 3600}, 201).into(&made)
	if made.Project != s.installed.Project.ID || !auth.LooksLike(auth.UserPrefix, made.Secret) {
		t.Errorf("unexpected token %+v", made)
	}
	bound := s.as(made.Secret)
	bound.call("GET", "/vms", nil, 200)
	var own api.List[store.Token]
	if bound.call("GET", "/tokens", nil, 200).into(&own); len(own.Items) != 1 {
		t.Errorf("a bound token sees %d tokens", len(own.Items))
	}
	var derived api.NewToken
	if bound.call("POST", "/tokens", map[string]any{"name": "child"}, 201).into(&derived); derived.Project != made.Project {
		t.Error("a bound token can only make bound ones")
	}
	bound.call("DELETE", "/tokens/"+string(s.adminToken().ID), nil, 404).problem("you have no token")
	s.call("POST", "/tokens?dry_run=true", map[string]any{"name": "ci"}, 200)
	s.call("DELETE", "/tokens/"+string(made.ID)+"?dry_run=true", nil, 200)
	s.call("DELETE", "/tokens/"+string(made.ID), nil, 204)
	bound.call("GET", "/vms", nil, 401)
	s.call("POST", "/tokens", map[string]any{"name": "ci", "expires_in_seconds": 1}, 422).problem("between a minute and five years")
	s.call("POST", "/tokens", map[string]any{"name": "ci", "project": "nope"}, 422).problem("there is no project")
	s.call("POST", "/tokens", map[string]any{"name": ""}, 422).problem("must have at least 1 characters")
	s.exec("insert into users (id, name, password_hash) values ('usr_plain', 'ann', '')")
	lost, hash := auth.MintToken(auth.UserPrefix)
	s.must(s.store.CreateToken(t.Context(), store.Token{ID: id.New[id.Token](), User: "usr_plain", Name: "ann", ExpiresAt: time.Now().Add(time.Hour)}, hash))
	s.as(lost).call("GET", "/vms", nil, 403).problem("you belong to no project yet")
	s.as(lost).call("GET", "/whoami", nil, 200)
}

func (s *stage) adminToken() store.Token {
	s.t.Helper()
	found, err := s.store.ListTokens(s.t.Context(), s.installed.Admin.ID)
	s.must(err)
	for _, each := range found {
		if each.Project == "" {
			return each
		}
	}
	s.t.Fatal("the admin has no token")
	return store.Token{}
}

func TestTheServerItself(t *testing.T) {
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	s.call("GET", "/vms", nil, 200)
	metrics := string(s.as("").call("GET", "!/metrics", nil, 200).body)
	for _, line := range []string{`route="/api/v1/vms",status="200"`, `novacron_vms{state="running"} 1`, `novacron_hosts{state="ready"} 3`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	s.as("").call("GET", "!/healthz", nil, 200)
	s.as("").call("GET", "!/readyz", nil, 200)
	page := s.as("").call("GET", "!/", nil, 200)
	if !strings.Contains(string(page.body), "the interface") || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'self'") ||
		page.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("unexpected page %s %v", page.body, page.header)
	}
	if deep := s.as("").call("GET", "!/operations/op_1", nil, 200); !strings.Contains(string(deep.body), "the interface") {
		t.Error("the interface's own addresses must lead to it")
	}
	s.as("").call("HEAD", "!/operations", nil, 200)
	for accepted, want := range map[string]string{"br, gzip": "brotli script", "gzip": "", "identity": "plain script"} {
		script := s.as("").with("Accept-Encoding", accepted).call("GET", "!/assets/app-0a1b2c3d.js", nil, 200)
		if want != "" && string(script.body) != want || !strings.Contains(script.header.Get("Cache-Control"), "immutable") || !strings.Contains(script.header.Get("Content-Type"), "javascript") {
			t.Errorf("%s: %s %v", accepted, script.body, script.header)
		}
	}
	s.as("").call("GET", "!/assets/app-gone0000.js", nil, 404).problem("load the page again")
	if icon := s.as("").call("GET", "!/favicon.svg", nil, 200); icon.header.Get("Cache-Control") != "no-cache" {
		t.Error("what has no hash in its name must be asked for again")
	}
	for i := range 20 {
		s.addVM(fmt.Sprintf("many-%d", i), "h1", vm.Stopped)
	}
	list := s.as(s.token).with("Accept-Encoding", "gzip").call("GET", "/vms", nil, 200)
	if list.header.Get("Content-Encoding") != "gzip" || list.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a long list is sent as %v", list.header)
	}
	if given := s.as(s.token).with("X-Request-Id", "from-the-caller").call("GET", "/whoami", nil, 200); given.header.Get("X-Request-Id") != "from-the-caller" {
		t.Error("the caller's request ID is kept")
	}
	if forged := s.as(s.token).with("X-Request-Id", "not ok!\"").call("GET", "/whoami", nil, 200); !strings.HasPrefix(forged.header.Get("X-Request-Id"), "req_") {
		t.Error("a harmful request ID is replaced")
	}
}

func TestWithoutInterface(t *testing.T) {
	s := newStage(t, func(config *api.Config) { config.UI = nil })
	s.as("").call("GET", "!/", nil, 404).problem("there is nothing at this address")
	if _, err := api.New(api.Config{}); err == nil {
		t.Error("an API without a store must be refused")
	}
	if _, err := api.New(api.Config{Store: s.store}); err == nil {
		t.Error("an API without workflows must be refused")
	}
	if _, err := api.New(api.Config{Store: s.store, Workflows: s.workflows}); err == nil {
		t.Error("an API without images must be refused")
	}
	if _, err := api.New(api.Config{Store: s.store, Workflows: s.workflows}); err == nil {
		t.Error("an API that cannot seal secrets must be refused")
	}
	if server := s.server.HTTPServer("127.0.0.1:0"); server.ReadHeaderTimeout == 0 || server.IdleTimeout == 0 {
		t.Error("slow callers must be cut off")
	}
}

func TestDatabaseDown(t *testing.T) {
	s := newStage(t)
	s.store.Close()
	answer := s.call("GET", "/vms", nil, 503)
	answer.problem("the inventory's database does not answer")
	if answer.header.Get("Retry-After") == "" {
		t.Error("what passes says when to try again")
	}
	s.as("").call("GET", "!/readyz", nil, 503)
	s.as("").call("GET", "!/healthz", nil, 200)
	if !strings.Contains(s.log.String(), "cause=") {
		t.Error("the cause must be in the log")
	}
}

func TestSlowBodies(t *testing.T) {
	s := newStage(t)
	s.server.Hurry(300 * time.Millisecond)
	for path, want := range map[string]int{"/vms": http.StatusRequestTimeout, "/images?name=slow": http.StatusBadRequest} {
		reader, writer := io.Pipe()
		go func() {
			_, _ = writer.Write([]byte(`{"name":`))
			time.Sleep(2 * time.Second)
			_ = writer.Close()
		}()
		kind := "application/json"
		if want == http.StatusBadRequest {
			kind = "application/octet-stream"
		}
		s.as(s.token).with("Content-Type", kind).call("POST", path, reader, want)
	}
	// A body that has arrived leaves all the time in the world for the answer.
	moving := s.busy(s.addVM("web", "h1", vm.Running), operation.Migrate)
	s.workflows.slow = time.Second
	for _, encoding := range []string{"identity", "gzip"} {
		s.as(s.token).with("Accept-Encoding", encoding).call("POST", "/operations/"+string(moving.ID)+"/tune", map[string]any{"post_copy": true}, 200)
	}
}
