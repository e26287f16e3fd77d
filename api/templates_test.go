package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
)

// publish publishes the stage's image.
func (s *stage) publish(name string, with map[string]any) template.Version {
	s.t.Helper()
	body := map[string]any{"name": name, "image": "tiny"}
	for field, value := range with {
		body[field] = value
	}
	var made template.Version
	s.call("POST", "/templates", body, 201).into(&made)
	return made
}

func TestTemplates(t *testing.T) {
	s := newStage(t)
	s.call("GET", "/templates", nil, 200)
	s.call("POST", "/templates?dry_run=true", map[string]any{"name": "web", "image": "tiny"}, 200)
	first := s.publish("web", map[string]any{"cpus": 2, "memory_bytes": 512 << 20, "disk_bytes": 2 << 30, "network": "default", "generalised": "declared", "notes": "first"})
	if first.Label() != "web:1" || first.State != template.Published || first.Generalised != template.Declared || first.PublishedBy != "admin" ||
		first.Defaults.Network != s.installed.Network.ID {
		t.Errorf("%+v", first)
	}
	answer := s.call("POST", "/vms?dry_run=true", map[string]any{"name": "a", "template": "web"}, 409)
	answer.problem("no current version")
	answer.at("template")
	s.call("POST", "/templates/web/versions/1/promote?dry_run=true", nil, 200)
	s.call("POST", "/templates/web/versions/1/promote", nil, 200)
	s.call("POST", "/templates/web/versions/1/promote", nil, 409).problem("current already")
	s.publish("web", nil)

	var asked operation.ProvisionRequest
	s.must(json.Unmarshal(s.call("POST", "/vms", map[string]any{"name": "a", "template": "web"}, 202).operation().Request, &asked))
	if asked.Template != "web:1" || asked.Image != s.image.ID || asked.Spec != (vm.Spec{CPUs: 2, MemoryBytes: 512 << 20}) || asked.DiskBytes != 2<<30 {
		t.Errorf("with the template's defaults: %+v", asked)
	}
	given := map[string]any{"name": "b", "template": "web:2", "cpus": 1, "memory_bytes": 256 << 20}
	s.must(json.Unmarshal(s.call("POST", "/vms", given, 202).operation().Request, &asked))
	if asked.Template != "web:2" || asked.Spec != (vm.Spec{CPUs: 1, MemoryBytes: 256 << 20}) || asked.DiskBytes != 1<<30 {
		t.Errorf("what is given comes first: %+v", asked)
	}
	var made vm.VM
	if s.call("GET", "/vms/a", nil, 200).into(&made); made.Template != (vm.Origin{Template: first.Template, Version: first.ID, Label: "web:1"}) {
		t.Errorf("the VM came from %+v", made.Template)
	}
	for query, want := range map[string]int{"web": 2, "web:1": 1, "web:2": 1, string(first.Template): 2} {
		var found struct{ Items []vm.VM }
		if s.call("GET", "/vms?template="+query, nil, 200).into(&found); len(found.Items) != want {
			t.Errorf("VMs of %s: %d", query, len(found.Items))
		}
	}
	s.call("GET", "/vms?template=web:7", nil, 404)
	s.call("GET", "/vms?template=web:x", nil, 422).at("template")

	s.call("POST", "/templates/web/versions/2/deprecate", nil, 200)
	plan := s.call("POST", "/vms?dry_run=true", map[string]any{"name": "c", "template": "web:2"}, 200)
	if !strings.Contains(string(plan.body), "web:2, which is deprecated") {
		t.Errorf("%s", plan.body)
	}
	withdrawal := s.call("POST", "/templates/web/versions/1/withdraw?dry_run=true", nil, 200)
	if !strings.Contains(string(withdrawal.body), "has to name a version") || !strings.Contains(string(withdrawal.body), "go on as they are") {
		t.Errorf("%s", withdrawal.body)
	}
	s.call("POST", "/templates/web/versions/1/withdraw", nil, 200)
	s.call("POST", "/vms", map[string]any{"name": "c", "template": "web:1"}, 409).problem("withdrawn")
	s.call("DELETE", "/images/tiny", nil, 409)
	s.call("DELETE", "/templates/web/versions/1", nil, 409).problem("1 VMs were made from version web:1")
	s.call("DELETE", "/templates/web/versions/2", nil, 409).problem("withdraw it first")
	s.call("DELETE", "/templates/web", nil, 409).problem("2 VMs were made from template web")
}

