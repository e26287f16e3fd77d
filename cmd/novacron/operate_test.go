package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/novacron/novacron/internal/operation"
)

// operating answers for an operation that is accepted at route and has ended when it is looked at.
func operating(t *testing.T, route, kind, state, more string) *api {
	return serve(t, map[string]string{
		route:                     "202 " + `{"id":"` + opID + `","kind":"` + kind + `","state":"accepted","subject":{"kind":"vm","id":"` + vmID + `","name":"web-1"},"created_at":"2026-11-22T09:59:00Z"}`,
		"GET /operations/" + opID: ended(kind, state, more), "GET /operations/" + opID + "/timeline": timelineJSON,
		"GET /vms/" + vmID: machineJSON, "GET /vms/web-1": machineJSON, "GET /backups/" + bkID: backupJSON, "GET /hosts/hst_1": hostJSON, "GET /hosts": `{"items":[` + hostJSON + `]}`,
	})
}

func TestOperations(t *testing.T) {
	for _, c := range []struct {
		words, route, kind, more string
		body, says               string
	}{
		{"vm create web-1 --image debian-12 --cpus 2 --memory 512MiB --disk 4G --host h1 --pool local --network n --description d", "POST /vms", "provision", "",
			`{"name":"web-1","description":"d","image":"debian-12","cpus":2,"memory_bytes":536870912,"disk_bytes":4294967296,"pool":"local","network":"n","host":"h1"}`,
			"VM web-1 is running on h1 at 10.90.0.5."},
		{"vm create web-1 --image debian-12", "POST /vms", "provision", "", `{"name":"web-1","image":"debian-12","cpus":1,"memory_bytes":134217728}`, "VM web-1 is running on h1"},
		{"vm create web-1 --template web:3 --memory 1GiB", "POST /vms", "provision", "", `{"name":"web-1","template":"web:3","memory_bytes":1073741824}`, "VM web-1 is running on h1"},
		{"template publish web --vm web-1 --generalise --promote --cpus 2 --notes n", "POST /templates/from-vm", "publish_template", `,"result":{"name":"web","number":3,"state":"current"}`,
			`{"name":"web","notes":"n","vm":"web-1","cpus":2,"generalised":"agent","promote":true}`, "Version web:3 is current, made of the disk of VM web-1, which is off."},
		{"template publish web --vm web-1 --image-name i", "POST /templates/from-vm", "publish_template", "", `{"name":"web","image":"i","vm":"web-1"}`, "The disk of VM web-1 is published."},
		{"vm start web-1", "POST /vms/web-1/start", "start", "", "{}", "VM web-1 runs."},
		{"vm stop web-1 --force", "POST /vms/web-1/stop", "stop", "", `{"force":true}`, "VM web-1 is off."},
		{"vm restart web-1 --grace 2m", "POST /vms/web-1/restart", "restart", "", `{"grace_seconds":120}`, "VM web-1 runs again."},
		{"vm pause web-1", "POST /vms/web-1/pause", "pause", "", "{}", "VM web-1 is paused."},
		{"vm resume web-1", "POST /vms/web-1/resume", "resume", "", "{}", "VM web-1 runs."},
		{"vm delete web-1", "DELETE /vms/web-1", "delete", "", "", "VM web-1 is gone."},
		{"vm migrate web-1 --to h1 --bandwidth 100 --max-downtime 300 --timeout 10m --post-copy --throttle", "POST /vms/web-1/migrate", "migrate",
			`,"result":{"rounds":3,"outcome":{"total_ms":4200,"downtime_ms":48,"iterations":3,"transferred_bytes":314572800,"post_copy":true}}`,
			`{"to":"h1","limits":{"bandwidth_bytes_per_second":104857600,"max_downtime_ms":300,"timeout_seconds":600,"allow_throttle":true,"allow_post_copy":true}}`,
			"Moved in 4.2 s and 3 rounds, 300 MiB sent; no host ran it for 48 ms. It was finished by post-copy."},
		{"vm migrate web-1 --cold", "POST /vms/web-1/migrate", "migrate", "", `{"cold":true}`, "VM web-1 is running on h1"},
		{"vm clone web-0 --as web-1 --host h1 --pool local --network n --description d", "POST /vms/web-0/clone", "clone_vm", "",
			`{"name":"web-1","description":"d","host":"h1","pool":"local","network":"n","start":true}`, "VM web-1 is running on h1"},
		{"vm clone web-0 --as web-1 --no-start", "POST /vms/web-0/clone", "clone_vm", "", `{"name":"web-1","start":false}`, "VM web-1 is running on h1"},
		{"host drain h1", "POST /hosts/h1/drain", "drain", "", "", "Host web-1 is empty and cordoned."},
		{"vm move-disk web-1 --to ceph --bandwidth 50", "POST /vms/web-1/disks/vda/move", "move_disk",
			`,"result":{"device":"vda","from_pool":"local","to_pool":"ceph","live":true}`, `{"pool":"ceph","bandwidth_bytes_per_second":52428800}`,
			"Disk vda of VM web-1 moved from pool local to ceph while it ran."},
		{"vm grow-disk web-1 --to 2GiB", "POST /vms/web-1/disks/vda/grow", "grow_disk", "", `{"size_bytes":2147483648}`,
			"Disk vda of VM web-1 has 2 GiB now. Its guest has to enlarge partition and file system."},
		{"vm limit-disk web-1 --iops 500 --bandwidth 50", "PUT /vms/web-1/disks/vda/limits", "limit_disk", "", `{"iops":500,"bytes_per_second":52428800}`,
			"Disk vda of VM web-1 is limited to 500 IOPS, 50 MiB/s."},
		{"vm limit-disk web-1 --device vdb --none", "PUT /vms/web-1/disks/vdb/limits", "limit_disk", "", `{}`, "Disk vdb of VM web-1 has no limits."},
		{"image import https://example.org/d.vmdk --name web-1 --sha256 ab", "POST /images/from-url", "import_image", "",
			`{"name":"web-1","url":"https://example.org/d.vmdk","sha256":"ab"}`, "Image web-1 is there."},
		{"volume create web-1 --size 2GiB --pool ceph", "POST /volumes", "create_volume", "", `{"name":"web-1","size_bytes":2147483648,"pool":"ceph"}`,
			"Volume web-1 is there."},
		{"volume attach data-1 --to web-1 --bus scsi", "POST /vms/web-1/disks", "attach_volume", "", `{"bus":"scsi","volume":"data-1"}`, "VM web-1 has volume data-1"},
		{"volume detach web-1/vdb --name data-2 --grace 5s", "POST /vms/web-1/disks/vdb/detach", "detach_volume", "", `{"name":"data-2","grace_seconds":5}`,
			"VM web-1 no longer has volume data-2."},
		{"volume grow web-1 --to 4GiB", "POST /volumes/web-1/grow", "grow_volume", "", `{"size_bytes":4294967296}`, "Volume web-1 has 4 GiB now."},
		{"volume move web-1 --to ceph", "POST /volumes/web-1/move", "move_volume", "", `{"pool":"ceph"}`, "Volume web-1 is in pool ceph now."},
		{"volume delete web-1 --purge", "POST /volumes/web-1/purge", "delete_volume", "", "", "Volume web-1 is gone."},
		{"snapshot take web-1 first --description why", "POST /vms/web-1/snapshots", "take_snapshot", `,"result":{"quiesced":true}`, `{"description":"why","name":"first"}`,
			"Snapshot first of VM web-1 is taken, with its file systems at rest."},
		{"snapshot take web-1 first", "POST /vms/web-1/snapshots", "take_snapshot", "", `{"name":"first"}`, "as after a power cut"},
		{"snapshot revert web-1 first --no-start", "POST /vms/web-1/snapshots/first/revert", "revert_snapshot", "", `{"start":false}`,
			"The disks of VM web-1 are what they were at snapshot first."},
		{"snapshot delete web-1 first", "DELETE /vms/web-1/snapshots/first", "delete_snapshot", "", "", "Snapshot first of VM web-1 is gone."},
		{"pool scan web-1", "POST /pools/web-1/scan", "scan_pool", `,"result":{"held":3,"strays":[],"missing":[]}`, "", "Pool web-1 holds 3 volumes, and all is as the inventory has it."},
		{"pool scan web-1", "POST /pools/web-1/scan", "scan_pool",
			`,"result":{"held":3,"strays":[{"volume_id":"vol_9","host_name":"h2","size_bytes":1048576,"allocated_bytes":4096}],"missing":[{"id":"vol_8","name":"data"}]}`, "",
			"Belongs to nobody: vol_9 on h2, a disk of 1 MiB that takes 4 KiB.\nMissing: data (vol_8), which should be there.\nTake one in with: novacron pool adopt web-1 VOLUME"},
		{"pool adopt web-1 vol_9 --name data --host h2", "POST /pools/web-1/strays/vol_9/adopt", "adopt_volume", "", `{"host":"h2","name":"data"}`, "Volume web-1 is in the inventory."},
		{"pool discard web-1 vol_9", "POST /pools/web-1/strays/vol_9/discard", "discard_volume", "", `{}`, "Volume vol_9 is gone."},
		{"pool remove web-1 --forget", "DELETE /pools/web-1?forget=true", "remove_pool", "", "", "Pool web-1 was removed."},
		{"backup create web-1 --full", "POST /vms/web-1/backups", "backup", `,"request":{"vm_id":"` + vmID + `","backup_id":"` + bkID + `"}`, `{"mode":"full"}`,
			"Backup " + bkID + " of VM web-1: incremental, 17 MiB read, 9 MiB stored, file systems frozen meanwhile."},
		{"backup create web-1", "POST /vms/web-1/backups", "backup", "", `{}`, "VM web-1 is backed up."},
		{"backup verify " + bkID, "POST /backups/" + bkID + "/verify", "verify_backup", "", "", "Backup of VM web-1 is complete and sound."},
		{"backup delete " + bkID, "DELETE /backups/" + bkID, "delete_backup", "", "", "The backup of VM web-1 is gone."},
		{"backup restore " + bkID + " --as web-1 --no-start", "POST /backups/" + bkID + "/restore", "restore", "", `{"name":"web-1","start":false}`, "VM web-1 is running on h1"},
		{"backup restore " + bkID + " --in-place", "POST /backups/" + bkID + "/restore", "restore", "", `{"in_place":true,"start":true}`, "VM web-1 is running on h1"},
	} {
		t.Run(c.words, func(t *testing.T) {
			server := operating(t, c.route, c.kind, "succeeded", c.more)
			got := call(t, server, strings.Fields(c.words)...)
			if got.status != exitDone || !strings.Contains(got.out, c.says) {
				t.Errorf("%+v", got)
			}
			if want := strings.TrimSpace(c.route + " " + c.body); got.asked[0] != want {
				t.Errorf("asked %s, want %s", got.asked[0], want)
			}
			if !strings.Contains(got.err, ": ✓ Check both hosts  0.2s") || strings.Contains(got.err, "\x1b") {
				t.Errorf("progress:\n%s", got.err)
			}
		})
	}
}

