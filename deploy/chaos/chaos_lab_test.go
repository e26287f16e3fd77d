//go:build lab

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/novacron/deploy/lab"
)

// TestRepresentativeFaults runs the dozen of -quick against the stack that the tests on real hosts share.
func TestRepresentativeFaults(t *testing.T) {
	state := os.Getenv(lab.StateVariable)
	if state == "" {
		t.Fatalf("set %s to the state directory of a lab that is up (make test does)", lab.StateVariable)
	}
	var table bytes.Buffer
	err := campaign(t.Context(), settings{data: filepath.Dir(state), quick: true, seed: 1}, &table)
	t.Logf("\n%s", table.String())
	if err != nil {
		t.Fatal(err)
	}
}
