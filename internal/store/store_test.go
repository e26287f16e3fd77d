package store_test

import (
	"testing"

	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
)

func TestSmoke(t *testing.T) {
	s := storetest.New(t)
	got, err := s.EnsureInstallation(t.Context(), store.Installation{AdminPasswordHash: "x"})
	t.Logf("%+v %v", got, err)
}
