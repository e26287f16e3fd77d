package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/host"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagestore"
	objectfake "github.com/novacron/novacron/internal/objectstore/fake"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/seal"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/workflows"
)

// plant is the control plane as it really is (PostgreSQL, a Temporal process, the API, the control worker) with the workers
// of two hosts, whose hypervisors, pools and networks are fakes. One plant serves all tests of this binary.
type plant struct {
	directory string
	log       *book
	store     *store.Store
	database  string // DSN
	temporal  *temporalProcess
	client    client.Client
	engine    *workflows.Engine
	images    *imagestore.Store
	control   *Control
	http      *httptest.Server
	token     string // the administrator's
	cluster   *hypervisorfake.Cluster
	hosts     map[string]*fakeHost
}

const (
	soon     = 30 * time.Second // for what takes a second or two on a machine with nothing else to do
	lookings = 25 * time.Millisecond
)

var thePlant struct {
	once sync.Once
	made *plant
}

func TestMain(m *testing.M) {
	if asked := os.Getenv(childVariable); asked != "" {
		os.Exit(beChild(asked))
	}
	// Temporal's databases have fixed names, so these tests have a PostgreSQL of their own whatever there is.
	_ = os.Unsetenv(storetest.Variable)
	status := m.Run()
	if thePlant.made != nil {
		thePlant.made.close()
	}
	os.Exit(status)
}

// usePlant sets the plant up for the first test that needs it. A test that fails shows the end of the plant's log.
func usePlant(t *testing.T) *plant {
	t.Helper()
	thePlant.once.Do(func() { thePlant.made = newPlant(t) })
	if thePlant.made == nil {
		t.Fatal("the plant could not be set up; see the first test that failed")
	}
	mark := thePlant.made.log.length()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the plant said meanwhile:\n%s", thePlant.made.log.since(mark))
		}
	})
	return thePlant.made
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	directory, err := os.MkdirTemp("", "novacron-plant-")
	must(t, err)
	p := &plant{directory: directory, log: &book{}, cluster: hypervisorfake.NewCluster(), hosts: map[string]*fakeHost{}}
	ctx := context.Background()
	p.database = storetest.DSN(lasting{t})
	p.store, err = store.Open(ctx, p.database)
	must(t, err)
	installed, err := p.store.EnsureInstallation(ctx, store.Installation{AdminPasswordHash: "nobody logs in"})
	must(t, err)
	storetest.AddShared(t, p.store)
	must(t, p.store.EnsurePartitions(ctx, time.Now()))
	secret, hash := auth.MintToken(auth.UserPrefix)
	must(t, p.store.CreateToken(ctx, store.Token{ID: id.New[id.Token](), User: installed.Admin.ID, Name: "tests"}, hash))
	p.token = secret
	p.temporal = newTemporal(t, p.database, directory)
	p.temporal.start(t)
	log := slog.New(slog.NewTextHandler(p.log, nil))
	p.client, err = Connect(ctx, p.temporal.address, temporalNamespace, "control@test", log)
	must(t, err)
	p.engine = workflows.NewEngine(p.client, temporalNamespace)
	p.images = imagestore.New(imagestore.Config{Inventory: p.store, Objects: objectfake.New(), Spool: directory, Log: log})
	p.serveAPI(t, log)
	p.control = &Control{Temporal: p.client, Engine: p.engine, Store: p.store, Images: p.images, State: filepath.Join(directory, "control"), Log: log}
	go p.run("the control worker", p.control.Run)
	p.importImage(t)
	repository, err := backuprepo.Open(ctx, objectfake.New())
	must(t, err)
	shared := storagefake.New(storagefake.Config{Name: "shared", Shared: true})
	for i, name := range []string{"h1", "h2"} {
		made := newFakeHost(p.cluster, name, netip.AddrFrom4([4]byte{127, 77, 0, byte(11 + i)}), shared)
		p.hosts[name] = made
		working := made.worker(p.http.URL, p.enrolment(t), p.temporal.address, filepath.Join(directory, name), repository, log)
		go p.run("the worker of "+name, working.Run)
	}
	await(t, soon, "both hosts have reported", func() bool {
		hosts, err := p.store.ListHosts(ctx)
		return err == nil && len(hosts) == 2 && hosts[0].Use.MemoryUsedBytes > 0 && hosts[1].Use.MemoryUsedBytes > 0
	})
	return p
}

