package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// refusal is a request that must be refused, leaving nothing behind.
type refusal struct {
	name, method, path string
	body               any
	status             int
	field              string
	says               string
}

func (s *stage) refuses(t *testing.T, tests []refusal) {
	t.Helper()
	before := s.footprint()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			here := *s
			here.t = t
			found := here.as(s.token).call(test.method, test.path, test.body, test.status).problem(test.says)
			if found.Field != test.field {
				t.Errorf("the field is %q, not %q", found.Field, test.field)
			}
			if test.field != "" && (len(found.Errors) == 0 || !strings.HasSuffix(found.Errors[0].Location, test.field)) {
				t.Errorf("the errors do not locate it: %+v", found.Errors)
			}
		})
	}
	if after := s.footprint(); after != before {
		t.Errorf("something was left behind:\n%s\ninstead of\n%s", after, before)
	}
}

// footprint is everything that a refused request could leave behind.
func (s *stage) footprint() string {
	s.t.Helper()
	everything := ""
	for _, list := range []string{"/vms", "/operations?limit=500", "/backups", "/schedules", "/images", "/events?after=0&limit=500"} {
		everything += string(s.call("GET", list, nil, 200).body)
	}
	return everything
}

func TestBadInputForNewVMs(t *testing.T) {
	s := newStage(t)
	s.addVM("taken", "h1", vm.Running)
	s.call("POST", "/hosts/h3/cordon", nil, 200)
	good := func(change string, value any) map[string]any {
		body := map[string]any{"name": "new", "image": "tiny"}
		if change != "" {
			body[change] = value
		}
		return body
	}
	s.refuses(t, []refusal{
		{"unknown image", "POST", "/vms", good("image", "nope"), 422, "image", `there is no image "nope"`},
		{"image of a well-formed ID", "POST", "/vms", good("image", id.New[id.Image]()), 422, "image", "there is no image"},
		{"no image", "POST", "/vms", good("image", ""), 422, "image", "an image or a template is needed"},
		{"unknown host", "POST", "/vms", good("host", "h9"), 422, "host", `there is no host "h9"`},
		{"cordoned host", "POST", "/vms", good("host", "h3"), 409, "host", "is cordoned"},
		{"unknown pool", "POST", "/vms", good("pool", "tape"), 422, "pool", `there is no pool "tape"`},
		{"unknown network", "POST", "/vms", good("network", "moon"), 422, "network", `there is no network "moon"`},
		{"name taken", "POST", "/vms", good("name", "taken"), 409, "name", "there is a VM named taken already"},
		{"name of capitals", "POST", "/vms", good("name", "Web_1"), 422, "name", "is not a usable name"},
		{"no name", "POST", "/vms", map[string]any{"image": "tiny"}, 422, "name", `"name" is missing; add it`},
		{"no CPUs", "POST", "/vms", good("cpus", 0), 422, "cpus", "1 to 256 CPUs, not 0"},
		{"negative CPUs", "POST", "/vms", good("cpus", -1), 422, "cpus", "1 to 256 CPUs"},
		{"CPUs beyond any VM", "POST", "/vms", good("cpus", 1000), 422, "cpus", "1 to 256 CPUs"},
		{"no memory", "POST", "/vms", good("memory_bytes", 0), 422, "memory_bytes", "between 64 MiB and 16 TiB, not 0"},
		{"negative memory", "POST", "/vms", good("memory_bytes", -1), 422, "memory_bytes", "between 64 MiB"},
		{"uneven memory", "POST", "/vms", good("memory_bytes", 128<<20+1), 422, "memory_bytes", "multiple of 1 MiB"},
		{"memory beyond any host", "POST", "/vms", good("memory_bytes", int64(64)<<30), 422, "memory_bytes", "no host can give a VM 65536 MiB"},
		{"memory beyond that host", "POST", "/vms", map[string]any{"name": "new", "image": "tiny", "host": "h1", "cpus": 200}, 422, "cpus", "the largest gives 32"},
		{"memory that overflows", "POST", "/vms", `{"name":"new","image":"tiny","memory_bytes":99999999999999999999}`, 422, "memory_bytes", "fits 64 bits"},
		{"memory in exponents", "POST", "/vms", `{"name":"new","image":"tiny","memory_bytes":1e9}`, 422, "memory_bytes", "written out in digits"},
		{"fraction of a CPU", "POST", "/vms", good("cpus", 1.5), 422, "cpus", `"cpus" must be a whole number`},
		{"memory as text", "POST", "/vms", good("memory_bytes", "128MiB"), 422, "memory_bytes", "must be a whole number"},
		{"no disk", "POST", "/vms", good("disk_bytes", 0), 422, "disk_bytes", "between 16 MiB and 64 TiB"},
		{"negative disk", "POST", "/vms", good("disk_bytes", -512), 422, "disk_bytes", "between 16 MiB"},
		{"uneven disk", "POST", "/vms", good("disk_bytes", 1<<30+1), 422, "disk_bytes", "multiple of 512"},
		{"disk smaller than the image", "POST", "/vms", good("disk_bytes", 512<<20), 422, "disk_bytes", "describes a disk of 1073741824 bytes"},
		{"disk beyond the pools", "POST", "/vms", good("disk_bytes", int64(60)<<40), 409, "", "too little for a disk"},
		{"unknown field", "POST", "/vms", good("memory_mb", 1), 422, "memory_mb", "is not a known field"},
		{"malformed JSON", "POST", "/vms", `{"name": "new",`, 400, "", "not valid JSON"},
		{"trailing JSON", "POST", "/vms", `{"name":"new","image":"tiny"} {}`, 400, "", "not valid JSON"},
		{"a list", "POST", "/vms", `["new"]`, 422, "", "the body must be an object"},
		{"null", "POST", "/vms", `null`, 422, "", "the body must be an object"},
		{"no body", "POST", "/vms", nil, 400, "", "needs a body"},
		{"body over the limit", "POST", "/vms", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "", "larger than 1024 KiB"},
		{"unknown query", "POST", "/vms?dryrun=true", good("", nil), 422, "dryrun", "is not a known parameter"},
		{"unknown project", "POST", "/vms?project=nope", good("", nil), 404, "project", `there is no project "nope"`},
	})
}

