package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// seen is a request as the server got it.
type seen struct {
	method, uri, body string
	header            http.Header
}

// server answers every request by a function and keeps what it was asked.
type server struct {
	*httptest.Server
	mutex sync.Mutex
	seen  []seen
}

func serve(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, count int)) (*server, *Client) {
	t.Helper()
	made := &server{}
	made.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		made.mutex.Lock()
		made.seen = append(made.seen, seen{r.Method, r.URL.RequestURI(), string(body), r.Header.Clone()})
		count := len(made.seen)
		made.mutex.Unlock()
		answer(w, r, count)
	}))
	t.Cleanup(made.Close)
	return made, connect(t, made.URL)
}

func connect(t *testing.T, url string) *Client {
	t.Helper()
	made, err := New(Config{URL: url, Token: "nct_secret", Project: "blue", Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	made.backoff = func(int) time.Duration { return time.Millisecond }
	return made
}

func (s *server) last() seen {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.seen[len(s.seen)-1]
}

func (s *server) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.seen)
}

func say(status int, body string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestBadURLs(t *testing.T) {
	for _, bad := range []string{"", "host:8080", "ftp://x", "http://", "::"} {
		if _, err := New(Config{URL: bad}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"http://h:1/", "http://h:1/api/v1", "http://h:1/api/v1/"} {
		if made, err := New(Config{URL: good}); err != nil || made.URL() != "http://h:1" {
			t.Errorf("%q: %v %v", good, made, err)
		}
	}
}

// TestRequests holds every call to its method, path and body.
func TestRequests(t *testing.T) {
	ctx := context.Background()
	started := func(_ Started, err error) error { return err }
	for _, c := range []struct {
		want   string
		answer string
		call   func(c *Client) error
	}{
		{"GET /api/v1/vms?host=h1&limit=5&q=web&state=running ", `{"items":[],"next_cursor":"x"}`, func(c *Client) error {
			_, next, err := c.VMs(ctx, VMQuery{Page: Page{Limit: 5}, State: vm.Running, Host: "h1", Text: "web"})
			if next != "x" {
				return fmt.Errorf("next %q", next)
			}
			return err
		}},
		{"GET /api/v1/vms/a%2Fb ", `{}`, func(c *Client) error { _, err := c.VM(ctx, "a/b"); return err }},
		{`POST /api/v1/vms {"name":"web","image":"debian","cpus":2}`, `{}`, func(c *Client) error {
			return started(c.CreateVM(ctx, NewVM{Name: "web", Image: "debian", CPUs: 2}, Change{}))
		}},
		{`POST /api/v1/vms {"name":"web","image":"debian","cloud_init":{"user_data":"#!/bin/sh"}}`, `{}`, func(c *Client) error {
			return started(c.CreateVM(ctx, NewVM{Name: "web", Image: "debian", CloudInit: &cloudinit.CloudInit{UserData: "#!/bin/sh"}}, Change{}))
		}},
		{"GET /api/v1/vms/web/cloud-init ", `{}`, func(c *Client) error { _, err := c.CloudInit(ctx, "web"); return err }},
		{`POST /api/v1/vms/web/stop {"force":true}`, `{}`, func(c *Client) error { return started(c.SwitchVM(ctx, "web", vm.Stop, Power{Force: true}, Change{})) }},
		{`POST /api/v1/vms/web/migrate {"to":"h2","limits":{"max_downtime_ms":9}}`, `{}`, func(c *Client) error {
			return started(c.MigrateVM(ctx, "web", Migration{To: "h2", Limits: precopy.Limits{MaxDowntimeMS: 9}}, Change{}))
		}},
		{`POST /api/v1/vms/web/clone {"name":"web-2","start":true}`, `{}`, func(c *Client) error {
			return started(c.CloneVM(ctx, "web", Clone{Name: "web-2", Start: true}, Change{}))
		}},
		{"DELETE /api/v1/vms/web ", `{}`, func(c *Client) error { return started(c.DeleteVM(ctx, "web", Change{})) }},
		{"GET /api/v1/hosts ", `{"items":[]}`, func(c *Client) error { _, err := c.Hosts(ctx); return err }},
		{"POST /api/v1/hosts/h1/cordon ", `{}`, func(c *Client) error { _, err := c.CordonHost(ctx, "h1", true, Change{}); return err }},
		{"POST /api/v1/hosts/h1/uncordon ", `{}`, func(c *Client) error { _, err := c.CordonHost(ctx, "h1", false, Change{}); return err }},
		{"POST /api/v1/hosts/h1/drain ", `{}`, func(c *Client) error { return started(c.DrainHost(ctx, "h1", Change{})) }},
		{"DELETE /api/v1/hosts/h1 ", ``, func(c *Client) error { _, err := c.RemoveHost(ctx, "h1", Change{}); return err }},
		{"POST /api/v1/hosts/enrolment-tokens ", `{"token":"nce_1"}`, func(c *Client) error { _, err := c.EnrolmentToken(ctx, Change{}); return err }},
		{"GET /api/v1/pools ", `{"items":[]}`, func(c *Client) error { _, err := c.Pools(ctx); return err }},
		{"GET /api/v1/vms/web/disks ", `{"items":[]}`, func(c *Client) error { _, err := c.Disks(ctx, "web"); return err }},
		{`POST /api/v1/vms/web/disks/vda/move {"pool":"fast"}`, `{}`, func(c *Client) error {
			return started(c.MoveDisk(ctx, "web", "vda", DiskMove{Pool: "fast"}, Change{}))
		}},
		{`PUT /api/v1/vms/web/disks/vda/limits {"iops":100}`, `{}`, func(c *Client) error {
			return started(c.LimitDisk(ctx, "web", "vda", volume.Limits{IOPS: 100}, Change{}))
		}},
		{`POST /api/v1/vms/web/disks/vda/grow {"size_bytes":512}`, `{}`, func(c *Client) error {
			return started(c.GrowDisk(ctx, "web", "vda", 512, Change{}))
		}},
		{"GET /api/v1/volumes?limit=5&pool=ceph&q=da&state=trashed ", `{"items":[]}`, func(c *Client) error {
			_, _, err := c.Volumes(ctx, VolumeQuery{Page: Page{Limit: 5}, Pool: "ceph", State: volume.Trashed, Text: "da"})
			return err
		}},
		{"GET /api/v1/volumes/data ", `{}`, func(c *Client) error { _, err := c.Volume(ctx, "data"); return err }},
		{`POST /api/v1/volumes {"name":"data","size_bytes":512,"host":"h1"}`, `{}`, func(c *Client) error {
			return started(c.CreateVolume(ctx, NewVolume{Name: "data", SizeBytes: 512, Host: "h1"}, Change{}))
		}},
		{"DELETE /api/v1/volumes/data ", `{}`, func(c *Client) error { _, err := c.TrashVolume(ctx, "data", Change{}); return err }},
		{"POST /api/v1/volumes/data/restore ", `{}`, func(c *Client) error { _, err := c.RestoreVolume(ctx, "data", Change{}); return err }},
		{"POST /api/v1/volumes/data/purge ", `{}`, func(c *Client) error { return started(c.PurgeVolume(ctx, "data", Change{})) }},
		{`POST /api/v1/volumes/data/grow {"size_bytes":512}`, `{}`, func(c *Client) error { return started(c.GrowVolume(ctx, "data", 512, Change{})) }},
		{`POST /api/v1/volumes/data/move {"pool":"ceph"}`, `{}`, func(c *Client) error { return started(c.MoveVolume(ctx, "data", "ceph", Change{})) }},
		{`POST /api/v1/vms/web/disks {"volume":"data"}`, `{}`, func(c *Client) error {
			return started(c.AttachVolume(ctx, "web", "data", "", Change{}))
		}},
		{`POST /api/v1/vms/web/disks/vdb/detach {"name":"data"}`, `{}`, func(c *Client) error {
			return started(c.DetachDisk(ctx, "web", "vdb", Detaching{Name: "data"}, Change{}))
		}},
		{"GET /api/v1/vms/web/snapshots ", `{"items":[]}`, func(c *Client) error { _, err := c.Snapshots(ctx, "web"); return err }},
		{"GET /api/v1/vms/web/snapshots/a%2Fb ", `{}`, func(c *Client) error { _, err := c.Snapshot(ctx, "web", "a/b"); return err }},
		{`POST /api/v1/vms/web/snapshots {"name":"first"}`, `{}`, func(c *Client) error {
			return started(c.TakeSnapshot(ctx, "web", "first", "", Change{}))
		}},
		{`POST /api/v1/vms/web/snapshots/first/revert {}`, `{}`, func(c *Client) error {
			return started(c.RevertSnapshot(ctx, "web", "first", nil, Change{}))
		}},
		{"DELETE /api/v1/vms/web/snapshots/first ", `{}`, func(c *Client) error { return started(c.DeleteSnapshot(ctx, "web", "first", Change{})) }},
		{"POST /api/v1/pools/fast/scan ", `{}`, func(c *Client) error { return started(c.ScanPool(ctx, "fast", Change{})) }},
		{`POST /api/v1/pools/fast/strays/vol_1/adopt {"host":"h1","name":"data"}`, `{}`, func(c *Client) error {
			return started(c.AdoptVolume(ctx, "fast", "vol_1", "h1", "data", Change{}))
		}},
		{`POST /api/v1/pools/fast/strays/vol_1/discard {"host":"h1"}`, `{}`, func(c *Client) error {
			return started(c.DiscardVolume(ctx, "fast", "vol_1", "h1", Change{}))
		}},
		{"GET /api/v1/pools/a%2Fb ", `{}`, func(c *Client) error { _, err := c.Pool(ctx, "a/b"); return err }},
		{`POST /api/v1/pools {"name":"fast","settings":{"local":{"directory":"/fast"}},"tier":"hot"}`, `{}`, func(c *Client) error {
			_, err := c.AddPool(ctx, NewPool{Name: "fast", Tier: "hot", Settings: pool.Settings{Local: &pool.LocalSettings{Directory: "/fast"}}}, Change{})
			return err
		}},
		{`PATCH /api/v1/pools/fast {"tier":"cold","only_hosts":[]}`, `{}`, func(c *Client) error {
			_, err := c.SetPool(ctx, "fast", PoolChange{Tier: "cold", Only: &[]string{}}, Change{})
			return err
		}},
		{"DELETE /api/v1/pools/fast?forget=true ", `{}`, func(c *Client) error { return started(c.RemovePool(ctx, "fast", true, Change{})) }},
		{"GET /api/v1/object-stores ", `{"items":[]}`, func(c *Client) error { _, err := c.ObjectStores(ctx); return err }},
		{"GET /api/v1/networks ", `{"items":[]}`, func(c *Client) error { _, err := c.Networks(ctx); return err }},
		{"GET /api/v1/images ", `{"items":[]}`, func(c *Client) error { _, err := c.Images(ctx); return err }},
		{"GET /api/v1/images/debian ", `{}`, func(c *Client) error { _, err := c.Image(ctx, "debian"); return err }},
		{"DELETE /api/v1/images/debian ", ``, func(c *Client) error { _, err := c.DeleteImage(ctx, "debian", Change{}); return err }},
		{`POST /api/v1/images?name=debian&public=true bytes`, `{"name":"debian"}`, func(c *Client) error {
			_, err := c.ImportImage(ctx, Import{Name: "debian", Size: 5, Public: true}, strings.NewReader("bytes"), Change{})
			return err
		}},
		{`POST /api/v1/images?dry_run=true&name=debian `, `{"steps":[]}`, func(c *Client) error {
			_, err := c.ImportImage(ctx, Import{Name: "debian", Size: 5}, strings.NewReader("bytes"), Change{DryRun: true})
			return err
		}},
		{`POST /api/v1/vms/web/backups {"mode":"full"}`, `{}`, func(c *Client) error { return started(c.BackupVM(ctx, "web", backup.Full, Change{})) }},
		{"GET /api/v1/backups?vm=web ", `{"items":[]}`, func(c *Client) error { _, _, err := c.Backups(ctx, "web", Page{}); return err }},
		{"GET /api/v1/backups/bkp_1 ", `{}`, func(c *Client) error { _, err := c.Backup(ctx, "bkp_1"); return err }},
		{`POST /api/v1/backups/bkp_1/restore {"name":"web2","start":true}`, `{}`, func(c *Client) error {
			return started(c.RestoreBackup(ctx, "bkp_1", Restore{Name: "web2", Start: true}, Change{}))
		}},
		{"POST /api/v1/backups/bkp_1/verify ", `{}`, func(c *Client) error { return started(c.VerifyBackup(ctx, "bkp_1", Change{})) }},
		{"DELETE /api/v1/backups/bkp_1 ", `{}`, func(c *Client) error { return started(c.DeleteBackup(ctx, "bkp_1", Change{})) }},
		{"GET /api/v1/schedules ", `{"items":[]}`, func(c *Client) error { _, err := c.Schedules(ctx); return err }},
		{"GET /api/v1/schedules/daily ", `{}`, func(c *Client) error { _, err := c.Schedule(ctx, "daily"); return err }},
		{`POST /api/v1/schedules {"name":"daily","vm":"web","cron":"0 2 * * *","keep":{"last":7}}`, `{}`, func(c *Client) error {
			_, err := c.CreateSchedule(ctx, NewSchedule{Name: "daily", VM: "web", Cron: "0 2 * * *", Keep: backup.Keep{Last: 7}}, Change{})
			return err
		}},
		{"DELETE /api/v1/schedules/daily ", ``, func(c *Client) error { _, err := c.DeleteSchedule(ctx, "daily", Change{}); return err }},
		{"POST /api/v1/schedules/daily/pause ", `{}`, func(c *Client) error { _, err := c.SteerSchedule(ctx, "daily", "pause", Change{}); return err }},
		{"GET /api/v1/operations?kind=migrate&open=true&state=running&subject=web ", `{"items":[]}`, func(c *Client) error {
			_, _, err := c.Operations(ctx, OperationQuery{Kind: operation.Migrate, State: operation.Running, Subject: "web", Open: true})
			return err
		}},
		{"GET /api/v1/operations/op_1/timeline ", `{}`, func(c *Client) error { _, err := c.Timeline(ctx, "op_1"); return err }},
		{"POST /api/v1/operations/op_1/cancel ", `{}`, func(c *Client) error { _, err := c.Cancel(ctx, "op_1", Change{}); return err }},
		{"POST /api/v1/operations/op_1/give-up ", `{}`, func(c *Client) error { _, err := c.GiveUp(ctx, "op_1", Change{}); return err }},
		{`POST /api/v1/operations/op_1/tune {"post_copy":true}`, `{}`, func(c *Client) error {
			_, err := c.Tune(ctx, "op_1", operation.Tuning{PostCopy: true}, Change{})
			return err
		}},
		{`POST /api/v1/capacity/plans {"horizon_days":30}`, `{}`, func(c *Client) error { return started(c.PlanCapacity(ctx, 30, Change{})) }},
		{"GET /api/v1/capacity/plans/latest ", `{}`, func(c *Client) error { _, err := c.LatestCapacityPlan(ctx); return err }},
		{`POST /api/v1/login {"username":"admin","password":"p"}`, `{"token":"nct_1"}`, func(c *Client) error { _, err := c.Login(ctx, "admin", "p"); return err }},
		{"POST /api/v1/logout ", ``, func(c *Client) error { return c.Logout(ctx) }},
		{"GET /api/v1/whoami ", `{}`, func(c *Client) error { _, err := c.Whoami(ctx); return err }},
	} {
		t.Run(c.want, func(t *testing.T) {
			server, client := serve(t, say(http.StatusOK, c.answer))
			if err := c.call(client); err != nil {
				t.Fatal(err)
			}
			got := server.last()
			if asked := got.method + " " + got.uri + " " + got.body; asked != c.want {
				t.Errorf("asked %s", asked)
			}
			if got.header.Get("Authorization") != "Bearer nct_secret" || got.header.Get("X-Novacron-Project") != "blue" || got.header.Get("User-Agent") != "test" {
				t.Errorf("headers %v", got.header)
			}
		})
	}
}

func TestOperationsCarryAKeyAndAreRepeatedWithIt(t *testing.T) {
	server, client := serve(t, func(w http.ResponseWriter, _ *http.Request, count int) {
		if count < 3 {
			w.Header().Set("Retry-After", "0")
			say(http.StatusServiceUnavailable, `{"detail":"not now","kind":"unavailable"}`)(w, nil, 0)
			return
		}
		w.Header().Set("Idempotency-Replayed", "true")
		say(http.StatusAccepted, `{"id":"op_1"}`)(w, nil, 0)
	})
	got, err := client.DeleteVM(context.Background(), "web", Change{})
	if err != nil || got.Operation.ID != "op_1" || !got.Replayed {
		t.Fatalf("%+v %v", got, err)
	}
	keys := map[string]bool{}
	for _, each := range server.seen {
		keys[each.header.Get("Idempotency-Key")] = true
	}
	if len(server.seen) != 3 || len(keys) != 1 || keys[""] {
		t.Errorf("%d requests with keys %v", len(server.seen), keys)
	}
	if _, err := client.DeleteVM(context.Background(), "web", Change{Key: "mine"}); err != nil || server.last().header.Get("Idempotency-Key") != "mine" {
		t.Errorf("%v %v", err, server.last().header)
	}
}

func TestDryRunAnswersAPlan(t *testing.T) {
	server, client := serve(t, say(http.StatusOK, `{"kind":"x","steps":[{"name":"a","title":"Do a"}]}`))
	started, err := client.DeleteVM(context.Background(), "web", Change{DryRun: true})
	if err != nil || started.Plan == nil || started.Plan.Steps[0].Title != "Do a" || server.last().uri != "/api/v1/vms/web?dry_run=true" {
		t.Errorf("%+v %v", started, err)
	}
	changed, err := client.CordonHost(context.Background(), "h1", true, Change{DryRun: true})
	if err != nil || changed.Plan == nil {
		t.Errorf("%+v %v", changed, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   fault.Kind
		says   string
		asked  int
	}{
		{409, `{"detail":"VM web is busy","kind":"conflict","field":"name","request_id":"r1"}`, fault.KindConflict, "VM web is busy", 1},
		{422, `{"detail":"no image","kind":"invalid"}`, fault.KindInvalid, "no image", 1},
		{401, `{"detail":"no token"}`, fault.KindDenied, "no token", 1},
		{404, `<html>`, fault.KindNotFound, "404 Not Found without saying why", 1},
		{412, ``, fault.KindConflict, "412", 1},
		{502, `bad gateway`, fault.KindUnavailable, "502", attempts},
		{500, `{}`, fault.KindInternal, "500", 1},
		{418, `{}`, fault.KindInvalid, "418", 1},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			server, client := serve(t, say(c.status, c.body))
			_, err := client.VM(context.Background(), "web")
			if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || StatusOf(err) != c.status {
				t.Errorf("%v (%s, %d)", err, fault.KindOf(err), StatusOf(err))
			}
			if server.count() != c.asked {
				t.Errorf("asked %d times", server.count())
			}
		})
	}
	if StatusOf(errors.New("x")) != 0 {
		t.Error("an error without an answer has no status")
	}
}

func TestWhatIsNotSafeIsNotRepeated(t *testing.T) {
	server, client := serve(t, say(http.StatusServiceUnavailable, `{}`))
	if _, err := client.Login(context.Background(), "a", "b"); err == nil || server.count() != 1 {
		t.Errorf("%v, asked %d times", err, server.count())
	}
	if _, err := client.SteerSchedule(context.Background(), "daily", "trigger", Change{}); err == nil || server.count() != 2 {
		t.Errorf("%v, asked %d times", err, server.count())
	}
}

func TestNobodyAnswers(t *testing.T) {
	server, client := serve(t, say(200, `{}`))
	server.Close()
	_, err := client.VM(context.Background(), "web")
	if !fault.Is(err, fault.KindUnavailable) || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("%v", err)
	}
	if _, err := client.ImportImage(context.Background(), Import{Name: "x"}, strings.NewReader(""), Change{}); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("%v", err)
	}
	if _, err := client.Console(context.Background(), "web"); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := client.VM(ctx, "web"); !strings.Contains(err.Error(), "given up") {
		t.Errorf("%v", err)
	}
}

