package api_test

import (
	"testing"

	"github.com/novacron/novacron/internal/vm"
)

func TestSmoke(t *testing.T) {
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	t.Logf("%s", s.call("GET", "/vms", nil, 200).body)
	t.Logf("%s", s.call("GET", "/hosts", nil, 200).body)
	t.Logf("%s", s.call("GET", "/overview", nil, 200).body)
	t.Logf("%s", s.call("POST", "/vms?dry_run=true", map[string]any{"name": "a", "image": "tiny"}, 200).body)
	t.Logf("%s", s.call("POST", "/vms", map[string]any{"name": "a", "image": "tiny"}, 202).body)
}
