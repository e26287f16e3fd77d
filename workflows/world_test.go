package workflows

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/cloudinit"
	fabricfake "github.com/novacron/novacron/internal/fabric/fake"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/network"
	objectfake "github.com/novacron/novacron/internal/objectstore/fake"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/store/storetest"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// world is an installation in memory but for its inventory, which is a real PostgreSQL: two hosts with a local pool each
// and one shared pool, and the activities that act on them.
type world struct {
	t       *testing.T
	store   *store.Store
	cluster *hypervisorfake.Cluster
	hosts   []*node
	shared  *storagefake.Pool
	repo    *backuprepo.Repository
	project project.Project
	network network.Network
	image   image.Image
	content []byte
	objects *objectfake.Store // bytes of images that operations bring in
	spool   string

	control *control.Activities
	ran     []string                         // IDs of the activities that ran, in order
	meddle  func(activityID string) meddling // what to do to an activity; nil: nothing
	cancel  func()                           // cancels the operation that runs
	told    *cloudinit.CloudInit             // what the guests of new VMs are told; nil: nothing
	strays  []id.Volume                      // that a test put where nobody knows of them
}

type node struct {
	id     id.Host
	name   string
	driver *hypervisorfake.Host
	local  *storagefake.Pool
	fabric *fabricfake.Fabric
	acts   *host.Activities
}

// meddling is what a test does to one activity.
type meddling int

const (
	leaveAlone  meddling = iota
	failBefore           // it does nothing and fails for good
	failAfter            // it does its work and fails for good
	repeat               // it runs twice
	cancelAfter          // its operation is cancelled before its result is known
)

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, store: emptyStore(t), cluster: hypervisorfake.NewCluster()}
	installed, err := w.store.EnsureInstallation(ctx, store.Installation{AdminPasswordHash: "x"})
	must(t, err)
	w.project, w.network = installed.Project, installed.Network
	storetest.AddShared(t, w.store)
	w.shared = storagefake.New(storagefake.Config{Name: "shared", Shared: true})
	w.repo, err = backuprepo.Open(ctx, objectfake.New())
	must(t, err)
	w.objects, w.spool = objectfake.New(), t.TempDir()
	images := imagestore.New(imagestore.Config{Inventory: w.store, Objects: w.objects, Spool: w.spool, MaxBytes: 64 << 20, Log: slog.New(slog.DiscardHandler)})
	w.control = &control.Activities{Store: w.store, Images: images, Log: slog.New(slog.DiscardHandler)}
	w.content = make([]byte, 1<<20)
	w.image = image.Image{
		ID: id.New[id.Image](), Name: "guest", Format: "raw", SHA256: sha256Hex(w.content), SizeBytes: int64(len(w.content)), VirtualBytes: int64(len(w.content)),
	}
	must(t, w.store.InsertImage(ctx, w.image))
	for i := range 2 {
		w.addHost(fmt.Sprintf("h%d", i+1))
	}
	return w
}

var hostsMade atomic.Uint32

// hostAddress is a loopback address that no other host of these tests has, since all serve their disks on the same port.
func hostAddress() netip.Addr {
	number := hostsMade.Add(1)
	return netip.AddrFrom4([4]byte{127, 77, byte(number >> 8), byte(number)})
}

func (w *world) addHost(name string) {
	w.t.Helper()
	ctx, address := w.t.Context(), hostAddress()
	n := &node{
		name: name, driver: w.cluster.Host(name, address.String()),
		local: storagefake.New(storagefake.Config{Name: "local"}), fabric: fabricfake.New(),
	}
	pools := pools{"local": linked{n.local, n.driver}, "shared": linked{w.shared, n.driver}}
	facts, err := n.driver.Facts(ctx)
	must(w.t, err)
	facts.MigrationAddress = address.String()
	for _, pool := range pools {
		facts.Pools = append(facts.Pools, pool.Fact(ctx))
	}
	token := []byte("enrolment of " + name)
	must(w.t, w.store.CreateEnrolment(ctx, token, time.Now().Add(time.Hour)))
	enrolled, err := w.store.EnrolHost(ctx, token, store.NewHost{ID: id.New[id.Host](), Name: name, TokenHash: []byte(name), Facts: facts})
	must(w.t, err)
	n.id = enrolled.ID
	n.acts = &host.Activities{
		Host: n.id, Hypervisor: n.driver, Pools: pools, Fabric: n.fabric, Repository: func() (*backuprepo.Repository, error) { return w.repo, nil },
		PeerImages: func(context.Context, storage.BaseImage, int64) (io.ReadCloser, error) {
			return nil, fault.NotFound("no host has it")
		},
		Images: func(_ context.Context, _ storage.BaseImage, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(string(w.content[offset:]))), nil
		},
		Keep:   w.keepImage,
		Seeds:  w.seeds(),
		Offers: host.NewOffers(w.t.TempDir(), netip.AddrPortFrom(address, host.OfferPort).String(), pools, slog.New(slog.DiscardHandler)),
	}
	go func() { _ = n.acts.Offers.Serve(ctx) }() // its end is the test's; a copy that fails says why it could not connect
	w.hosts = append(w.hosts, n)
}

