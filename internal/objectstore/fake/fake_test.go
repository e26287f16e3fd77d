package fake_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/fake"
	"github.com/novacron/novacron/internal/objectstore/objectstoretest"
)

func TestContract(t *testing.T) {
	objectstoretest.Run(t, func(*testing.T) objectstore.Store { return fake.New() })
}

func TestFaultsAndDamage(t *testing.T) {
	store, lost := fake.New(), errors.New("lost")
	store.Before = func(call, key string) error {
		if call == "Put" && key == "before" {
			return lost
		}
		return nil
	}
	store.After = func(_, key string) error {
		if key == "after" {
			return lost
		}
		return nil
	}
	for _, key := range []string{"before", "after", "fine"} {
		err := store.Put(t.Context(), key, strings.NewReader("abc"), 3)
		if (err == nil) != (key == "fine") {
			t.Errorf("put %s: %v", key, err)
		}
	}
	if keys := store.Keys(); len(keys) != 2 || keys[0] != "after" || store.Bytes() != 6 {
		t.Errorf("kept %v, %d bytes", keys, store.Bytes())
	}
	store.Damage("fine", func(content []byte) []byte { return content[:1] })
	store.Damage("after", func([]byte) []byte { return nil })
	if store.Bytes() != 1 || len(store.Keys()) != 1 {
		t.Errorf("after damage: %v, %d bytes", store.Keys(), store.Bytes())
	}
}
