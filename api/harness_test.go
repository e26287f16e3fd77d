package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/fake"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/seal"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

const adminPassword = "a password for tests"

// adminHash is made once: hashing is slow on purpose.
var adminHash = sync.OnceValue(func() string { return auth.HashPassword(adminPassword) })

// stage is an API on a real inventory, with three hosts and an image.
type stage struct {
	t         *testing.T
	dsn       string
	store     *store.Store
	server    *api.Server
	http      *httptest.Server
	workflows *fakeWorkflows
	objects   *fake.Store
	seal      *seal.Box
	log       *lockedBuffer
	installed store.Installed
	token     string // the admin's
	hosts     map[string]enrolledHost
	image     image.Image
}

type enrolledHost struct {
	id    id.Host
	token string
}

type lockedBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// takesImages makes an API take images of so many bytes.
func takesImages(objects objectstore.Store, spool string, most int64) func(*api.Config) {
	return func(config *api.Config) {
		config.Images = imagestore.New(imagestore.Config{
			Inventory: config.Store, Objects: objects, Spool: spool, MaxBytes: most, Log: config.Logger,
		})
	}
}

// newStage sets everything up; change may alter the configuration.
func newStage(t *testing.T, change ...func(*api.Config)) *stage {
	t.Helper()
	ctx := t.Context()
	s := &stage{
		t: t, dsn: storetest.DSN(t), workflows: newFakeWorkflows(), objects: fake.New(), log: &lockedBuffer{},
		hosts: map[string]enrolledHost{},
	}
	var err error
	s.store, err = store.Open(ctx, s.dsn)
	s.must(err)
	t.Cleanup(s.store.Close)
	s.installed, err = s.store.EnsureInstallation(ctx, store.Installation{AdminPasswordHash: adminHash()})
	s.must(err)
	storetest.AddShared(t, s.store)
	s.must(s.store.EnsurePartitions(ctx, time.Now()))
	s.seal, err = seal.New(make([]byte, 32))
	s.must(err)
	config := api.Config{
		Store: s.store, Workflows: s.workflows, Seal: s.seal, Version: "test", TemporalUI: "http://temporal.example",
		UI: fstest.MapFS{
			"index.html":                {Data: []byte("<!doctype html>the interface")},
			"assets/app-0a1b2c3d.js":    {Data: []byte("plain script")},
			"assets/app-0a1b2c3d.js.br": {Data: []byte("brotli script")},
			"assets/app-0a1b2c3d.js.gz": {Data: []byte("gzip script")},
			"favicon.svg":               {Data: []byte("<svg/>")},
		},
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	takesImages(s.objects, t.TempDir(), 4<<20)(&config)
	for _, each := range change {
		each(&config)
	}
	s.server, err = api.New(config)
	s.must(err)
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.server.Run(running) }()
	s.http = httptest.NewServer(s.server)
	t.Cleanup(func() {
		s.server.Close()
		s.http.Close()
		stop()
		<-done
	})
	s.token = s.mint("", time.Hour)
	for i, name := range []string{"h1", "h2", "h3"} {
		s.enrol(name, i)
	}
	s.image = s.addImage("tiny", 1<<30)
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// mint makes a token of the admin's, bound to the project unless that is empty.
func (s *stage) mint(project id.Project, lifetime time.Duration) string {
	s.t.Helper()
	secret, hash := auth.MintToken(auth.UserPrefix)
	s.must(s.store.CreateToken(s.t.Context(), store.Token{
		ID: id.New[id.Token](), User: s.installed.Admin.ID, Project: project, Name: "test", ExpiresAt: time.Now().Add(lifetime),
	}, hash))
	return secret
}

func hostFacts(i int) host.Facts {
	return host.Facts{
		CPUs: 4, MemoryBytes: 4 << 30, Architecture: "x86_64", CPUModel: "qemu64", MigrationAddress: fmt.Sprintf("10.77.0.%d", 11+i),
		Acceleration: "tcg", Pools: []host.PoolFact{
			{Name: "local", Driver: "local", CapacityBytes: 100 << 30, Available: true},
			{Name: "shared", Driver: "local", Shared: true, CapacityBytes: 200 << 30, Available: true},
		},
	}
}

// enrol lets a host in through the API itself.
func (s *stage) enrol(name string, i int) {
	s.t.Helper()
	var made api.Secret
	s.call("POST", "/hosts/enrolment-tokens", nil, 201).into(&made)
	var enrolled api.Enrolled
	s.as("").call("POST", "/hosts/enrol", api.EnrolBody{Token: made.Token, Name: name, Facts: hostFacts(i)}, 200).into(&enrolled)
	s.hosts[name] = enrolledHost{id: enrolled.HostID, token: enrolled.Token}
}

func (s *stage) addImage(name string, virtual int64) image.Image {
	s.t.Helper()
	made := image.Image{
		ID: id.New[id.Image](), Project: s.installed.Project.ID, Name: name, Format: "qcow2", SHA256: strings.Repeat("ab", 32),
		SizeBytes: 1 << 20, VirtualBytes: virtual, CreatedAt: time.Now().UTC(),
	}
	s.must(s.store.InsertImage(s.t.Context(), made))
	return made
}

// addVM puts a VM straight into the inventory, as if it had been provisioned long ago.
func (s *stage) addVM(name, onHost string, state vm.State) vm.VM {
	s.t.Helper()
	return s.addVMIn(s.installed.Project.ID, name, onHost, state)
}

func (s *stage) addVMIn(project id.Project, name, onHost string, state vm.State) vm.VM {
	s.t.Helper()
	ctx := s.t.Context()
	machine, provision := id.New[id.VM](), id.New[id.Operation]()
	_, err := s.store.Accept(ctx, store.Acceptance{
		Operation: operation.Operation{
			ID: provision, Project: project, Kind: operation.Provision, Actor: "test", Request: json.RawMessage("{}"),
			Subject: operation.Subject{Kind: "vm", ID: string(machine), Name: name},
		},
		Claims: []string{string(machine)},
		NewVM: &vm.VM{
			ID: machine, Project: project, Name: name, State: vm.Provisioning,
			Spec: vm.Spec{CPUs: 1, MemoryBytes: 256 << 20}, Interfaces: []vm.Interface{{Network: s.installed.Network.ID}},
		},
		NewVolumes: []volume.Volume{{
			ID: id.New[id.Volume](), Project: project, VM: machine, Device: "vda", Pool: "shared", SizeBytes: 1 << 30, Format: "qcow2", State: volume.Ready,
		}},
	})
	s.must(err)
	home := s.hosts[onHost].id
	s.must(s.store.SetVMState(ctx, machine, store.SetState{State: state, Host: &home, Operation: provision}))
	s.must(s.store.EndOperation(ctx, provision, store.Ending{State: operation.Succeeded}))
	found, err := s.store.GetVM(ctx, "", string(machine))
	s.must(err)
	return found
}

// busy makes an operation hold the VM.
func (s *stage) busy(machine vm.VM, kind operation.Kind) operation.Operation {
	s.t.Helper()
	accepted, err := s.store.Accept(s.t.Context(), store.Acceptance{
		Operation: operation.Operation{
			ID: id.New[id.Operation](), Project: machine.Project, Kind: kind, Actor: "test", Request: json.RawMessage(`{"vm_id":"` + string(machine.ID) + `"}`),
			Subject: operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name},
		},
		Claims: []string{string(machine.ID)},
	})
	s.must(err)
	return accepted.Operation
}