// pools are a host's, by name.
type pools map[string]storage.Pool

func (p pools) Pool(name string) (storage.Pool, error) {
	found, known := p[name]
	if !known {
		return nil, fault.Unavailable("this host has no pool %q", name)
	}
	return found, nil
}

func (p pools) Renew(string) {}

// linked is a pool whose volumes are the bytes that the hypervisor's VMs see.
type linked struct {
	*storagefake.Pool
	driver *hypervisorfake.Host
}

func (l linked) CreateVolume(ctx context.Context, spec storage.VolumeSpec) (storage.Volume, error) {
	_, err := l.InspectVolume(ctx, spec.Volume)
	made, createErr := l.Pool.CreateVolume(ctx, spec)
	if createErr == nil && fault.Is(err, fault.KindNotFound) {
		l.driver.PutDisk(made.Path, l.Fact(ctx).Shared, l.Disk(spec.Volume))
	}
	return made, createErr
}

// environment is a Temporal in memory whose activities act on this world.
func (w *world) environment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(discardLogger{})
	environment := suite.NewTestWorkflowEnvironment()
	environment.SetTestTimeout(time.Minute)
	w.register(environment, reflect.TypeFor[*control.Activities](), func(context.Context) any { return w.control })
	w.register(environment, reflect.TypeFor[*host.Activities](), func(ctx context.Context) any {
		queue := activity.GetInfo(ctx).TaskQueue
		for _, each := range w.hosts {
			if host.TaskQueue(each.id) == queue {
				return each.acts
			}
		}
		panic("no host listens on " + queue)
	})
	for kind, each := range entries {
		environment.RegisterWorkflowWithOptions(each.run, workflow.RegisterOptions{Name: string(kind)})
	}
	return environment
}

// register registers every activity of a type so that each call finds its own instance and can be meddled with.
func (w *world) register(environment *testsuite.TestWorkflowEnvironment, of reflect.Type, instance func(context.Context) any) {
	failed := reflect.TypeFor[error]()
	for method := range of.Methods() {
		shape := method.Type
		if shape.NumIn() < 2 || shape.In(1) != reflect.TypeFor[context.Context]() || shape.Out(shape.NumOut()-1) != failed {
			continue
		}
		inputs, outputs := []reflect.Type{}, []reflect.Type{}
		for i := 1; i < shape.NumIn(); i++ {
			inputs = append(inputs, shape.In(i))
		}
		for i := range shape.NumOut() {
			outputs = append(outputs, shape.Out(i))
		}
		wrapped := reflect.MakeFunc(reflect.FuncOf(inputs, outputs, false), func(args []reflect.Value) []reflect.Value {
			ctx := args[0].Interface().(context.Context)
			call := func() []reflect.Value {
				results := reflect.ValueOf(instance(ctx)).MethodByName(method.Name).Call(args)
				if err, ok := results[len(results)-1].Interface().(error); ok {
					results[len(results)-1] = reflect.ValueOf(asTemporal(err))
				}
				return results
			}
			return w.around(activity.GetInfo(ctx), outputs, call)
		})
		environment.RegisterActivityWithOptions(wrapped.Interface(), activity.RegisterOptions{Name: method.Name})
	}
}

