package objectstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

func TestProbe(t *testing.T) {
	store := fake.New()
	if err := objectstore.Probe(t.Context(), store, time.Second); err != nil {
		t.Errorf("a store that answers: %v", err)
	}
	store.Before = func(string, string) error { return fault.Denied("the key is wrong") }
	if err := objectstore.Probe(t.Context(), store, time.Second); !fault.Is(err, fault.KindDenied) {
		t.Errorf("a store that refuses: %v", err)
	}
}

// silent never answers.
type silent struct{ objectstore.Store }

func (silent) Stat(ctx context.Context, _ string) (objectstore.Object, error) {
	<-ctx.Done()
	return objectstore.Object{}, ctx.Err()
}

func TestProbeIsBounded(t *testing.T) {
	began := time.Now()
	err := objectstore.Probe(t.Context(), silent{}, 50*time.Millisecond)
	if !fault.Is(err, fault.KindUnavailable) || !strings.Contains(err.Error(), "50ms") || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}
