package worker

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/novacron/novacron/internal/backuprepo"
	fabricfake "github.com/novacron/novacron/internal/fabric/fake"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	hypervisorfake "github.com/novacron/novacron/internal/hypervisor/fake"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
)

// fakeHost is a host whose worker is real and whose hypervisor, pools and network are fakes.
type fakeHost struct {
	name    string
	address netip.Addr // on loopback, which has a whole /8 of them
	driver  *meddled
	local   *storagefake.Pool
	shared  *storagefake.Pool
	fabric  *fabricfake.Fabric
}

func newFakeHost(cluster *hypervisorfake.Cluster, name string, address netip.Addr, shared *storagefake.Pool) *fakeHost {
	return &fakeHost{
		name: name, address: address, driver: &meddled{Host: cluster.Host(name, address.String())},
		local: storagefake.New(storagefake.Config{Name: "local"}), shared: shared, fabric: fabricfake.New(),
	}
}

// worker is the host's worker, as cmd/novacron-worker makes it.
func (f *fakeHost) worker(server, token, temporal, state string, repository *backuprepo.Repository, log *slog.Logger) *Host {
	return &Host{
		pools: storage.NewSet(nil),
		Name:  f.name, ServerURL: server, EnrolToken: token, TemporalAddress: temporal, State: state, MigrationAddress: f.address,
		Version: "test", Driver: f.driver, Fabric: f.fabric, Repository: repository, Log: log,
		OpenPool: func(_ context.Context, of pool.Definition) (storage.Pool, error) {
			return map[string]storage.Pool{"local": linked{f.local, f.driver.Host}, "shared": linked{f.shared, f.driver.Host}}[of.Name], nil
		},
	}
}

// meddled is a fake hypervisor some of whose methods a test may replace.
type meddled struct {
	*hypervisorfake.Host
	mutex     sync.Mutex
	vncSocket string
	guestInfo func(context.Context) (hypervisor.GuestInfo, error)
}

func (m *meddled) meddle(change func(*meddled)) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	change(m)
}

// VNCSocket returns the test's own socket if it has one.
func (m *meddled) VNCSocket(ctx context.Context, machine id.VM) (string, error) {
	path, err := m.Host.VNCSocket(ctx, machine)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err == nil && m.vncSocket != "" {
		path = m.vncSocket
	}
	return path, err
}

// GuestInfo answers as the test wants it.
func (m *meddled) GuestInfo(ctx context.Context, machine id.VM) (hypervisor.GuestInfo, error) {
	m.mutex.Lock()
	replaced := m.guestInfo
	m.mutex.Unlock()
	if replaced != nil {
		return replaced(ctx)
	}
	return m.Host.GuestInfo(ctx, machine)
}

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

// silentGuest is a guest whose agent does not answer.
var silentGuest = hypervisorfake.Fault{Error: fault.Unavailable("no agent answers")}