func (w *world) around(info activity.Info, outputs []reflect.Type, call func() []reflect.Value) []reflect.Value {
	if info.IsLocalActivity {
		return call()
	}
	w.ran = append(w.ran, info.ActivityID)
	what := leaveAlone
	if w.meddle != nil {
		what = w.meddle(info.ActivityID)
	}
	refusal := func() []reflect.Value {
		results := make([]reflect.Value, len(outputs))
		for i, each := range outputs {
			results[i] = reflect.Zero(each)
		}
		results[len(results)-1] = reflect.ValueOf(asTemporal(fault.Invalid("the test failed %s", info.ActivityID)))
		return results
	}
	switch what {
	case failBefore:
		return refusal()
	case failAfter:
		call()
		return refusal()
	case repeat:
		call()
	case cancelAfter:
		// A cancelled activity that is at work is waited for (WaitForCancellation), which the environment does not do.
		results := call()
		w.cancel()
		return results
	}
	return call()
}

// asTemporal does what the worker's interceptor does.
func asTemporal(err error) error {
	kind := fault.KindOf(err)
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(kind), temporal.ApplicationErrorOptions{NonRetryable: !kind.Retryable()})
}

// accept records an operation as the API would.
func (w *world) accept(kind operation.Kind, subject operation.Subject, request any, with store.Acceptance) operation.Operation {
	w.t.Helper()
	encoded, err := json.Marshal(request)
	must(w.t, err)
	with.Operation = operation.Operation{
		ID: id.New[id.Operation](), Project: w.project.ID, Kind: kind, Subject: subject, Actor: "test", Request: encoded,
	}
	accepted, err := w.store.Accept(w.t.Context(), with)
	must(w.t, err)
	return accepted.Operation
}

// run runs an accepted operation to its end and returns its record.
func (w *world) run(of operation.Operation, prepare ...func(*testsuite.TestWorkflowEnvironment)) operation.Operation {
	w.t.Helper()
	environment := w.environment()
	environment.SetStartWorkflowOptions(startOptions(of))
	for _, each := range prepare {
		each(environment)
	}
	task, err := entries[of.Kind].task(of)
	must(w.t, err)
	environment.ExecuteWorkflow(string(of.Kind), task)
	if !environment.IsWorkflowCompleted() {
		w.t.Fatalf("%s did not end", of.Kind)
	}
	ended, err := w.store.GetOperation(w.t.Context(), "", of.ID)
	must(w.t, err)
	if !ended.State.Final() {
		w.t.Fatalf("%s ended with %v, but its record says %s", of.Kind, environment.GetWorkflowError(), ended.State)
	}
	return ended
}

// provision makes a VM and fails the test if that does not work.
func (w *world) provision(name, pool string, on *node) vm.VM {
	w.t.Helper()
	ended := w.run(w.acceptProvision(name, pool, on))
	if ended.State != operation.Succeeded {
		w.t.Fatalf("provision: %s: %+v", ended.State, ended.Error)
	}
	made, err := w.store.GetVM(w.t.Context(), "", ended.Subject.ID)
	must(w.t, err)
	return made
}

func (w *world) acceptProvision(name, pool string, on *node) operation.Operation {
	w.t.Helper()
	machine := vm.VM{
		ID: id.New[id.VM](), Project: w.project.ID, Name: name, State: vm.Provisioning, Image: w.image.ID,
		Spec: vm.Spec{CPUs: 1, MemoryBytes: 128 << 20}, Interfaces: []vm.Interface{{Network: w.network.ID}},
	}
	disk := volume.Volume{
		ID: id.New[id.Volume](), Project: w.project.ID, VM: machine.ID, Device: "vda", Pool: pool, SizeBytes: 4 << 20,
		Image: w.image.ID, Format: "qcow2", State: volume.Creating,
	}
	request := operation.ProvisionRequest{
		VM: machine.ID, Volume: disk.ID, Name: name, Image: w.image.ID, Spec: machine.Spec, DiskBytes: disk.SizeBytes, Pool: pool, Network: w.network.ID,
	}
	if on != nil {
		request.Host = on.id
	}
	with := store.Acceptance{Claims: []string{string(machine.ID)}, NewVM: &machine, NewVolumes: []volume.Volume{disk}}
	w.tell(&machine, &with)
	return w.accept(operation.Provision, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: name}, request, with)
}