func TestWrongContentType(t *testing.T) {
	s := newStage(t)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data"} {
		s.as(s.token).with("Content-Type", kind).call("POST", "/vms", `{"name":"new","image":"tiny"}`, 415).problem("Content-Type: application/json")
	}
	s.as(s.token).with("Content-Type", "application/json; charset=utf-8").call("POST", "/vms?dry_run=true", `{"name":"new","image":"tiny"}`, 200)
}

func TestBadInputForMigrations(t *testing.T) {
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	s.addVM("off", "h1", vm.Stopped)
	crowded := s.addVM("crowded", "h1", vm.Running)
	held := s.busy(crowded, operation.Pause)
	s.call("POST", "/hosts/h3/cordon", nil, 200)
	s.fill("h2")
	to := func(host string) map[string]any { return map[string]any{"to": host} }
	s.refuses(t, []refusal{
		{"no such VM", "POST", "/vms/nope/migrate", to("h2"), 404, "", "there is no VM nope"},
		{"the same host", "POST", "/vms/web/migrate", to("h1"), 422, "to", "is on host h1 already"},
		{"the same host by ID", "POST", "/vms/web/migrate", to(string(s.hosts["h1"].id)), 422, "to", "is on host h1 already"},
		{"no such host", "POST", "/vms/web/migrate", to("h9"), 422, "to", `there is no host "h9"`},
		{"a cordoned host", "POST", "/vms/web/migrate", to("h3"), 409, "to", "is cordoned"},
		{"a host that lacks room", "POST", "/vms/web/migrate", to("h2"), 409, "to", "of memory left"},
		{"nowhere to go", "POST", "/vms/web/migrate", nil, 409, "", "no host can take the VM"},
		{"a VM that is off", "POST", "/vms/off/migrate", to("h2"), 409, "", "--cold"},
		{"a running VM, cold", "POST", "/vms/web/migrate", map[string]any{"cold": true}, 409, "", "stop it first, or migrate it live"},
		{"a busy VM", "POST", "/vms/crowded/migrate", to("h2"), 409, "", string(held.ID)},
		{"negative bandwidth", "POST", "/vms/web/migrate", map[string]any{"limits": map[string]any{"bandwidth_bytes_per_second": -1}}, 422, "limits.bandwidth_bytes_per_second", "must be at least 0"},
		{"tiny bandwidth", "POST", "/vms/web/migrate", map[string]any{"limits": map[string]any{"bandwidth_bytes_per_second": 1}}, 422, "limits.bandwidth_bytes_per_second", "at least 1 MiB a second"},
		{"downtimes that contradict", "POST", "/vms/web/migrate", map[string]any{"limits": map[string]any{"max_downtime_ms": 10, "start_downtime_ms": 20}}, 422, "limits.start_downtime_ms", "cannot exceed"},
	})
}

