package api_test

import (
	"strings"
	"testing"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/seal"
	"github.com/novacron/novacron/internal/vm"
)

const cephKey = "QVFBc2VjcmV0a2V5"

func cephPool(name string) map[string]any {
	return map[string]any{
		"name": name, "key": cephKey, "tier": "hot",
		"settings": map[string]any{"rbd": map[string]any{"monitors": []string{"10.0.0.1:3300"}, "pool": "vms", "user": "novacron"}},
	}
}

func TestPoolsAreDeclaredChangedAndRemoved(t *testing.T) {
	s := newStage(t)
	s.call("POST", "/pools?dry_run=true", cephPool("ceph"), 200)
	var made pool.Pool
	answer := s.call("POST", "/pools", cephPool("ceph"), 201)
	answer.into(&made)
	if answer.header.Get("Location") != "/api/v1/pools/ceph" || made.Driver != pool.RBD || !made.Sealed || made.Tier != pool.Hot || made.Health != pool.Unknown || made.Overcommit != 3 {
		t.Errorf("unexpected pool %+v at %s", made, answer.header.Get("Location"))
	}
	s.call("POST", "/pools", cephPool("ceph"), 409).problem("already a pool named ceph")
	s.call("POST", "/pools", cephPool("other"), 409).problem("pool ceph keeps its volumes in the same place")

	var changed pool.Pool
	s.call("PATCH", "/pools/ceph?dry_run=true", map[string]any{"tier": "cold"}, 200)
	s.as(s.token).with("If-Match", answer.header.Get("ETag")).call("PATCH", "/pools/ceph", map[string]any{"tier": "cold", "overcommit": 1.5, "only_hosts": []string{"h2"}, "key": "bmV3a2V5"}, 200).into(&changed)
	if changed.Tier != pool.Cold || changed.Overcommit != 1.5 || len(changed.Only) != 1 || changed.Settings.RBD.Pool != "vms" {
		t.Errorf("unexpected pool %+v", changed)
	}
	s.as(s.token).with("If-Match", answer.header.Get("ETag")).call("PATCH", "/pools/ceph", map[string]any{"tier": "hot"}, 412)
	s.call("PATCH", "/pools/ceph", map[string]any{"only_hosts": []string{}}, 200).into(&changed)
	if len(changed.Only) != 0 {
		t.Errorf("unexpected hosts %v", changed.Only)
	}

	s.addVM("web", "h1", vm.Running)
	s.call("DELETE", "/pools/shared", nil, 409).problem("holds 1 volumes; move or delete them first")
	s.call("DELETE", "/pools/none", nil, 404)
	removing := s.call("DELETE", "/pools/ceph?forget=true", nil, 202).operation()
	if removing.Kind != operation.RemovePool || !strings.Contains(string(removing.Request), `"forget":true`) {
		t.Errorf("unexpected operation %+v", removing)
	}
	s.call("DELETE", "/pools/ceph", nil, 409).problem(string(removing.ID))
	s.must(s.store.SetPoolState(t.Context(), made.ID, pool.Removing))
	s.call("PATCH", "/pools/ceph", map[string]any{"tier": "hot"}, 409).problem("is being removed")
	s.call("POST", "/vms", map[string]any{"name": "db", "image": "tiny", "pool": "ceph"}, 409).problem("is being removed")
}

func TestBadPools(t *testing.T) {
	s := newStage(t)
	with := func(change func(map[string]any)) map[string]any {
		body := cephPool("ceph")
		change(body)
		return body
	}
	for field, body := range map[string]map[string]any{
		"name":     with(func(b map[string]any) { b["name"] = "Not A Name" }),
		"settings": with(func(b map[string]any) { b["settings"] = map[string]any{} }),
		"settings.rbd.monitors": with(func(b map[string]any) {
			b["settings"].(map[string]any)["rbd"].(map[string]any)["monitors"] = []string{"x"}
		}),
		"settings.local.directory": {"name": "a", "settings": map[string]any{"local": map[string]any{"directory": "relative"}}},
		"key":                      with(func(b map[string]any) { b["key"] = "no base64!" }),
		"tier":                     with(func(b map[string]any) { b["tier"] = "tepid" }),
		"overcommit":               with(func(b map[string]any) { b["overcommit"] = 0.5 }),
		"only_hosts":               with(func(b map[string]any) { b["only_hosts"] = []string{"h9"} }),
	} {
		s.call("POST", "/pools", body, 422).at(field)
	}
	s.call("POST", "/pools", cephPool("ceph"), 201)
	for field, body := range map[string]map[string]any{
		"settings": {"settings": map[string]any{"local": map[string]any{"directory": "/a"}}}, "key": {"key": "no base64!"}, "tier": {"tier": "tepid"},
		"overcommit": {"overcommit": 1000}, "only_hosts": {"only_hosts": []string{"h9"}},
	} {
		s.call("PATCH", "/pools/ceph", body, 422).at(field)
	}
	s.call("PATCH", "/pools/none", map[string]any{}, 404)
	s.call("GET", "/pools/none", nil, 404).problem("there is no pool none")
	s.call("POST", "/vms", map[string]any{"name": "db", "image": "tiny", "pool": "none"}, 422).at("pool")
}

func TestKeysAreSeenByHostsOnly(t *testing.T) {
	s := newStage(t)
	var made pool.Pool
	said := s.call("POST", "/pools", cephPool("ceph"), 201)
	said.into(&made)
	said.body = append(said.body, s.call("GET", "/pools", nil, 200).body...)
	said.body = append(said.body, s.call("GET", "/pools/ceph", nil, 200).body...)
	said.body = append(said.body, s.call("PATCH", "/pools/ceph", map[string]any{"key": cephKey}, 200).body...)
	if strings.Contains(string(said.body), cephKey) || strings.Contains(s.log.String(), cephKey) {
		t.Error("a key is shown")
	}
	var definitions []pool.Definition
	h1 := s.as(s.hosts["h1"].token)
	h1.call("GET", "/hosts/self/pools", nil, 200).into(&definitions)
	if len(definitions) != 3 || definitions[0].Name != "ceph" || definitions[0].Key != cephKey || definitions[1].Key != "" {
		t.Errorf("unexpected definitions %+v", definitions)
	}
	s.must(s.store.SetPoolState(t.Context(), made.ID, pool.Removing))
	other := newServerWith(s, func(config *api.Config) {
		key := make([]byte, 32)
		key[0] = 1
		box, err := seal.New(key)
		s.must(err)
		config.Seal = box
	})
	definitions = nil
	other.as(s.hosts["h1"].token).call("GET", "/hosts/self/pools", nil, 200).into(&definitions)
	if definitions[0].Key != "" || !strings.Contains(definitions[0].Problem, "another key") || !definitions[0].Removing {
		t.Errorf("unexpected definition %+v", definitions[0])
	}
}
