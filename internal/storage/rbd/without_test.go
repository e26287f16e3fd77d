//go:build !ceph

package rbd

import (
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

func TestABuildWithoutCephSaysSo(t *testing.T) {
	if _, err := New(sane()); !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), "librbd") {
		t.Errorf("it said %v", err)
	}
}
