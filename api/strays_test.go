package api_test

import (
	"encoding/json"
	"testing"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

func TestStrays(t *testing.T) {
	s := newStage(t)
	s.call("POST", "/pools/none/scan", nil, 404)
	s.call("POST", "/pools/local/scan?dry_run=true", nil, 200)
	if scanning := s.call("POST", "/pools/local/scan", nil, 202).operation(); scanning.Kind != operation.ScanPool || scanning.Subject.Name != "local" {
		t.Errorf("unexpected operation %+v", scanning)
	}
	stray := id.New[id.Volume]()
	adopt := func(pool, volume string, body map[string]any, want int) reply {
		return s.call("POST", "/pools/"+pool+"/strays/"+volume+"/adopt", body, want)
	}
	adopt("local", "x", map[string]any{"name": "data", "host": "h1"}, 404)
	adopt("local", string(stray), map[string]any{"name": "data"}, 422).at("host")
	adopt("local", string(stray), map[string]any{"name": "Data", "host": "h1"}, 422).at("name")
	adopt("local", string(stray), map[string]any{"name": "data", "host": "h9"}, 409).at("host")
	s.addVolume("taken", "shared", "")
	adopt("shared", string(stray), map[string]any{"name": "taken"}, 409).at("name")
	adopting := adopt("local", string(stray), map[string]any{"name": "data", "host": "h1"}, 202).operation()
	var asked operation.StrayRequest
	s.must(json.Unmarshal(adopting.Request, &asked))
	if adopting.Kind != operation.AdoptVolume || asked != (operation.StrayRequest{
		Volume: stray, Pool: "local", Host: s.hosts["h1"].id, Project: s.installed.Project.ID, Name: "data",
	}) {
		t.Errorf("unexpected operation %+v", adopting)
	}
	s.call("POST", "/pools/local/strays/"+string(stray)+"/discard", map[string]any{"host": "h1"}, 409).problem(string(adopting.ID))
	if discarding := s.call("POST", "/pools/shared/strays/"+string(id.New[id.Volume]())+"/discard", nil, 202).operation(); discarding.Kind != operation.DiscardVolume {
		t.Errorf("unexpected operation %+v", discarding)
	}
}
