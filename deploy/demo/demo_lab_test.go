//go:build lab

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/novacron/deploy/lab"
)

// TestTheStoryInEveryPool tells it where volumes are not files of the hosts.
func TestTheStoryInEveryPool(t *testing.T) {
	state := os.Getenv(lab.StateVariable)
	if state == "" {
		t.Fatalf("set %s to the state directory of a lab that is up (make test does)", lab.StateVariable)
	}
	t.Chdir("../..")
	for _, pool := range []string{"ceph", "nas"} {
		t.Run(pool, func(t *testing.T) {
			if err := run(t.Context(), filepath.Dir(state), pool); err != nil {
				t.Error(err)
			}
		})
	}
}