// addBackup puts a backup of the VM into the inventory.
func (s *stage) addBackup(of vm.VM, state backup.State) backup.Backup {
	s.t.Helper()
	ctx := s.t.Context()
	made := backup.Backup{
		ID: id.New[id.Backup](), Project: of.Project, VM: of.ID, VMName: of.Name, Mode: backup.Full, State: backup.Creating, Spec: of.Spec,
	}
	taking := id.New[id.Operation]()
	_, err := s.store.Accept(ctx, store.Acceptance{
		Operation: operation.Operation{
			ID: taking, Project: of.Project, Kind: operation.TakeBackup, Actor: "test", Request: json.RawMessage("{}"),
			Subject: operation.Subject{Kind: "vm", ID: string(of.ID), Name: of.Name},
		},
		NewBackup: &made,
	})
	s.must(err)
	if state != backup.Creating {
		made.Disks = []backup.Disk{{Device: "vda", SizeBytes: 1 << 30, Manifest: "m", SHA256: strings.Repeat("cd", 32)}}
		s.must(s.store.FinishBackup(ctx, made))
	}
	if state != backup.Creating && state != backup.Ready {
		s.must(s.store.SetBackupState(ctx, made.ID, state, "chunk 7 is missing"))
	}
	s.must(s.store.EndOperation(ctx, taking, store.Ending{State: operation.Succeeded}))
	return made
}