func TestTemplatesThatGo(t *testing.T) {
	s := newStage(t)
	s.publish("web", map[string]any{"promote": true, "description": "web servers"})
	s.call("DELETE", "/images/tiny", nil, 409).problem("web:1; withdraw that first")
	s.call("POST", "/templates/web/versions/1/withdraw", nil, 200)
	s.call("DELETE", "/images/tiny", nil, 204)
	s.call("DELETE", "/templates/web/versions/1?dry_run=true", nil, 200)
	s.call("DELETE", "/templates/web/versions/1", nil, 204)
	s.call("GET", "/templates/web/versions/1", nil, 404)
	s.call("DELETE", "/templates/web?dry_run=true", nil, 200)
	s.call("DELETE", "/templates/web", nil, 204)
	s.call("GET", "/templates/web", nil, 404)
}

func TestBadTemplates(t *testing.T) {
	s := newStage(t)
	for name, c := range map[string]struct {
		body  map[string]any
		field string
	}{
		"name":          {map[string]any{"name": "Web", "image": "tiny"}, "name"},
		"image":         {map[string]any{"name": "web", "image": "nope"}, "image"},
		"cpus":          {map[string]any{"name": "web", "image": "tiny", "cpus": 1000}, "cpus"},
		"memory":        {map[string]any{"name": "web", "image": "tiny", "memory_bytes": 5}, "memory_bytes"},
		"disk":          {map[string]any{"name": "web", "image": "tiny", "disk_bytes": 512 << 20}, "disk_bytes"},
		"network":       {map[string]any{"name": "web", "image": "tiny", "network": "nope"}, "network"},
		"another's":     {map[string]any{"name": "web", "image": "tiny", "public": true}, "image"},
		"generalised":   {map[string]any{"name": "web", "image": "tiny", "generalised": "agent"}, "generalised"},
		"unknown field": {map[string]any{"name": "web", "image": "tiny", "vm": "x"}, "vm"},
	} {
		t.Run(name, func(t *testing.T) { s.call("POST", "/templates", c.body, 422).at(c.field) })
	}
	s.publish("web", map[string]any{"promote": true})
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		field  string
	}{
		"neither":         {map[string]any{"name": "a"}, 422, "image"},
		"both":            {map[string]any{"name": "a", "image": "tiny", "template": "web"}, 422, "template"},
		"no such line":    {map[string]any{"name": "a", "template": "nope"}, 422, "template"},
		"no such version": {map[string]any{"name": "a", "template": "web:9"}, 422, "template"},
		"no version":      {map[string]any{"name": "a", "template": "web:latest"}, 422, "template"},
	} {
		t.Run(name, func(t *testing.T) { s.call("POST", "/vms", c.body, c.status).at(c.field) })
	}
	tenant := s.as(s.mint(s.installed.Project.ID, time.Hour))
	tenant.call("POST", "/templates", map[string]any{"name": "all", "image": "tiny", "public": true}, 403)
	s.call("POST", "/images?name=everyones&public=true", bytes.NewReader(raw(1<<20, 3)), 201)
	s.call("POST", "/templates", map[string]any{"name": "all", "image": "everyones", "public": true, "promote": true}, 201)
	tenant.call("POST", "/templates/all/versions/1/withdraw", nil, 403)
	tenant.call("DELETE", "/templates/all", nil, 403)
	tenant.call("POST", "/vms", map[string]any{"name": "b", "template": "all"}, 202)
	s.call("POST", "/templates/web/versions/0/promote", nil, 422)
}