// run runs a worker for as long as the tests do.
func (p *plant) run(what string, work func(context.Context) error) {
	if err := work(context.Background()); err != nil {
		fmt.Fprintf(p.log, "%s ended: %v\n", what, err)
	}
}

func (p *plant) serveAPI(t *testing.T, log *slog.Logger) {
	t.Helper()
	box, err := seal.New(make([]byte, 32))
	must(t, err)
	served, err := api.New(api.Config{
		Store: p.store, Workflows: p.engine, Images: p.images, Seal: box, TemporalNamespace: temporalNamespace, Logger: log,
	})
	must(t, err)
	go func() { _ = served.Run(context.Background()) }()
	p.http = httptest.NewServer(served)
}

func (p *plant) close() {
	p.temporal.stop()
	_ = os.RemoveAll(p.directory)
}

// importImage makes the image "guest", of random bytes that no format claims.
func (p *plant) importImage(t *testing.T) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, p.http.URL+"/api/v1/images?name=guest", bytes.NewReader(bytes.Repeat([]byte("novacron"), 1<<17)))
	must(t, err)
	request.Header.Set("Content-Type", "application/octet-stream")
	p.do(t, request, http.StatusCreated)
}

func (p *plant) enrolment(t *testing.T) string {
	t.Helper()
	return ask[api.Secret](t, p, http.MethodPost, "/hosts/enrolment-tokens", nil, http.StatusCreated).Token
}

func (p *plant) do(t *testing.T, request *http.Request, want int) []byte {
	t.Helper()
	request.Header.Set("Authorization", "Bearer "+p.token)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != want {
		t.Fatalf("%s %s is answered with %d, not %d: %s", request.Method, request.URL.Path, response.StatusCode, want, answer)
	}
	return answer
}

// ask asks the API as the administrator; a wrong status ends the test.
func ask[R any](t *testing.T, p *plant, method, path string, body any, want int) R {
	t.Helper()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		must(t, err)
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, p.http.URL+"/api/v1"+path, content)
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	answer := p.do(t, request, want)
	var result R
	if len(answer) > 0 {
		must(t, json.Unmarshal(answer, &result))
	}
	return result
}

// begin asks for an operation and does not wait for it.
func (p *plant) begin(t *testing.T, method, path string, body any) operation.Operation {
	t.Helper()
	return ask[operation.Operation](t, p, method, path, body, http.StatusAccepted)
}

// creation is a request for a VM on a host.
func creation(name, host, pool string) map[string]any {
	return map[string]any{"name": name, "image": "guest", "host": host, "pool": pool, "disk_bytes": 16 << 20}
}

// provision makes a running VM.
func (p *plant) provision(t *testing.T, name, host, pool string) vm.VM {
	t.Helper()
	ended := p.ended(t, p.begin(t, http.MethodPost, "/vms", creation(name, host, pool)).ID)
	if ended.State != operation.Succeeded {
		t.Fatalf("VM %s could not be made: %+v", name, ended.Error)
	}
	return p.machine(t, name)
}

func (p *plant) machine(t *testing.T, ref string) vm.VM {
	t.Helper()
	found, err := p.store.GetVM(t.Context(), "", ref)
	must(t, err)
	return found
}

func (p *plant) operation(t *testing.T, of id.Operation) operation.Operation {
	t.Helper()
	found, err := p.store.GetOperation(t.Context(), "", of)
	must(t, err)
	return found
}