func TestAnswersOfSomethingElse(t *testing.T) {
	_, client := serve(t, say(200, `<html>`))
	_, err := client.VM(context.Background(), "web")
	if !fault.Is(err, fault.KindUnavailable) || !strings.Contains(err.Error(), "check the URL") {
		t.Errorf("%v", err)
	}
}

func TestAllReadsEveryPage(t *testing.T) {
	_, client := serve(t, func(w http.ResponseWriter, r *http.Request, count int) {
		next := map[int]string{1: "b", 2: "c", 3: ""}[count]
		_ = json.NewEncoder(w).Encode(map[string]any{"items": []vm.VM{{Name: fmt.Sprint(count)}}, "next_cursor": next})
	})
	all, err := All(func(page Page) ([]vm.VM, string, error) { return client.VMs(context.Background(), VMQuery{Page: page}) })
	if err != nil || len(all) != 3 || all[2].Name != "3" {
		t.Errorf("%v %v", all, err)
	}
	_, broken := serve(t, say(404, ``))
	if _, err := All(func(page Page) ([]backup.Backup, string, error) {
		return broken.Backups(context.Background(), "", page)
	}); err == nil {
		t.Error("the error is lost")
	}
}

func TestHostName(t *testing.T) {
	_, client := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if strings.HasSuffix(r.URL.Path, "hst_1") {
			say(200, `{"name":"h1"}`)(w, r, 0)
			return
		}
		say(404, ``)(w, r, 0)
	})
	if a, b, c := client.HostName(context.Background(), "hst_1"), client.HostName(context.Background(), "hst_2"), client.HostName(context.Background(), ""); a != "h1" || b != "hst_2" || c != "" {
		t.Errorf("%q %q %q", a, b, c)
	}
}