// acceptOn accepts an operation on an existing VM.
func (w *world) acceptOn(machine vm.VM, kind operation.Kind, request any) operation.Operation {
	w.t.Helper()
	return w.accept(kind, operation.Subject{Kind: "vm", ID: string(machine.ID), Name: machine.Name}, request,
		store.Acceptance{Claims: []string{string(machine.ID)}})
}

// check asserts what must hold after any operation, however it ended: records agree with reality, nothing is left over.
func (w *world) check(after string) {
	w.t.Helper()
	ctx := w.t.Context()
	open, err := w.store.OpenOperations(ctx)
	must(w.t, err)
	if len(open) > 0 {
		w.t.Errorf("%s: operation %s is still %s", after, open[0].Kind, open[0].State)
	}
	for _, leak := range w.cluster.Leaks() {
		w.t.Errorf("%s: %s", after, leak)
	}
	machines, _, err := w.store.ListVMs(ctx, store.VMFilter{Limit: store.MaxPage})
	must(w.t, err)
	wanted := map[id.Volume]string{}
	residents := map[id.Host]map[id.VM]bool{}
	for _, each := range machines {
		w.checkMachine(after, each, wanted)
		if residents[each.Host] == nil {
			residents[each.Host] = map[id.VM]bool{}
		}
		residents[each.Host][each.ID] = true
	}
	w.checkVolumes(after, wanted)
	pools, err := w.store.ListPools(ctx)
	must(w.t, err)
	for _, each := range pools {
		if each.State != pool.Ready || each.Operation != "" {
			w.t.Errorf("%s: pool %s is %s, held by %q", after, each.Name, each.State, each.Operation)
		}
	}
	w.checkRepository(after)
	w.checkImages(after)
	w.checkPool(after, "shared", w.shared, "", wanted)
	for _, each := range w.hosts {
		w.checkPool(after, each.name, each.local, each.id, wanted)
		w.checkResidents(after, each, residents[each.id])
		w.checkSeeds(after, each, machines)
	}
}

func (w *world) checkMachine(after string, machine vm.VM, wanted map[id.Volume]string) {
	w.t.Helper()
	if machine.Operation != "" {
		w.t.Errorf("%s: VM %s is still claimed by %s", after, machine.Name, machine.Operation)
	}
	if machine.State == vm.Provisioning || machine.State == vm.Deleting {
		w.t.Errorf("%s: VM %s is still %s", after, machine.Name, machine.State)
	}
	volumes, err := w.store.VolumesOf(w.t.Context(), machine.ID)
	must(w.t, err)
	for _, each := range volumes {
		wanted[each.ID] = string(each.Host)
		if each.State != volume.Ready {
			w.t.Errorf("%s: volume %s of VM %s is %s", after, each.ID, machine.Name, each.State)
		}
	}
	w.checkDisks(after, machine, volumes)
	w.checkSnapshots(after, machine)
	running := w.cluster.RunningOn(machine.ID)
	on := machine.State == vm.Running || machine.State == vm.Paused
	switch {
	case on && (len(running) != 1 || running[0] != machine.HostName):
		w.t.Errorf("%s: VM %s should run on %s and runs on %v", after, machine.Name, machine.HostName, running)
	case !on && len(running) > 0:
		w.t.Errorf("%s: VM %s is recorded as %s and runs on %v", after, machine.Name, machine.State, running)
	}
}

// checkDisks wants the hypervisor to give a VM the disks that the inventory says.
func (w *world) checkDisks(after string, machine vm.VM, volumes []volume.Volume) {
	w.t.Helper()
	seen, err := w.nodeOf(machine.Host).driver.Inspect(w.t.Context(), machine.ID)
	if fault.Is(err, fault.KindNotFound) || err == nil && seen.Power == hypervisor.Off {
		return // it is defined when it starts
	}
	must(w.t, err)
	plugged := map[id.Volume]string{}
	limits := map[id.Volume]volume.Limits{}
	for _, disk := range seen.Disks {
		plugged[disk.Volume], limits[disk.Volume] = disk.Device, disk.Limits
	}
	for _, each := range volumes {
		if limits[each.ID] != each.Limits {
			w.t.Errorf("%s: volume %s of VM %s should be limited to %+v and is to %+v", after, each.ID, machine.Name, each.Limits, limits[each.ID])
		}
		if plugged[each.ID] != each.Device {
			w.t.Errorf("%s: volume %s of VM %s should be its disk %s and is %q", after, each.ID, machine.Name, each.Device, plugged[each.ID])
		}
	}
	if len(plugged) != len(volumes) {
		w.t.Errorf("%s: VM %s has the disks %v and should have %d", after, machine.Name, plugged, len(volumes))
	}
}