// ended waits for an operation's end.
func (p *plant) ended(t *testing.T, of id.Operation) operation.Operation {
	t.Helper()
	return p.reaches(t, of, "end", func(found operation.Operation) bool { return found.State.Final() })
}

// reaches waits until an operation is as wanted.
func (p *plant) reaches(t *testing.T, of id.Operation, what string, wanted func(operation.Operation) bool) operation.Operation {
	t.Helper()
	var found operation.Operation
	for deadline := time.Now().Add(soon); ; time.Sleep(lookings) {
		found = p.operation(t, of)
		if wanted(found) {
			return found
		}
		if time.Now().After(deadline) || found.State.Final() {
			t.Fatalf("operation %s (%s) did not %s: it is %s, question %q, error %+v", of, found.Kind, what, found.State, found.Question, found.Error)
		}
	}
}

// timeline is an operation's timeline as the API has it.
func (p *plant) timeline(t *testing.T, of id.Operation) operation.Timeline {
	t.Helper()
	return ask[operation.Timeline](t, p, http.MethodGet, "/operations/"+string(of)+"/timeline", nil, http.StatusOK)
}

// stepOf is the lane of a step; an undo's is named with "undo." in front.
func stepOf(t *testing.T, timeline operation.Timeline, name string) operation.Step {
	t.Helper()
	for _, each := range timeline.Steps {
		if (!each.Undo && each.Name == name) || (each.Undo && "undo."+each.Name == name) {
			return each
		}
	}
	t.Fatalf("the timeline has no step %q: %+v", name, timeline.Steps)
	return operation.Step{}
}

// awaitStep waits until a step is in a state.
func (p *plant) awaitStep(t *testing.T, of id.Operation, name string, state operation.StepState) {
	t.Helper()
	await(t, soon, "step "+name+" of "+string(of)+" is "+string(state), func() bool {
		timeline, err := p.engine.Timeline(t.Context(), p.operation(t, of))
		return err == nil && stepOf(t, timeline, name).State == state
	})
}

// exec changes the database past the store.
func (p *plant) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), p.database)
	must(t, err)
	defer connection.Close(context.Background())
	_, err = connection.Exec(t.Context(), statement, args...)
	must(t, err)
}

// eventsAfter lists what happened to a thing after a sequence number.
func (p *plant) eventsAfter(t *testing.T, after int64, subject string) []string {
	t.Helper()
	found, err := p.store.EventsAfter(context.Background(), "", after, 1000)
	must(t, err)
	var happened []string
	for _, each := range found {
		if each.SubjectID == subject {
			happened = append(happened, each.Type+" "+string(each.Data))
		}
	}
	return happened
}

func (p *plant) sequence(t *testing.T) int64 {
	t.Helper()
	last, err := p.store.LastSequence(t.Context())
	must(t, err)
	return last
}

// lasting stands for a test that lasts as long as the binary: what is made for it goes with the binary's own PostgreSQL.
type lasting struct{ testing.TB }

func (lasting) Cleanup(func())           {}
func (lasting) Context() context.Context { return context.Background() }

// book is a log that tests can read.
type book struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *book) Write(line []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(line)
}

func (b *book) length() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Len()
}

func (b *book) since(mark int) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()[mark:]
}

func await(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(lookings) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about within %s that %s", limit, what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *plant) hostID(t *testing.T, name string) id.Host {
	t.Helper()
	found, err := p.store.GetHost(t.Context(), name)
	must(t, err)
	return found.ID
}

func hostUse(at time.Time) host.Use {
	return host.Use{At: at, CPUFraction: 0.5, MemoryUsedBytes: 1 << 30}
}

// hostToken is what a host calls the API with.
func (p *plant) hostToken(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(p.directory, name, identityFile))
	must(t, err)
	var known identity
	must(t, json.Unmarshal(content, &known))
	return known.Token
}
