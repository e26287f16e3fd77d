package ui

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/novacron/novacron/internal/vm"
)

// TestMockServesTheRealTransitions keeps the table that the interface is tested with the one of internal/vm.
// Run it with NOVACRON_UPDATE=1 after a change there.
func TestMockServesTheRealTransitions(t *testing.T) {
	const fixture = "src/mock/vm-transitions.json"
	want, err := json.MarshalIndent(vm.Transitions(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("NOVACRON_UPDATE") != "" {
		if err := os.WriteFile(fixture, append(want, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	var have []vm.Transition
	if err := json.Unmarshal(encoded, &have); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(have, vm.Transitions()) {
		t.Errorf("%s is not the table of internal/vm; run this test with NOVACRON_UPDATE=1 and commit it", fixture)
	}
}

func TestFilesHasARoot(t *testing.T) {
	directory, err := Files().Open(".")
	if err != nil {
		t.Fatal(err)
	}
	if err := directory.Close(); err != nil {
		t.Fatal(err)
	}
}