// fill makes a host promise nearly all of its memory.
func (s *stage) fill(name string) {
	s.t.Helper()
	for i := range 14 {
		s.addVM(fmt.Sprintf("filler-%s-%d", name, i), name, vm.Running)
	}
}

func TestMigrationToAHostThatIsDown(t *testing.T) {
	later := time.Now().Add(time.Hour)
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	down := newServerAt(s, later)
	down.call("POST", "/vms/web/migrate", map[string]any{"to": "h2"}, 409).problem("host h2 does not answer")
	down.call("POST", "/vms", map[string]any{"name": "new", "image": "tiny", "host": "h2"}, 409).problem("host h2 does not answer")
	down.call("POST", "/hosts/h1/drain", nil, 409).problem("host h1 does not answer")
}

func TestBadInputForBusyAndSwitchedVMs(t *testing.T) {
	s := newStage(t)
	s.addVM("on", "h1", vm.Running)
	s.addVM("off", "h1", vm.Stopped)
	held := s.busy(s.addVM("busy", "h1", vm.Running), operation.Migrate)
	s.refuses(t, []refusal{
		{"start a running one", "POST", "/vms/on/start", nil, 409, "", "only a VM that is off can be started"},
		{"stop one that is off", "POST", "/vms/off/stop", nil, 409, "", "only a VM that is on can be stopped"},
		{"restart one that is off", "POST", "/vms/off/restart", nil, 409, "", "start it instead"},
		{"pause one that is off", "POST", "/vms/off/pause", nil, 409, "", "only a running VM can be paused"},
		{"resume one that runs", "POST", "/vms/on/resume", nil, 409, "", "only a paused VM can be resumed"},
		{"start with force", "POST", "/vms/off/start", map[string]any{"force": true}, 422, "", "for stop and restart"},
		{"no grace", "POST", "/vms/on/stop", map[string]any{"grace_seconds": 0}, 422, "grace_seconds", "between 1 and 3600"},
		{"endless grace", "POST", "/vms/on/stop", map[string]any{"grace_seconds": 100000}, 422, "grace_seconds", "between 1 and 3600"},
		{"stop a busy one", "POST", "/vms/busy/stop", nil, 409, "", string(held.ID)},
		{"delete a busy one", "DELETE", "/vms/busy", nil, 409, "", "(migrate) is working on it"},
		{"back up a busy one", "POST", "/vms/busy/backups", nil, 409, "", string(held.ID)},
		{"back up none", "POST", "/vms/nope/backups", nil, 404, "", "there is no VM nope"},
		{"back up oddly", "POST", "/vms/on/backups", map[string]any{"mode": "sideways"}, 422, "mode", "must be one of"},
		{"delete none", "DELETE", "/vms/nope", nil, 404, "", "there is no VM nope"},
		{"console of one that is off", "GET", "/vms/off/console", nil, 409, "", "start it first"},
		{"console without a socket", "GET", "/vms/on/console", nil, 426, "", "a console is a WebSocket"},
	})
}

