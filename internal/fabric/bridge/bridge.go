package bridge

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Fabric drives the networks of this host. It is safe for concurrent use; two processes must not share a state directory.
type Fabric struct {
	mutex   sync.Mutex
	local   netip.Addr
	state   records
	servers string // directory of the running dnsmasqs
	log     *slog.Logger
}

var _ fabric.Fabric = (*Fabric)(nil)

// Config is what a driver needs to know of its host.
type Config struct {
	StateDir string       // absolute path of the records; made if it is missing
	Local    netip.Addr   // this host's IPv4 address on the hosts' network, from which tunnels leave
	Log      *slog.Logger // what was found broken and mended; slog.Default() if nil
}

// New drives the networks of this host, those included that an earlier process made.
func New(config Config) (*Fabric, error) {
	if !config.Local.Is4() {
		return nil, fault.Invalid("the address of this host for tunnels, %q, is not an IPv4 address", config.Local)
	}
	state, err := openRecords(config.StateDir)
	if err != nil {
		return nil, err
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	return &Fabric{local: config.Local, state: state, servers: serversDir, log: config.Log}, nil
}

// EnsureNetwork implements fabric.Fabric. It also starts dnsmasq again where it died, so call it now and then.
func (f *Fabric) EnsureNetwork(ctx context.Context, network fabric.Network) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := network.Check(); err != nil {
		return err
	}
	existing, err := f.state.networks()
	if err != nil {
		return err
	}
	for _, other := range existing {
		if other.Network == network.Network && (other.VNI != network.VNI || other.Range != network.Range) {
			return fabric.Moved(other, network)
		}
		if other.Network != network.Network && other.VNI == network.VNI {
			return fabric.Taken(other, network)
		}
	}
	if err := f.state.saveNetwork(network); err != nil {
		return err
	}
	return f.build(ctx, network)
}

// build makes the machine match the records of a network.
func (f *Fabric) build(ctx context.Context, network fabric.Network) error {
	if err := f.ensureLinks(network); err != nil {
		return err
	}
	if err := ensureFilter(ctx, network); err != nil {
		return err
	}
	return f.serveDHCP(ctx, network)
}

// RemoveNetwork implements fabric.Fabric.
func (f *Fabric) RemoveNetwork(ctx context.Context, network id.Network) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	found, exists, err := f.state.network(network)
	if err != nil || !exists {
		return err
	}
	ports, err := f.state.portsOf(network)
	if err != nil {
		return err
	}
	if len(ports) > 0 {
		return fabric.InUse(found, len(ports))
	}
	if err := f.stopDHCP(network); err != nil {
		return err
	}
	if err := os.RemoveAll(f.serverDirectory(network)); err != nil {
		return broken(err)
	}
	if err := removeFilter(ctx, found); err != nil {
		return err
	}
	if err := removeLinks(found); err != nil {
		return err
	}
	return f.state.forgetNetwork(network)
}

// EnsurePort implements fabric.Fabric.
func (f *Fabric) EnsurePort(ctx context.Context, port fabric.Port) (fabric.Attachment, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := ctx.Err(); err != nil {
		return fabric.Attachment{}, err
	}
	network, exists, err := f.state.network(port.Network)
	if err != nil {
		return fabric.Attachment{}, err
	}
	if !exists {
		return fabric.Attachment{}, fabric.UnknownNetwork(port)
	}
	if err := port.Check(network); err != nil {
		return fabric.Attachment{}, err
	}
	ports, err := f.state.portsOf(port.Network)
	if err != nil {
		return fabric.Attachment{}, err
	}
	if err := port.Clash(ports); err != nil {
		return fabric.Attachment{}, err
	}
	if err := f.state.savePort(port); err != nil {
		return fabric.Attachment{}, err
	}
	// After a reboot only the records are left; a VM may be wanted before anyone asks for the network again.
	if link, err := find(bridgeName(network)); err != nil || link == nil {
		return attachment(network), f.build(ctx, network)
	}
	return attachment(network), f.serveDHCP(ctx, network)
}

func attachment(network fabric.Network) fabric.Attachment {
	return fabric.Attachment{Bridge: bridgeName(network), MTU: network.MTU}
}

// RemovePort implements fabric.Fabric.
func (f *Fabric) RemovePort(ctx context.Context, machine id.VM, network id.Network) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	found, exists, err := f.state.network(network)
	if err != nil || !exists {
		return err
	}
	removed, err := f.state.forgetPort(machine, network)
	if err != nil || !removed {
		return err
	}
	// A dnsmasq that remembers the lease would refuse the address to the next VM that gets it.
	if err := f.stopDHCP(network); err != nil {
		return err
	}
	return f.serveDHCP(ctx, found)
}

// Ports implements fabric.Fabric.
func (f *Fabric) Ports(ctx context.Context) ([]fabric.Port, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	networks, err := f.state.networks()
	if err != nil {
		return nil, err
	}
	ports := []fabric.Port{}
	for _, network := range networks {
		found, err := f.state.portsOf(network.Network)
		if err != nil {
			return nil, err
		}
		ports = append(ports, found...)
	}
	return ports, nil
}