func TestProgressInLines(t *testing.T) {
	server := operating(t, "POST /vms/web-1/migrate", "migrate", "succeeded", "")
	golden(t, "migrate_lines", call(t, server, "vm", "migrate", "web-1").err)
}

func TestProgressThatMoves(t *testing.T) {
	server := operating(t, "POST /vms/web-1/migrate", "migrate", "succeeded", "")
	got := callWith(t, context.Background(), server, func(s *surroundings) { s.live = true }, "vm", "migrate", "web-1")
	frames := strings.Split(got.err, "\r\x1b[J")
	golden(t, "migrate_moving", frames[len(frames)-1])
}

func TestMovingDisplayShowsEverything(t *testing.T) {
	var text bytes.Buffer
	p := &program{surroundings: surroundings{err: &text, now: func() time.Time { return now }, screen: func() (int, int) { return 60, 50 }, live: true}}
	of := operation.Operation{Kind: "backup", Subject: operation.Subject{Name: "web-1"}, State: operation.Running, CreatedAt: now.Add(-90 * time.Second), ExpectedSeconds: 120}
	shown := p.display(of, nil)
	shown.Moved(operation.Timeline{State: operation.Running, Steps: []operation.Step{
		{Name: "read", Title: "Read the disks, which is a sentence too long for the terminal that it is shown on", State: operation.StepRunning, StartedAt: now.Add(-70 * time.Second), Progress: &operation.Progress{Done: 1 << 29, Total: 1 << 30, Unit: "bytes"}},
		{Name: "chunks", State: operation.StepRunning, Progress: &operation.Progress{Done: 5, Unit: "chunks"}},
		{Name: "next", State: operation.StepRetrying, Next: "attempt 2 follows", Error: "h1 is away", Calls: 1, Attempts: 2},
		{Name: "queued", State: operation.StepQueued},
		{Name: "undo", Undo: true, State: operation.StepPlanned},
	}})
	shown.Lost(io.EOF)
	shown.end(operation.Operation{})
	got := text.String()
	for _, want := range []string{"running, 1m30s of about 2m00s", "…\n", "████████████░░░░░░░░░░░░  50% 512 MiB of 1 GiB", "5 chunks", "↻ next  2 attempts  attempt 2 follows", "h1 is away", "waiting for a worker", "undo: undo", "! EOF"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestABlockFitsTheScreen(t *testing.T) {
	lines := []string{"head", "1", "2", "3", "4", "5"}
	if got := strings.Join(fit(lines, 4), "|"); got != "head|  … 3 lines before|4|5" {
		t.Error(got)
	}
	if got := fit(lines, 6); len(got) != 6 {
		t.Error(got)
	}
}

func TestLinesTellProgressAndStates(t *testing.T) {
	var text bytes.Buffer
	p := &program{surroundings: surroundings{err: &text, now: func() time.Time { return now }}}
	shown := p.display(operation.Operation{Kind: "backup", Subject: operation.Subject{Name: "web-1"}}, nil)
	step := operation.Step{Name: "read", State: operation.StepRunning, Progress: &operation.Progress{Done: 10, Total: 100, Unit: "chunks"}}
	for _, each := range []int64{10, 11, 50} {
		step.Progress = &operation.Progress{Done: each, Total: 100, Unit: "chunks"}
		shown.Moved(operation.Timeline{State: operation.Running, Steps: []operation.Step{step}})
	}
	for range 2 {
		shown.Seen(operation.Operation{Kind: "backup", Subject: operation.Subject{Name: "web-1"}, State: operation.Waiting, Question: "host h1 does not answer"})
	}
	shown.Moved(operation.Timeline{State: operation.Undoing, Steps: []operation.Step{{Name: "read", State: operation.StepFailed, Error: "broken"}, {Name: "read", Undo: true, State: operation.StepDone}}})
	shown.Lost(io.EOF)
	shown.Moved(operation.Timeline{State: operation.Failed, Steps: []operation.Step{{Name: "read", State: operation.StepFailed, Error: "broken"}, {Name: "read", Undo: true, State: operation.StepDone}}})
	golden(t, "backup_lines", text.String())
}

func TestOperationsThatDoNotSucceed(t *testing.T) {
	for _, c := range []struct{ state, more, says string }{
		{"failed", `,"error":{"kind":"denied","message":"the disk is full","step":"create_disk"},"leaks":[{"kind":"volume","id":"vol_9","host_id":"hst_1","detail":"h1 was lost"}]`, "left behind: volume vol_9 on h1: h1 was lost\nnovacron: provision of web-1 failed at step create_disk: the disk is full\n"},
		{"failed", ``, "failed; see: novacron operation show " + opID},
		{"cancelled", ``, "provision of web-1 was cancelled; what it had done was taken back"},
	} {
		server := operating(t, "POST /vms", "provision", c.state, c.more)
		if got := call(t, server, "vm", "create", "web-1", "--image", "i"); got.status != exitFailed || !strings.Contains(got.err, c.says) || got.out != "" {
			t.Errorf("%+v", got)
		}
		if got := call(t, server, "vm", "create", "web-1", "--image", "i", "-o", "json"); got.status != exitFailed || !json.Valid([]byte(got.out)) {
			t.Errorf("%+v", got)
		}
		if got := call(t, server, "operation", "watch", opID); got.status != exitFailed {
			t.Errorf("%+v", got)
		}
	}
}

func TestWaitingOrNot(t *testing.T) {
	server := operating(t, "DELETE /vms/web-1", "delete", "succeeded", "")
	for _, flag := range []string{"--no-wait", "--wait=false"} {
		got := call(t, server, "vm", "delete", "web-1", flag)
		if got.status != exitDone || got.out != opID+"\n" || !strings.Contains(got.err, "novacron operation watch "+opID) {
			t.Errorf("%+v", got)
		}
	}
	got := call(t, server, "vm", "delete", "web-1", "--no-wait", "-o", "json")
	var accepted operation.Operation
	if err := json.Unmarshal([]byte(got.out), &accepted); err != nil || accepted.ID != opID || accepted.State != operation.Accepted {
		t.Errorf("%+v", got)
	}
	got = call(t, server, "vm", "delete", "web-1", "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &accepted); err != nil || accepted.State != operation.Succeeded {
		t.Errorf("%+v", got)
	}
}

func TestBreakingOffDoesNotCancel(t *testing.T) {
	server := operating(t, "DELETE /vms/web-1", "delete", "running", "")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(300*time.Millisecond, cancel)
	got := callWith(t, ctx, server, nil, "vm", "delete", "web-1")
	if got.status != exitDetached || !strings.Contains(got.err, "goes on") || !strings.Contains(got.err, "novacron operation watch "+opID) {
		t.Errorf("%+v", got)
	}
	for _, each := range got.asked {
		if strings.Contains(each, "cancel") {
			t.Errorf("it asked %s", each)
		}
	}
}

func TestDryRunAndKey(t *testing.T) {
	var key string
	plan := `{"kind":"provision","host_id":"hst_1","notes":["h1 has the most room"],"steps":[{"name":"create_disk","title":"Create the disk","undo":"Delete the disk"},{"name":"commit","title":"Record it","no_return":true}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			key = r.Header.Get("Idempotency-Key")
			if r.URL.Query().Get("dry_run") != "true" {
				t.Error("it is not a dry run")
			}
			_, _ = io.WriteString(w, plan)
			return
		}
		_, _ = io.WriteString(w, hostJSON)
	}))
	defer server.Close()
	got := call(t, &api{Server: server}, "vm", "create", "web-1", "--image", "i", "--dry-run", "--idempotency-key", "mine")
	if got.status != exitDone || key != "mine" {
		t.Errorf("%+v %q", got, key)
	}
	golden(t, "plan", got.out)
	for _, words := range []string{"host cordon h1", "operation tune " + opID + " --abort", "schedule create web-1 --name x --every 1h", "host add"} {
		if got := call(t, &api{Server: server}, append(strings.Fields(words), "--dry-run", "-o", "json")...); got.status != exitDone || !strings.Contains(got.out, `"title": "Create the disk"`) {
			t.Errorf("%s: %+v", words, got)
		}
	}
}

func TestChangesThatAreDoneAtOnce(t *testing.T) {
	server := serve(t, map[string]string{
		"POST /hosts/h1/cordon": hostJSON, "POST /hosts/h1/uncordon": hostJSON, "DELETE /hosts/h1": "204 ", "DELETE /images/debian-12": "204 ",
		"GET /hosts": `{"items":[` + hostJSON + `]}`, "POST /pools": "201 " + poolJSON, "PATCH /pools/ceph": poolJSON, "GET /pools/ceph": poolJSON, "GET /pools/local": `{"name":"local"}`,
		"POST /hosts/enrolment-tokens": `201 {"token":"nce_once","expires_at":"2026-11-23T10:00:00Z"}`,
		"GET /vms/web-1":               machineJSON, "POST /schedules": "201 " + scheduleJSON, "DELETE /schedules/daily": "204 ",
		"POST /schedules/daily/pause": scheduleJSON, "POST /schedules/daily/unpause": scheduleJSON, "POST /schedules/daily/trigger": scheduleJSON,
		"POST /operations/" + opID + "/cancel": "202 " + ended("migrate", "running", ""), "POST /operations/" + opID + "/tune": ended("migrate", "running", ""),
		"POST /operations/" + opID + "/give-up": ended("migrate", "running", ""),
	})
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("c2VjcmV0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for words, says := range map[string]string{
		"host cordon h1": "Host h1 takes no new VMs.", "host uncordon h1": "Host h1 takes VMs again.", "host remove h1": "Host h1 is forgotten.",
		"pool add ceph --monitor 10.0.0.1:3300 --ceph-pool vms --user novacron --key-file " + keyFile: "Pool ceph is degraded (h2: Ceph refuses the user).",
		"pool add fast --directory /fast --shared --tier cold --overcommit 2 --host h1":               "Pool ceph is degraded",
		"pool set ceph --monitor 10.0.0.2:3300 --all-hosts":                                           "Pool ceph was changed",
		"host add": "NOVACRON_ENROL_TOKEN=nce_once", "image delete debian-12": "Image debian-12 is gone.",
		"schedule pause daily": "Schedule daily is paused.", "schedule unpause daily": "goes on", "schedule trigger daily": "takes a backup now", "schedule delete daily": "its backups stay",
		"operation cancel " + opID: "stops at its next step", "operation tune " + opID + " --max-downtime 1s --bandwidth 1GiB/s": "has taken the change",
		"operation give-up " + opID:                          "no longer waits",
		"schedule create web-1 --every 1d --keep-within 90m": `Schedule daily backs VM web-1 up at "0 2 * * *" UTC; next in 16h. It keeps the last 7 and those of 30d.`,
	} {
		t.Run(words, func(t *testing.T) {
			got := call(t, server, strings.Fields(words)...)
			if got.status != exitDone || !strings.Contains(got.out, says) {
				t.Errorf("%+v", got)
			}
		})
	}
	asked := strings.Join(call(t, server, "host", "list").asked, "\n")
	for _, want := range []string{
		`POST /schedules {"name":"web-1-backup","vm":"web-1","every_seconds":86400,"keep":{"within_hours":2}}`,
		`POST /pools {"name":"ceph","settings":{"rbd":{"monitors":["10.0.0.1:3300"],"pool":"vms","user":"novacron"}},"key":"c2VjcmV0"}`,
		`POST /pools {"name":"fast","settings":{"local":{"directory":"/fast","shared":true}},"tier":"cold","overcommit":2,"only_hosts":["h1"]}`,
		`PATCH /pools/ceph {"settings":{"rbd":{"monitors":["10.0.0.2:3300"],"pool":"vms","user":"novacron"}},"only_hosts":[]}`,
		`POST /operations/` + opID + `/tune {"bandwidth_bytes_per_second":1073741824,"max_downtime_ms":1000}`,
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("%s is missing in\n%s", want, asked)
		}
	}
}

func TestImageImport(t *testing.T) {
	server := serve(t, map[string]string{
		"POST /images": "201 " + imageJSON, "GET /image-uploads/277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9": `{"received_bytes":2}`,
	})
	file := filepath.Join(t.TempDir(), "disk.qcow2")
	if err := os.WriteFile(file, []byte("bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := callWith(t, context.Background(), server, func(s *surroundings) { s.live = true }, "image", "import", file, "--name", "debian-12", "--public")
	if got.status != exitDone || got.asked[1] != "POST /images?name=debian-12&offset=2&public=true&sha256=277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9 tes" || got.out != "Image debian-12 is there: qcow2, a disk of 2 GiB.\n" {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got.err, "sending debian-12") {
		t.Errorf("%q", got.err)
	}
}

func TestImageExport(t *testing.T) {
	server := serve(t, map[string]string{"GET /images/debian-12": imageJSON, "GET /images/img_1/content": "the bytes"})
	dir := t.TempDir()
	file := filepath.Join(dir, "disk.vmdk")
	export := func(words ...string) outcome {
		return call(t, server, append([]string{"image", "export", "debian-12", file}, words...)...)
	}
	got := export("--format", "vmdk")
	if content, _ := os.ReadFile(file); got.status != exitDone || string(content) != "the bytes" || got.asked[1] != "GET /images/img_1/content?format=vmdk" {
		t.Errorf("%+v, %q", got, content)
	}
	if got := export(); got.status != exitFailed || !strings.Contains(got.err, "--force") {
		t.Errorf("%+v", got)
	}
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	got = export("--force")
	if content, _ := os.ReadFile(file); got.status != exitDone || string(content) != "the bytes" {
		t.Errorf("%+v, %q", got, content)
	}
	refusing := serve(t, map[string]string{"GET /images/debian-12": imageJSON, "GET /images/img_1/content": `503 {"detail":"no qemu-img","status":503,"kind":"unavailable"}`})
	if got := call(t, refusing, "image", "export", "debian-12", filepath.Join(dir, "other"), "--format", "vdi"); got.status == exitDone || !strings.Contains(got.err, "no qemu-img") {
		t.Errorf("%+v", got)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestConsole(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/console") {
			socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"binary"}})
			if err != nil {
				return
			}
			_, said, _ := socket.Read(r.Context())
			_ = socket.Write(r.Context(), websocket.MessageBinary, append([]byte("echo "), said...))
			_ = socket.Close(websocket.StatusNormalClosure, "")
			return
		}
		if strings.HasSuffix(r.URL.Path, "/off") {
			_, _ = io.WriteString(w, `{"name":"off","state":"stopped"}`)
			return
		}
		_, _ = io.WriteString(w, machineJSON)
	}))
	defer server.Close()
	reached := &api{Server: server}
	if got := call(t, reached, "vm", "console", "web-1"); got.out != server.URL+"/vms/web-1/console\n" {
		t.Errorf("%+v", got)
	}
	if got := call(t, reached, "vm", "console", "web-1", "-o", "json"); !strings.Contains(got.out, `"url"`) {
		t.Errorf("%+v", got)
	}
	if got := call(t, reached, "vm", "console", "off"); got.status != exitFailed || !strings.Contains(got.err, "start it first") {
		t.Errorf("%+v", got)
	}
	if got := call(t, reached, "vm", "console", "web-1", "--vnc-listen", "nowhere"); got.status != exitUsage {
		t.Errorf("%+v", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	seen, told := io.Pipe()
	result := make(chan outcome)
	go func() {
		result <- callWith(t, ctx, reached, func(s *surroundings) { s.err = told }, "vm", "console", "web-1", "--vnc-listen", "127.0.0.1:0")
	}()
	line := make([]byte, 200)
	n, _ := seen.Read(line)
	_, rest, _ := strings.Cut(string(line[:n]), " is at ")
	address, _, _ := strings.Cut(rest, " ")
	viewer, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(viewer, "RFB")
	got, _ := io.ReadAll(viewer)
	if string(got) != "echo RFB" {
		t.Errorf("%q", got)
	}
	cancel()
	if ended := <-result; ended.status != exitDone {
		t.Errorf("%+v", ended)
	}
}

func TestCapacity(t *testing.T) {
	report := `{"at":"2026-11-22T09:59:00Z","horizon_days":90,"summary":"Pool shared: Runs out in 20 days.","cluster":{"kind":"cluster","name":"cluster","notes":["h3 has no recent readings and is left out."],"resources":[
		{"name":"cpu","unit":"cpus","total":12,"used":4,"used_fraction":0.333,"promised_fraction":1.5,"verdict":"holds","text":"Holds for at least 90 days.","trend":{"per_day":-0.2}},
		{"name":"memory","unit":"bytes","total":51539607552,"used":10737418240,"used_fraction":0.2,"promised_fraction":0.5,"verdict":"not_enough_history","text":"Not enough history: 3 points."}]},
		"hosts":[{"kind":"host","name":"h1","resources":[{"name":"cpu","unit":"cpus","total":4,"used":4,"used_fraction":1,"verdict":"full","text":"It is full."}]}],
		"pools":[{"kind":"pool","name":"shared","resources":[{"name":"storage","unit":"bytes","total":107374182400,"used":64424509440,"used_fraction":0.6,"verdict":"runs_out","text":"Runs out in 20 days.","trend":{"per_day":2147483648},"run_out":{"days":20.1,"earliest_days":18.4}}]},
		{"kind":"pool","name":"local","host_name":"h1","resources":[{"name":"storage","unit":"bytes","total":1,"used":0,"verdict":"may_run_out","text":"May.","run_out":{"earliest_days":3}}]}]}`
	server := operating(t, "POST /capacity/plans", "capacity", "succeeded", `,"result":`+report)
	server.answers["GET /capacity/plans/latest"] = `{"operation_id":"` + opID + `","ended_at":"2026-11-22T09:59:00Z","plan":` + report + `}`
	got := call(t, server, "capacity", "plan", "--days", "30")
	if got.status != exitDone || got.asked[0] != `POST /capacity/plans {"horizon_days":30}` {
		t.Errorf("%+v", got)
	}
	golden(t, "capacity", got.out)
	golden(t, "capacity", call(t, server, "capacity", "show").out)
	if got := call(t, server, "capacity", "show", "-o", "json"); !json.Valid([]byte(got.out)) {
		t.Errorf("%+v", got)
	}
}

func TestCompletion(t *testing.T) {
	server := serve(t, map[string]string{
		"GET /vms": `{"items":[` + machineJSON + `]}`, "GET /hosts": `{"items":[` + hostJSON + `]}`, "GET /images": `{"items":[` + imageJSON + `]}`,
		"GET /pools": `{"items":[{"name":"local","driver":"local"}]}`, "GET /networks": `{"items":[{"name":"default","range":"10.90.0.0/16"}]}`,
		"GET /schedules": `{"items":[` + scheduleJSON + `]}`, "GET /backups": `{"items":[` + backupJSON + `]}`, "GET /operations": `{"items":[` + ended("stop", "failed", "") + `]}`,
	})
	for words, want := range map[string]string{
		"vm show |": "web-1\trunning", "vm migrate web-1 --to |": "h1\tready", "vm create x --image |": "debian-12\t2 GiB", "vm create x --pool |": "local\tlocal",
		"vm create x --network |": "default\t10.90.0.0/16", "schedule pause |": "daily\tof web-1", "backup show |": bkID + "\tweb-1, 2h ago", "operation show |": opID + "\tstop web-1, failed",
		"vm list --output |": "json", "vm list --state |": "crashed",
	} {
		args := append([]string{"__complete"}, strings.Fields(strings.TrimSuffix(words, "|"))...)
		if got := call(t, server, append(args, "")...); !strings.Contains(got.out, want+"\n") || !strings.Contains(got.out, ":4\n") {
			t.Errorf("%s: %+v", words, got)
		}
	}
	if got := call(t, server, "__complete", "vm", "show", "web-1", ""); got.out != ":4\n" {
		t.Errorf("a second name: %+v", got)
	}
	if got := call(t, nil, "__complete", "vm", "show", ""); got.out != ":4\n" {
		t.Errorf("nobody logged in: %+v", got)
	}
}

func TestTemplateChanges(t *testing.T) {
	for _, c := range []struct{ words, route, answer, body, says string }{
		{"template publish web --image debian-12 --disk 4GiB --generalised --public", "POST /templates", "201 " + versionJSON,
			`{"name":"web","image":"debian-12","disk_bytes":4294967296,"generalised":"declared","public":true}`, "Version web:2 is current."},
		{"template promote web:2", "POST /templates/web/versions/2/promote", versionJSON, "", "Version web:2 is the current version."},
		{"template deprecate web:2", "POST /templates/web/versions/2/deprecate", versionJSON, "", "Version web:2 is deprecated."},
		{"template withdraw web:2", "POST /templates/web/versions/2/withdraw", versionJSON, "", "Version web:2 is withdrawn."},
		{"template delete web:2", "DELETE /templates/web/versions/2", "204 ", "", "Version web:2 is gone."},
		{"template delete web", "DELETE /templates/web", "204 ", "", "Template web is gone with its versions; their images stay."},
		{"template withdraw web:2 --dry-run", "POST /templates/web/versions/2/withdraw?dry_run=true", `{"kind":"x","steps":[{"name":"x","title":"Withdraw version web:2"}],"notes":["It is the current version."]}`, "",
			"Withdraw version web:2"},
	} {
		t.Run(c.words, func(t *testing.T) {
			got := call(t, serve(t, map[string]string{c.route: c.answer}), strings.Fields(c.words)...)
			if got.status != exitDone || !strings.Contains(got.out, c.says) {
				t.Errorf("%+v", got)
			}
			if want := strings.TrimSpace(c.route + " " + c.body); len(got.asked) == 0 || got.asked[0] != want {
				t.Errorf("asked %v, want %s", got.asked, want)
			}
		})
	}
	refused := serve(t, map[string]string{"DELETE /templates/web": `409 {"kind":"conflict","detail":"3 VMs were made from template web"}`})
	if got := call(t, refused, "template", "delete", "web"); got.status != exitFailed || !strings.Contains(got.err, "3 VMs") {
		t.Errorf("%+v", got)
	}
}