func TestBadInputForRestores(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	s.addVM("taken", "h1", vm.Running)
	ready := s.addBackup(machine, backup.Ready)
	damaged := s.addBackup(machine, backup.Damaged)
	unfinished := s.addBackup(machine, backup.Creating)
	orphan := s.addBackup(vm.VM{ID: id.New[id.VM](), Name: "gone", Project: machine.Project, Spec: machine.Spec}, backup.Ready)
	restore := func(of backup.Backup) string { return "/backups/" + string(of.ID) + "/restore" }
	as := func(name string) map[string]any { return map[string]any{"name": name} }
	s.refuses(t, []refusal{
		{"damaged", "POST", restore(damaged), as("new"), 409, "", "is damaged and cannot be restored (chunk 7 is missing)"},
		{"unfinished", "POST", restore(unfinished), as("new"), 409, "", "still being taken"},
		{"unknown", "POST", "/backups/" + string(id.New[id.Backup]()) + "/restore", as("new"), 404, "", "backup"},
		{"no ID at all", "POST", "/backups/web/restore", as("new"), 404, "", "its ID looks like bkp_"},
		{"neither name nor in place", "POST", restore(ready), map[string]any{}, 422, "name", "say what to restore to"},
		{"both", "POST", restore(ready), map[string]any{"name": "new", "in_place": true}, 422, "name", "either"},
		{"name taken", "POST", restore(ready), as("taken"), 409, "name", "named taken already"},
		{"in place of none", "POST", restore(orphan), map[string]any{"in_place": true}, 409, "in_place", "is gone"},
		{"in place elsewhere", "POST", restore(ready), map[string]any{"in_place": true, "host": "h2"}, 422, "in_place", "keeps the VM's host"},
		{"unknown pool", "POST", restore(ready), map[string]any{"name": "new", "pool": "tape"}, 422, "pool", "there is no pool"},
		{"unknown host", "POST", restore(ready), map[string]any{"name": "new", "host": "h9"}, 422, "host", "there is no host"},
		{"verify unfinished", "POST", "/backups/" + string(unfinished.ID) + "/verify", nil, 409, "", "still being taken"},
	})
}

func TestBadInputForOperations(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	ended := s.busy(machine, operation.Migrate)
	s.must(s.store.EndOperation(t.Context(), ended.ID, store.Ending{State: operation.Succeeded}))
	stopping := s.busy(machine, operation.Stop)
	moving := s.busy(s.addVM("moving", "h1", vm.Running), operation.Migrate)
	s.must(s.store.MarkNoReturn(t.Context(), moving.ID))
	at := func(of operation.Operation, what string) string { return "/operations/" + string(of.ID) + what }
	s.refuses(t, []refusal{
		{"cancel what has ended", "POST", at(ended, "/cancel"), nil, 409, "", "has already succeeded; there is nothing to cancel"},
		{"cancel too late", "POST", at(moving, "/cancel"), nil, 409, "", "past its point of no return"},
		{"cancel none", "POST", "/operations/" + string(id.New[id.Operation]()) + "/cancel", nil, 404, "", "operation"},
		{"an ID of another kind", "GET", "/operations/" + string(machine.ID), nil, 404, "", "its ID looks like op_"},
		{"give up on what waits for nothing", "POST", at(moving, "/give-up"), nil, 409, "", "waits for nothing"},
		{"tune what has ended", "POST", at(ended, "/tune"), map[string]any{"post_copy": true}, 409, "", "has ended"},
		{"tune a stop", "POST", at(stopping, "/tune"), map[string]any{"post_copy": true}, 409, "", "only a migration can be steered"},
		{"tune nothing", "POST", at(moving, "/tune"), map[string]any{}, 422, "", "say what to change"},
		{"tune too slow", "POST", at(moving, "/tune"), map[string]any{"bandwidth_bytes_per_second": 5}, 422, "bandwidth_bytes_per_second", "at least 1 MiB"},
		{"tune too long", "POST", at(moving, "/tune"), map[string]any{"max_downtime_ms": 3000000}, 422, "max_downtime_ms", "2,000 s"},
		{"abort and more", "POST", at(moving, "/tune"), map[string]any{"abort": true, "post_copy": true}, 422, "abort", "send it alone"},
		{"abort too late", "POST", at(moving, "/tune"), map[string]any{"abort": true}, 409, "", "point of no return"},
		{"an odd state", "GET", "/operations?state=odd", nil, 422, "state", "must be one of"},
		{"too long a page", "GET", "/operations?limit=501", nil, 422, "limit", "must be at most 500"},
		{"no page at all", "GET", "/operations?limit=0", nil, 422, "limit", "must be at least 1"},
		{"a made-up cursor", "GET", "/operations?cursor=zzz", nil, 422, "cursor", "cursor"},
	})
}

