package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

const (
	vmID = "vm_01JD3M8Q7X2C4W9V6T5R1N0KZP"
	opID = "op_01JD3M8Q7X2C4W9V6T5R1N0KZP"
	bkID = "bkp_01JD3M8Q7X2C4W9V6T5R1N0KZP"
)

// api answers requests by "METHOD path"; what it does not know is 404.
type api struct {
	*httptest.Server
	mutex   sync.Mutex
	answers map[string]string // a leading number is the status
	asked   []string
}

func serve(t *testing.T, answers map[string]string) *api {
	t.Helper()
	made := &api{answers: answers}
	made.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		made.mutex.Lock()
		defer made.mutex.Unlock()
		what := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")
		if !strings.HasSuffix(r.URL.Path, "/events") {
			made.asked = append(made.asked, strings.TrimSpace(what+" "+string(body)))
		}
		answer, known := made.answers[what]
		if !known {
			answer, known = made.answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1")]
		}
		if !known {
			answer = `404 {"kind":"not_found","detail":"there is no such thing"}`
		}
		status := http.StatusOK
		if len(answer) >= 4 && answer[0] >= '1' && answer[0] <= '9' && answer[3] == ' ' {
			status = int(answer[0]-'0')*100 + int(answer[1]-'0')*10 + int(answer[2]-'0')
			answer = answer[4:]
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(made.Close)
	return made
}

// outcome is what a run left.
type outcome struct {
	status   int
	out, err string
	asked    []string
}

// call runs the program against the API, or against nothing if it is nil.
func call(t *testing.T, server *api, args ...string) outcome {
	t.Helper()
	return callWith(t, context.Background(), server, nil, args...)
}

func callWith(t *testing.T, ctx context.Context, server *api, change func(*surroundings), args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	environment := map[string]string{}
	if server != nil {
		environment["NOVACRON_URL"], environment["NOVACRON_TOKEN"] = server.URL, "nct_test"
	}
	machine := surroundings{
		in: strings.NewReader(""), out: &out, err: &errs, env: func(name string) string { return environment[name] },
		home: t.TempDir(), directory: t.TempDir(), now: func() time.Time { return now }, screen: func() (int, int) { return 120, 50 },
		secret: func() (string, bool) { return "", false }, sendPause: time.Millisecond,
	}
	if change != nil {
		change(&machine)
	}
	status := run(ctx, machine, args)
	result := outcome{status: status, out: out.String(), err: errs.String()}
	if server != nil {
		server.mutex.Lock()
		result.asked = append(result.asked, server.asked...)
		server.mutex.Unlock()
	}
	return result
}

// golden compares with a file under testdata; UPDATE=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

const (
	snapshotJSON = `{"id":"snp_1","name":"before","description":"the upgrade","state":"ready","quiesced":true,"disks":[{"volume_id":"vol_1","device":"vda","size_bytes":1073741824}],"created_at":"2026-11-21T10:00:00Z"}`
	templateJSON = `{"id":"tpl_1","project_id":"prj_1","name":"web","description":"web servers","current":2,"versions":2,"vms":3,"created_at":"2026-11-21T10:00:00Z"}`
	versionJSON  = `{"id":"tpv_2","template_id":"tpl_1","template_name":"web","number":2,"state":"current","image_id":"img_1","image_name":"debian-12","image_virtual_bytes":3221225472,
		"defaults":{"cpus":2,"memory_bytes":1073741824},"notes":"tuned","generalised":"agent","forgotten":["machine_id","cloud_init"],"source_vm_name":"golden","vms":3,
		"published_by":"admin","published_at":"2026-11-21T10:00:00Z","changed_by":"eve","changed_at":"2026-11-22T09:00:00Z"}`
	volumeJSON = `{"id":"vol_1","name":"data-1","pool":"ceph","size_bytes":2147483648,"format":"raw","state":"trashed","purge_at":"2026-12-01T10:00:00Z","created_at":"2026-11-21T10:00:00Z"}`
	poolJSON   = `{"id":"pol_01JD3M8Q7X2C4W9V6T5R1N0KZP","name":"ceph","driver":"rbd","settings":{"rbd":{"monitors":["10.0.0.1:3300"],"pool":"vms","user":"novacron"}},
		"sealed":true,"shared":true,"tier":"hot","overcommit":3,"state":"ready","health":"degraded","capacity_bytes":1073741824,"used_bytes":268435456,
		"promised_bytes":536870912,"volumes":2,"hosts":[{"host_name":"h1","available":true,"capacity_bytes":1073741824,"used_bytes":268435456},
		{"host_name":"h2","detail":"Ceph refuses the user"}],"created_at":"2026-11-21T10:00:00Z"}`
	machineJSON = `{"id":"` + vmID + `","project_id":"prj_1","name":"web-1","state":"running","host_id":"hst_1","host_name":"h1","image_id":"img_1",
		"spec":{"cpus":2,"memory_bytes":536870912},"interfaces":[{"network_id":"net_1","mac":"52:54:00:12:34:56","ip":"10.90.0.5"}],"volume_ids":["vol_1"],
		"template":{"template_id":"tpl_1","version_id":"tpv_2","label":"web:2"},"generation":3,"created_at":"2026-11-22T07:00:00Z","updated_at":"2026-11-22T09:58:00Z"}`
	busyJSON = `{"id":"vm_2","name":"db","state":"running","host_name":"h2","spec":{"cpus":1,"memory_bytes":134217728},"operation_id":"` + opID + `","operation_kind":"migrate",
		"interfaces":[],"volume_ids":[],"created_at":"2026-11-12T10:00:00Z"}`
	hostJSON = `{"id":"hst_1","name":"h1","state":"ready","cordoned":false,"facts":{"cpus":4,"memory_bytes":17179869184,"architecture":"x86_64","cpu_model":"EPYC",
		"libvirt_version":"9.0.0","hypervisor_version":"7.2.22","worker_version":"1","migration_address":"10.77.0.11","acceleration":"kvm",
		"pools":[{"name":"local","driver":"local","capacity_bytes":107374182400,"used_bytes":1073741824,"available":true},
		{"name":"shared","driver":"local","shared":true,"capacity_bytes":107374182400,"used_bytes":0,"available":false,"detail":"not mounted"}]},
		"promised":{"cpus":3,"memory_bytes":671088640},"vms":2,"use":{"cpu_fraction":0.254,"memory_used_bytes":1610612736},"last_seen_at":"2026-11-22T09:59:50Z","created_at":"2026-11-01T10:00:00Z"}`
	backupJSON = `{"id":"` + bkID + `","vm_id":"` + vmID + `","vm_name":"web-1","mode":"incremental","base_id":"bkp_0","state":"ready","frozen":true,
		"disks":[{"device":"vda","size_bytes":1073741824}],"read_bytes":17825792,"stored_bytes":9437184,"created_at":"2026-11-22T08:00:00Z","verified_at":"2026-11-22T09:00:00Z"}`
	scheduleJSON = `{"id":"sch_1","vm_id":"` + vmID + `","vm_name":"web-1","name":"daily","cron":"0 2 * * *","keep":{"last":7,"within_hours":720},"next_run_at":"2026-11-23T02:00:00Z",
		"last_run_at":"2026-11-22T02:00:00Z","last_result":"succeeded","skipped":1,"created_at":"2026-11-01T10:00:00Z"}`
	imageJSON = `{"id":"img_1","name":"debian-12","format":"qcow2","source_format":"vmdk","sha256":"abc","size_bytes":314572800,"virtual_bytes":2147483648,"vms":1,"created_at":"2026-11-21T10:00:00Z"}`
)

// ended is an operation as JSON, in a state.
func ended(kind, state, more string) string {
	return `{"id":"` + opID + `","kind":"` + kind + `","state":"` + state + `","subject":{"kind":"vm","id":"` + vmID + `","name":"web-1"},"actor":"admin",
		"created_at":"2026-11-22T09:59:00Z","started_at":"2026-11-22T09:59:00Z","ended_at":"2026-11-22T09:59:12Z"` + more + `}`
}

const timelineJSON = `{"operation_id":"` + opID + `","state":"succeeded","steps":[
	{"name":"place","title":"Check both hosts","state":"done","calls":1,"attempts":1,"scheduled_at":"2026-11-22T09:59:00Z","started_at":"2026-11-22T09:59:00Z","ended_at":"2026-11-22T09:59:00.2Z"},
	{"name":"rounds","title":"Send memory, round by round","state":"done","queue":"host.hst_1","calls":9,"attempts":10,"started_at":"2026-11-22T09:59:01Z","ended_at":"2026-11-22T09:59:11Z"},
	{"name":"commit","title":"Record the new host","queue":"host.hst_unknown","state":"failed","error":"the database was away","calls":1,"attempts":1},
	{"name":"prepare_disks","title":"Delete the disks on the target","undo":true,"state":"skipped","calls":0,"attempts":0}],
	"migration":{"rounds":[
		{"iteration":1,"total_bytes":268435456,"remaining_bytes":67108864,"dirty_rate_bytes_per_second":20971520,"bandwidth_bytes_per_second":104857600,"expected_downtime_ms":640},
		{"iteration":2,"total_bytes":268435456,"remaining_bytes":4194304,"dirty_rate_bytes_per_second":20971520,"bandwidth_bytes_per_second":104857600,"throttle_percent":20,"expected_downtime_ms":40,"disk_total_bytes":1073741824,"disk_remaining_bytes":536870912,"post_copy":true}],
		"decisions":[{"action":"raise_downtime","downtime_ms":63,"reason":"The rounds stopped shrinking.","by":"rules"},{"action":"post_copy","reason":"An operator switched to post-copy.","by":"admin"}]}}`

func TestHelpIsComplete(t *testing.T) {
	for _, words := range [][]string{{}, {"vm"}, {"host"}, {"backup"}, {"operation"}, {"completion", "bash"}, {"--version"}} {
		if got := call(t, nil, words...); got.status != exitDone || got.out == "" {
			t.Errorf("%v: %+v", words, got)
		}
	}
	got := call(t, nil, "--help").out
	for _, word := range []string{"login", "whoami", "host", "image", "vm", "backup", "schedule", "capacity", "operation", "completion"} {
		if !strings.Contains(got, "\n  "+word) {
			t.Errorf("the help does not name %s", word)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	server := serve(t, nil)
	for _, c := range []struct {
		words string
		says  string
	}{
		{"vn list", `there is no command "vn"; did you mean "vm"?`},
		{"vm frobnicate", `there is no command "frobnicate"`},
		{"vm list extra", `"extra" is one argument too many`},
		{"vm show", "the VM's name is missing"},
		{"vm list --nope", "unknown flag: --nope"},
		{"vm list -o xml", "-o is table or json"},
		{"vm create web", "--image or --template is missing"},
		{"vm create web --image i --template t", "exclude each other"},
		{"template publish web", "either --image or --vm"},
		{"template publish web --image i --vm v", "either --image or --vm"},
		{"template publish web --image i --generalise", "go with --vm"},
		{"template publish web --vm v --generalise --generalised", "exclude each other"},
		{"template promote web", "Write web:1"},
		{"template promote web:x", "names no version"},
		{"template show web:0", "names no version"},
		{"template delete web:", "names no version"},
		{"vm create web --image i --memory 1QB", "is not a size"},
		{"vm create web --image i --memory 0", "--memory is more than nothing"},
		{"vm create web --image i --disk 0", "--disk is more than nothing"},
		{"vm create web --image i --cpus 0", "--cpus is at least 1"},
		{"vm create web --image i --cpus two", "invalid argument"},
		{"vm clone web", "--as is missing"},
		{"vm migrate web --cold --bandwidth 5", "a cold migration sends no memory"},
		{"vm migrate web --bandwidth fast", "is not a bandwidth"},
		{"vm migrate web --max-downtime never", "is not a pause"},
		{"vm stop web --grace 1", "is not a length of time"},
		{"backup restore b", "say what to restore to"},
		{"backup restore b --as x --in-place", "say what to restore to"},
		{"schedule create web", "say when"},
		{"schedule create web --cron x --every 1h", "say when"},
		{"schedule create web --every 1h --keep-within 5m", "at least an hour"},
		{"image import /nonexistent --name x", "cannot be read"},
		{"image import / --name x", "is not a file"},
		{"image import x", "--name is missing"},
		{"operation tune op", "say what to change"},
		{"operation list --limit 0", "between 1 and 500"},
		{"capacity plan --days 0", "between 1 and 730"},
		{"login --password-file /nonexistent", "password file cannot be read"},
		{"login not-a-url", "is not the URL of a server"},
		{"--context /nonexistent vm list", "there is no context file"},
	} {
		t.Run(c.words, func(t *testing.T) {
			got := call(t, server, strings.Fields(c.words)...)
			if got.status != exitUsage || !strings.Contains(got.err, c.says) || got.out != "" || len(got.asked) > 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestStatusesOfRefusals(t *testing.T) {
	for answer, want := range map[string]int{
		`401 {"detail":"the token is not good","kind":"denied"}`:                               exitUnreachable,
		`403 {"detail":"administrators only","kind":"denied"}`:                                 exitUnreachable,
		`404 {"detail":"there is no VM","kind":"not_found"}`:                                   exitFailed,
		`409 {"detail":"VM web-1 is busy","kind":"conflict"}`:                                  exitFailed,
		`422 {"detail":"the name is not usable","kind":"invalid"}`:                             exitUsage,
		`500 {"detail":"something went wrong on our side","kind":"internal","request_id":"r"}`: exitFailed,
	} {
		server := serve(t, map[string]string{"GET /vms/web-1": answer})
		got := call(t, server, "vm", "show", "web-1")
		if got.status != want || !strings.HasPrefix(got.err, "novacron: ") || got.out != "" {
			t.Errorf("%s: %+v", answer, got)
		}
	}
	away := serve(t, nil)
	away.Close()
	if got := call(t, away, "vm", "create", "web-1", "--image", "i", "--dry-run"); got.status != exitUnreachable || !strings.Contains(got.err, "does not answer") {
		t.Errorf("%+v", got)
	}
	if got := call(t, nil, "vm", "list"); got.status != exitUnreachable || !strings.Contains(got.err, "novacron login") {
		t.Errorf("%+v", got)
	}
}

func TestReadingCommands(t *testing.T) {
	server := serve(t, map[string]string{
		"GET /vms": `{"items":[` + machineJSON + `,` + busyJSON + `]}`, "GET /vms/web-1": machineJSON, "GET /hosts": `{"items":[` + hostJSON + `]}`, "GET /hosts/h1": hostJSON,
		"GET /images": `{"items":[` + imageJSON + `]}`, "GET /images/debian-12": imageJSON, "GET /backups": `{"items":[` + backupJSON + `]}`, "GET /backups/" + bkID: backupJSON,
		"GET /schedules": `{"items":[` + scheduleJSON + `]}`, "GET /schedules/daily": scheduleJSON,
		"GET /operations":                       `{"items":[` + ended("migrate", "succeeded", "") + `]}`,
		"GET /operations/" + opID:               ended("migrate", "failed", `,"error":{"kind":"conflict","message":"the database was away"},"leaks":[{"kind":"volume","id":"vol_9","detail":"h2 was lost"}]`),
		"GET /operations/" + opID + "/timeline": timelineJSON,
		"GET /pools":                            `{"items":[` + poolJSON + `,{"name":"odd","driver":"local","shared":true,"tier":"cold","state":"removing"}]}`, "GET /pools/ceph": poolJSON,
		"GET /vms/web-1/disks":            `{"items":[{"id":"vol_1","device":"vda","pool":"ceph","size_bytes":1073741824,"format":"raw","state":"ready","limits":{"iops":500}}]}`,
		"GET /volumes":                    `{"items":[` + volumeJSON + `,{"id":"vol_2","vm_name":"web-1","device":"vda","host_name":"h1","pool":"local","size_bytes":1073741824,"format":"qcow2","state":"ready"}]}`,
		"GET /vms/web-1/snapshots":        `{"items":[` + snapshotJSON + `,{"id":"snp_2","parent_id":"snp_1","name":"after","state":"ready","current":true,"disks":[{"device":"vda"}],"created_at":"2026-11-22T09:00:00Z"}]}`,
		"GET /vms/web-1/snapshots/before": snapshotJSON,
		"GET /volumes/data-1":             volumeJSON,
		"GET /templates":                  `{"items":[` + templateJSON + `,{"id":"tpl_2","name":"odd","versions":1,"created_at":"2026-11-21T10:00:00Z"}]}`,
		"GET /templates/web/versions":     `{"items":[` + versionJSON + `,{"template_name":"web","number":1,"state":"withdrawn","generalised":"no","published_by":"admin","published_at":"2026-11-20T10:00:00Z"}]}`,
		"GET /templates/web/versions/2":   versionJSON,
		"GET /object-stores": `{"items":[{"holds":"images","driver":"swift","place":"container images of Swift at swift.example.org, as novacron","available":false,
			"detail":"Swift refuses user \"novacron\""},{"holds":"backups","driver":"dir","place":"a directory that each host has mounted (-repository)","available":true}]}`,
		"GET /networks": `{"items":[{"name":"default","range":"10.90.0.0/16","vni":100,"mtu":1450,"created_at":"2026-11-21T10:00:00Z"}]}`,
		"GET /whoami":   `{"user_name":"admin","admin":true,"project":{"name":"default"},"version":"1.0"}`,
	})
	for name, words := range map[string]string{
		"vm_list": "vm list", "vm_disks": "vm disks web-1", "vm_show": "vm show web-1", "host_list": "host list", "host_show": "host show h1", "image_list": "image list", "image_show": "image show debian-12",
		"backup_list": "backup list", "backup_show": "backup show " + bkID, "schedule_list": "schedule list", "schedule_show": "schedule show daily",
		"operation_list": "operation list", "operation_show": "operation show " + opID, "pool_list": "pool list", "pool_show": "pool show ceph", "network_list": "network list", "object_store_list": "object-store list",
		"volume_list": "volume list", "snapshot_list": "snapshot list web-1", "snapshot_show": "snapshot show web-1 before", "volume_show": "volume show data-1",
		"template_list": "template list", "template_show": "template show web", "template_version": "template show web:2",
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, server, strings.Fields(words)...)
			if got.status != exitDone || got.err != "" {
				t.Fatalf("%+v", got)
			}
			golden(t, name, got.out)
			got = call(t, server, append(strings.Fields(words), "-o", "json")...)
			if got.status != exitDone || !json.Valid([]byte(got.out)) {
				t.Errorf("%+v", got)
			}
		})
	}
	got := call(t, server, "whoami")
	if got.out != "User:            admin\nRole:            administrator\nProject:         default\nServer:          "+server.URL+"\nServer version:  1.0\n" {
		t.Errorf("%s", got.out)
	}
}

func TestEmptyLists(t *testing.T) {
	empty := `{"items":[]}`
	server := serve(t, map[string]string{"GET /vms": empty, "GET /hosts": empty, "GET /images": empty, "GET /backups": empty, "GET /schedules": empty, "GET /operations": empty, "GET /pools": empty, "GET /volumes": empty, "GET /networks": empty, "GET /templates": empty, "GET /object-stores": empty})
	for _, noun := range []string{"vm", "host", "image", "backup", "schedule", "operation", "pool", "volume", "network", "template", "object-store"} {
		if got := call(t, server, noun, "list"); got.status != exitDone || got.out != "" || got.err == "" {
			t.Errorf("%s: %+v", noun, got)
		}
		if got := call(t, server, noun, "list", "-o", "json"); got.out != "[]\n" || got.err != "" {
			t.Errorf("%s: %+v", noun, got)
		}
	}
}