// checkVolumes adds the volumes that belong to no VM to those that pools should hold.
func (w *world) checkVolumes(after string, wanted map[id.Volume]string) {
	w.t.Helper()
	volumes, _, err := w.store.ListVolumes(w.t.Context(), store.VolumeFilter{Limit: store.MaxPage})
	must(w.t, err)
	for _, each := range volumes {
		wanted[each.ID] = string(each.Host)
		if each.VM == "" && (each.State != volume.Ready || each.Name == "" || each.Device != "" || each.Operation != "") {
			w.t.Errorf("%s: volume %+v belongs to no VM", after, each)
		}
	}
}

// checkCheckpoints wants a VM's disks to track what changes after the backups that the inventory says, and no others.
func (w *world) checkCheckpoints(after string, on *node, machine id.VM) {
	w.t.Helper()
	defined, err := on.driver.Checkpoints(w.t.Context(), machine)
	must(w.t, err)
	taken, _, err := w.store.ListBackups(w.t.Context(), store.BackupFilter{VM: string(machine), Limit: store.MaxPage})
	must(w.t, err)
	for _, each := range defined {
		if !slices.ContainsFunc(taken, func(known backup.Backup) bool { return string(known.ID) == each.Name && known.Checkpoint }) {
			w.t.Errorf("%s: checkpoint %s of VM %s is left behind on %s", after, each.Name, machine, on.name)
		}
	}
}

func (w *world) checkRepository(after string) {
	w.t.Helper()
	leaks, err := w.repo.Unreferenced(w.t.Context(), func(ctx context.Context) ([]id.Backup, error) {
		taken, _, err := w.store.ListBackups(ctx, store.BackupFilter{Limit: store.MaxPage})
		var known []id.Backup
		for _, each := range taken {
			if each.State != backup.Ready {
				w.t.Errorf("%s: backup %s is %s", after, each.ID, each.State)
			}
			known = append(known, each.ID)
		}
		return known, err
	})
	must(w.t, err)
	for _, leak := range leaks {
		w.t.Errorf("%s: the repository still has %+v", after, leak)
	}
}

func (w *world) checkPool(after, name string, pool *storagefake.Pool, at id.Host, wanted map[id.Volume]string) {
	w.t.Helper()
	found, err := pool.ListVolumes(w.t.Context())
	must(w.t, err)
	here := map[id.Volume]bool{}
	for _, each := range found {
		here[each.Volume] = true
		if on, known := wanted[each.Volume]; (!known || on != string(at)) && !slices.Contains(w.strays, each.Volume) {
			w.t.Errorf("%s: volume %s is left behind in pool %s", after, each.Volume, name)
		}
	}
	for each, on := range wanted {
		if on == string(at) && !here[each] {
			w.t.Errorf("%s: volume %s is not in pool %s, where the inventory has it", after, each, name)
		}
	}
}

func (w *world) checkResidents(after string, at *node, residents map[id.VM]bool) {
	w.t.Helper()
	ports, err := at.fabric.Ports(w.t.Context())
	must(w.t, err)
	for _, each := range ports {
		if !residents[each.VM] {
			w.t.Errorf("%s: a port of VM %s is left behind on %s", after, each.VM, at.name)
		}
	}
	machines, err := at.driver.List(w.t.Context())
	must(w.t, err)
	for _, each := range machines {
		if !residents[each.VM] {
			w.t.Errorf("%s: VM %s is still defined on %s", after, each.VM, at.name)
			continue
		}
		w.checkCheckpoints(after, at, each.VM)
	}
}

func (w *world) nodeOf(host id.Host) *node {
	w.t.Helper()
	for _, each := range w.hosts {
		if each.id == host {
			return each
		}
	}
	w.t.Fatalf("there is no host %s", host)
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