func TestStaleIfMatch(t *testing.T) {
	s := newStage(t)
	s.addVM("other", "h1", vm.Running)
	machine := s.addVM("web", "h1", vm.Running)
	read := s.call("GET", "/vms/web", nil, 200)
	tag := read.header.Get("ETag")
	if tag != fmt.Sprintf("%q", fmt.Sprint(machine.Generation)) {
		t.Fatalf("unexpected ETag %s", tag)
	}
	change := map[string]any{"description": "the shop"}
	now := s.as(s.token).with("If-Match", tag).call("PATCH", "/vms/web", change, 200)
	s.as(s.token).with("If-Match", tag).call("PATCH", "/vms/web", change, 412).problem("has changed since you read it")
	s.as(s.token).with("If-Match", "soon").call("PATCH", "/vms/web", change, 422).problem("If-Match must be an ETag")
	s.as(s.token).with("If-Match", now.header.Get("ETag")).call("PATCH", "/vms/web", map[string]any{"name": "other"}, 409).problem("other")
	s.call("PATCH", "/vms/web", map[string]any{"name": "Shop"}, 422).problem("is not a usable name")
	s.call("PATCH", "/vms/web", map[string]any{}, 422).problem("there is nothing to change")
	s.call("PATCH", "/vms/web?dry_run=true", map[string]any{"name": "shop"}, 200)
	s.call("PATCH", "/vms/web", map[string]any{"name": "shop"}, 200)
	s.call("GET", "/vms/shop", nil, 200)
	host := s.call("GET", "/hosts/h1", nil, 200).header.Get("ETag")
	s.as(s.token).with("If-Match", host).call("POST", "/hosts/h1/cordon", nil, 200)
	s.as(s.token).with("If-Match", host).call("POST", "/hosts/h1/uncordon", nil, 412).problem("host h1 has changed")
	s.as(s.token).with("If-Match", "*").call("POST", "/hosts/h1/uncordon", nil, 200)
}

func TestAddressesThatAreNone(t *testing.T) {
	s := newStage(t)
	s.call("GET", "/nothing", nil, 404).problem("there is nothing at this address")
	s.call("GET", "/vms/", nil, 404).problem("there is nothing at this address")
	s.call("POST", "!/elsewhere", nil, 404).problem("there is nothing at this address")
	wrong := s.call("PUT", "/vms", nil, 405)
	wrong.problem("PUT is not possible here")
	if allow := wrong.header.Get("Allow"); !strings.Contains(allow, http.MethodPost) || !strings.Contains(allow, http.MethodGet) {
		t.Errorf("Allow: %q", allow)
	}
	s.as(s.token).with("Origin", "https://evil.example").with("Sec-Fetch-Site", "cross-site").call("POST", "/vms/web/stop", nil, 403).problem("a page of another site")
}
