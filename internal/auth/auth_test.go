package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

func TestPasswords(t *testing.T) {
	encoded := auth.HashPassword("correct horse battery")
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(encoded, "horse") {
		t.Fatalf("unexpected form %q", encoded)
	}
	if encoded == auth.HashPassword("correct horse battery") {
		t.Fatal("two hashes of one password must differ in their salt")
	}
	for name, test := range map[string]struct {
		encoded, password string
		want              bool
	}{
		"right":           {encoded, "correct horse battery", true},
		"wrong":           {encoded, "correct horse batterz", false},
		"empty":           {encoded, "", false},
		"too long":        {encoded, strings.Repeat("x", auth.MaxPasswordLength+1), false},
		"no account":      {"", "no account has this password", false},
		"other algorithm": {"$2b$12$abc", "correct horse battery", false},
		"other version":   {strings.Replace(encoded, "v=19", "v=16", 1), "correct horse battery", false},
		"absurd cost":     {strings.Replace(encoded, "m=19456", "m=99999999", 1), "correct horse battery", false},
		"no cost":         {strings.Replace(encoded, "m=19456,t=2,p=1", "fast", 1), "correct horse battery", false},
		"broken salt":     {"$argon2id$v=19$m=19456,t=2,p=1$!$AAAA", "correct horse battery", false},
		"short key":       {"$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA", "correct horse battery", false},
	} {
		if got := auth.VerifyPassword(test.encoded, test.password); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if err := auth.CheckPassword("short"); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a short password: %v", err)
	}
	if err := auth.CheckPassword("long enough for anybody"); err != nil {
		t.Error(err)
	}
}

func TestTokens(t *testing.T) {
	secret, hash := auth.MintToken(auth.UserPrefix)
	other, _ := auth.MintToken(auth.UserPrefix)
	if secret == other || !auth.LooksLike(auth.UserPrefix, secret) || auth.LooksLike(auth.HostPrefix, secret) {
		t.Fatalf("unexpected tokens %q %q", secret, other)
	}
	if string(hash) != string(auth.HashToken(secret)) || len(hash) != auth.HashLength {
		t.Fatal("the hash must be that of the secret")
	}
	for _, text := range []string{"", "nct_", secret[:20], secret + "a", strings.ToUpper(secret), "nct_" + strings.Repeat("1", 52)} {
		if auth.LooksLike(auth.UserPrefix, text) {
			t.Errorf("%q looks like a token", text)
		}
	}
}

func TestThrottleSlowsGuessesDown(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	throttle := auth.NewThrottle(func() time.Time { return now })
	for range 4 {
		throttle.Failed("admin", "10.0.0.1")
	}
	if err := throttle.Admit("admin", "10.0.0.1"); err != nil {
		t.Fatalf("four wrong guesses should pass: %v", err)
	}
	throttle.Failed("admin", "10.0.0.1")
	if err := throttle.Admit("admin", "10.0.0.1"); !fault.Is(err, fault.KindDenied) || !strings.Contains(err.Error(), "seconds") {
		t.Fatalf("the fifth should make it wait: %v", err)
	}
	if err := throttle.Admit("other", "10.0.0.1"); err != nil {
		t.Errorf("others behind the same proxy may log in: %v", err)
	}
	if err := throttle.Admit("admin", "10.0.0.2"); err != nil {
		t.Errorf("nobody may lock another source out: %v", err)
	}
	now = now.Add(3 * time.Second)
	if err := throttle.Admit("admin", "10.0.0.1"); err != nil {
		t.Errorf("after the delay: %v", err)
	}
	for range 30 {
		throttle.Failed("admin", "10.0.0.1")
	}
	now = now.Add(4 * time.Minute)
	if throttle.Admit("admin", "10.0.0.1") == nil {
		t.Error("the delay should have grown to five minutes")
	}
	now = now.Add(time.Hour)
	throttle.Failed("admin", "10.0.0.1")
	if err := throttle.Admit("admin", "10.0.0.1"); err != nil {
		t.Errorf("old guesses are forgotten: %v", err)
	}
	for range 50 {
		throttle.Failed("eve", "10.0.0.9")
	}
	throttle.Succeeded("eve", "10.0.0.9")
	if throttle.Admit("admin", "10.0.0.9") == nil {
		t.Error("one known password must not open the way to guess others")
	}
}

func TestThrottleForgetsRatherThanGrows(t *testing.T) {
	throttle := auth.NewThrottle(time.Now)
	for i := range 12_000 {
		throttle.Failed(strings.Repeat("a", i%50), string(id.New[id.User]()))
	}
	if err := throttle.Admit("admin", "10.0.0.1"); err != nil {
		t.Fatal(err)
	}
}

func TestMemory(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	memory := auth.NewMemory(5*time.Second, func() time.Time { return now })
	asked := 0
	find := func() (auth.Principal, error) {
		asked++
		return auth.Principal{UserName: "admin", Token: "tok_1"}, nil
	}
	hash := auth.HashToken("x")
	for range 3 {
		if who, err := memory.Recall(hash, find); err != nil || who.UserName != "admin" {
			t.Fatal(who, err)
		}
	}
	if asked != 1 {
		t.Fatalf("asked %d times", asked)
	}
	now = now.Add(6 * time.Second)
	_, _ = memory.Recall(hash, find)
	memory.Forget(func(p auth.Principal) bool { return p.Token == "tok_1" })
	_, _ = memory.Recall(hash, find)
	if asked != 3 {
		t.Fatalf("asked %d times after ageing and forgetting", asked)
	}
	now = now.Add(6 * time.Second)
	refused := errors.New("gone")
	if _, err := memory.Recall(hash, func() (auth.Principal, error) { return auth.Principal{}, refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
}

func TestReach(t *testing.T) {
	admin := auth.Principal{User: "usr_1", UserName: "admin", Admin: true}
	bound := admin
	bound.Project = "prj_1"
	plain := auth.Principal{User: "usr_2", UserName: "ann"}
	machine := auth.Principal{Host: "hst_1", HostName: "h1"}
	for _, test := range []struct {
		who          auth.Principal
		installation bool
		reaches      bool
		name         string
	}{
		{admin, true, true, "admin"},
		{bound, false, true, "admin"},
		{plain, false, false, "ann"},
		{machine, false, false, "host:h1"},
	} {
		if (test.who.Installation() == nil) != test.installation || test.who.Reaches("prj_1") != test.reaches || test.who.Name() != test.name {
			t.Errorf("%+v", test.who)
		}
	}
	if bound.Reaches("prj_2") || bound.AnyProject() || !admin.AnyProject() {
		t.Error("a bound token stays in its project")
	}
}