func TestPublishVM(t *testing.T) {
	s := newStage(t)
	golden := s.addVM("golden", "h1", vm.Stopped)
	s.addVM("live", "h1", vm.Running)
	s.addVM("broken", "h1", vm.Crashed)
	body := func(of string, with ...any) map[string]any {
		made := map[string]any{"name": "web", "vm": of}
		for i := 0; i < len(with); i += 2 {
			made[with[i].(string)] = with[i+1]
		}
		return made
	}
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		says   string
		field  string
	}{
		"no such VM":             {body("nope"), 422, "there is no VM", "vm"},
		"running":                {body("live"), 409, "stop it, or ask for generalised agent", "vm"},
		"off and to be asked":    {body("golden", "generalised", "agent"), 409, "start it, or leave generalised out", "generalised"},
		"crashed":                {body("broken"), 409, "shut down properly", ""},
		"small disk":             {body("golden", "disk_bytes", 512<<20), 422, "at least that many", "disk_bytes"},
		"image's name":           {body("golden", "image", "Bad"), 422, "not a usable name", "image"},
		"image's name is taken":  {body("golden", "image", "tiny"), 409, "an image named tiny", "image"},
		"what cannot be said":    {body("golden", "generalised", "maybe"), 422, "", "generalised"},
		"the template's name":    {map[string]any{"name": "-", "vm": "golden"}, 422, "not a usable name", "name"},
		"another's, for nothing": {body("golden", "network", "nope"), 422, "there is no network", "network"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := s.call("POST", "/templates/from-vm", c.body, c.status)
			answer.problem(c.says)
			answer.at(c.field)
		})
	}
	plan := s.call("POST", "/templates/from-vm?dry_run=true", body("live", "generalised", "agent"), 200)
	if !strings.Contains(string(plan.body), "not taken back") {
		t.Errorf("%s", plan.body)
	}
	plan = s.call("POST", "/templates/from-vm?dry_run=true", body("golden"), 200)
	if !strings.Contains(string(plan.body), "begin with the identity of this one") {
		t.Errorf("%s", plan.body)
	}
	accepted := s.call("POST", "/templates/from-vm", body("golden", "cpus", 2, "promote", true), 202).operation()
	var asked operation.PublishTemplateRequest
	s.must(json.Unmarshal(accepted.Request, &asked))
	if asked.VM != golden.ID || asked.Defaults.CPUs != 2 || !asked.Promote || !strings.HasPrefix(asked.ImageName, "web-20") || asked.Generalised != template.NotGeneralised ||
		asked.Project != s.installed.Project.ID || accepted.Subject.Name != "golden" {
		t.Errorf("%+v of %+v", asked, accepted.Subject)
	}
	s.call("POST", "/templates/from-vm", body("golden"), 409).problem("publish_template")
}

// The host of the VM sends the bytes, as often as it likes; nobody else does, and no other bytes.
func TestHostsSendImages(t *testing.T) {
	s := newStage(t)
	s.addVM("golden", "h1", vm.Stopped)
	var asked operation.PublishTemplateRequest
	s.must(json.Unmarshal(s.call("POST", "/templates/from-vm", map[string]any{"name": "web", "vm": "golden", "image": "web-disk"}, 202).operation().Request, &asked))
	content := raw(64<<10, 9)
	sum := sha256.Sum256(content)
	path := func(hash string) string { return fmt.Sprintf("/hosts/self/images/%s?sha256=%s", asked.Image, hash) }
	hash := hex.EncodeToString(sum[:])
	h1 := s.as(s.hosts["h1"].token)
	send := func(from caller, path string, want int) reply {
		return from.call("PUT", path, bytes.NewReader(content), want)
	}
	send(h1, path(""), 422).at("sha256")
	send(h1, path("x"), 422).at("sha256")
	send(h1, path(strings.Repeat("0", 64)), 422).problem("they were changed on the way")
	send(s.as(s.hosts["h2"].token), path(hash), 404).problem("no operation on this host")
	send(h1, "/hosts/self/images/img_nope?sha256="+hash, 404)
	send(s.as(s.token), path(hash), 403)
	if keys := s.objects.Keys(); len(keys) != 0 {
		t.Errorf("kept all the same: %v", keys)
	}
	for range 2 {
		var kept image.Image
		if send(h1, path(hash), 200).into(&kept); kept.ID != asked.Image || kept.Name != "web-disk" || kept.SHA256 != hash || kept.Project != s.installed.Project.ID {
			t.Errorf("%+v", kept)
		}
	}
	send(h1, path(strings.Repeat("0", 64)), 409).problem("other bytes")
}
