package store_test

import (
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
)

func TestInstallationIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	again, err := w.EnsureInstallation(t.Context(), store.Installation{AdminPasswordHash: "other"})
	must(t, err)
	equal(t, "made again", again.AdminCreated, false)
	equal(t, "password", again.Admin.PasswordHash, "argon")
	equal(t, "admin", again.Admin.Admin, true)
	equal(t, "project", again.Project.ID, w.project)
	equal(t, "network", again.Network.ID, w.network)
	must(t, w.SetPasswordHash(t.Context(), again.Admin.ID, "new"))
	admin, err := w.UserByName(t.Context(), "admin")
	must(t, err)
	equal(t, "password", admin.PasswordHash, "new")
	wantFault(t, w.SetPasswordHash(t.Context(), "usr_none", "new"), fault.KindNotFound)
	_, err = w.UserByName(t.Context(), "nobody")
	wantFault(t, err, fault.KindNotFound)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	admin, err := w.UserByName(ctx, "admin")
	must(t, err)
	session := store.Token{ID: id.New[id.Token](), User: admin.ID, Name: "login", Session: true, ExpiresAt: time.Now().Add(time.Hour)}
	bound := store.Token{ID: id.New[id.Token](), User: admin.ID, Project: w.project, Name: "pipeline"}
	old := store.Token{ID: id.New[id.Token](), User: admin.ID, Name: "old", ExpiresAt: time.Now().Add(-time.Second)}
	must(t, w.CreateToken(ctx, old, []byte("3")))
	_, err = w.PrincipalByToken(ctx, []byte("3"))
	wantFault(t, err, fault.KindDenied, "log in again")
	must(t, w.CreateToken(ctx, session, []byte("1")))
	must(t, w.CreateToken(ctx, bound, []byte("2")))
	equal(t, "expired ones are forgotten", w.count("tokens"), 2)

	who, err := w.PrincipalByToken(ctx, []byte("2"))
	must(t, err)
	equal(t, "principal", who, store.Principal{User: admin.ID, UserName: "admin", Admin: true, Project: w.project, Token: bound.ID})
	_, err = w.PrincipalByToken(ctx, []byte("4"))
	wantFault(t, err, fault.KindDenied)

	for _, user := range []id.User{"", admin.ID} {
		listed, err := w.ListTokens(ctx, user)
		must(t, err)
		equal(t, "tokens", len(listed), 2)
		equal(t, "newest", listed[0].ID, bound.ID)
		equal(t, "never expires", listed[0].ExpiresAt.IsZero(), true)
		equal(t, "was used", listed[0].LastUsedAt.IsZero(), false)
		equal(t, "was not used", listed[1].LastUsedAt.IsZero(), true)
	}
	wantFault(t, w.DeleteToken(ctx, "usr_other", bound.ID), fault.KindNotFound)
	must(t, w.DeleteToken(ctx, admin.ID, bound.ID))
	must(t, w.DeleteToken(ctx, "", session.ID))
	wantFault(t, w.DeleteToken(ctx, "", session.ID), fault.KindNotFound)
}