// caller makes requests with one token.
type caller struct {
	*stage
	token   string
	headers map[string]string
}

func (s *stage) as(token string) caller { return caller{stage: s, token: token} }

func (s *stage) call(method, path string, body any, want int) reply {
	s.t.Helper()
	return s.as(s.token).call(method, path, body, want)
}

func (c caller) with(name, value string) caller {
	headers := map[string]string{name: value}
	for each, old := range c.headers {
		headers[each] = old
	}
	c.headers = headers
	return c
}

type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

func (r reply) into(target any) reply {
	r.t.Helper()
	if err := json.Unmarshal(r.body, target); err != nil {
		r.t.Fatalf("%v in %s", err, r.body)
	}
	return r
}

func (r reply) operation() operation.Operation {
	r.t.Helper()
	var found operation.Operation
	r.into(&found)
	return found
}

// problem checks that the answer is a problem document whose sentence says that.
func (r reply) problem(says string) api.Problem {
	r.t.Helper()
	var found api.Problem
	r.into(&found)
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		r.t.Errorf("a problem is sent as %s", kind)
	}
	if found.Status != r.status || found.Title == "" || found.Kind == "" || found.RequestID == "" {
		r.t.Errorf("incomplete problem %+v", found)
	}
	if !strings.Contains(found.Detail, says) {
		r.t.Errorf("%q does not say %q", found.Detail, says)
	}
	return found
}

// at checks that the answer is a problem with that field.
func (r reply) at(field string) {
	r.t.Helper()
	if found := r.problem(""); found.Field != field {
		r.t.Errorf("the problem is at %q instead of %q: %s", found.Field, field, found.Detail)
	}
}

// call sends a request; body is sent as it is if it is a string, else as JSON.
func (c caller) call(method, path string, body any, want int) reply {
	c.t.Helper()
	var reader io.Reader
	kind := ""
	switch given := body.(type) {
	case nil:
	case string:
		reader, kind = strings.NewReader(given), "application/json"
	case io.Reader:
		reader, kind = given, "application/octet-stream"
	default:
		encoded, err := json.Marshal(given)
		c.must(err)
		reader, kind = bytes.NewReader(encoded), "application/json"
	}
	address := path
	if !strings.HasPrefix(path, "!") {
		address = "/api/v1" + path
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.http.URL+strings.TrimPrefix(address, "!"), reader)
	c.must(err)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	c.must(err)
	defer response.Body.Close()
	answered, err := io.ReadAll(response.Body)
	c.must(err)
	if response.StatusCode != want {
		c.t.Fatalf("%s %s: %d instead of %d: %s", method, path, response.StatusCode, want, answered)
	}
	return reply{t: c.t, status: response.StatusCode, header: response.Header, body: answered}
}

// newServerAt is another API on the same inventory whose clock shows another time.
func newServerAt(s *stage, at time.Time) caller {
	return newServerWith(s, func(config *api.Config) { config.Clock = func() time.Time { return at } })
}

// newServerWith is another API on the same inventory.
func newServerWith(s *stage, change func(*api.Config)) caller {
	s.t.Helper()
	config := api.Config{
		Store: s.store, Workflows: s.workflows, Seal: s.seal, Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	takesImages(s.objects, s.t.TempDir(), 4<<20)(&config)
	change(&config)
	server, err := api.New(config)
	s.must(err)
	listening := httptest.NewServer(server)
	s.t.Cleanup(func() { server.Close(); listening.Close() })
	other := *s
	other.http = listening
	return other.as(s.token)
}

// exec changes the database past the store.
func (s *stage) exec(statement string) {
	s.t.Helper()
	connection, err := pgx.Connect(s.t.Context(), s.dsn)
	s.must(err)
	defer connection.Close(context.Background())
	_, err = connection.Exec(s.t.Context(), statement)
	s.must(err)
}

// status is that of an answer, whatever it is.
func (s *stage) status(method, path, token string) int {
	request, err := http.NewRequestWithContext(context.Background(), method, s.http.URL+"/api/v1"+path, nil)
	if err != nil {
		return 0
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}
