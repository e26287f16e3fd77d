//go:build cgo

package libvirt

import (
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// Acceleration is how guests' instructions are run.
type Acceleration string

// The accelerations. It is never guessed: a /dev/kvm that exists may still hang.
const (
	KVM Acceleration = "kvm" // by the processor
	TCG Acceleration = "tcg" // by QEMU, in software; slow, works everywhere
)

// SecureScheme lets the daemons speak TLS to each other, and QEMU encrypt the memory and the disks that it sends. Both
// need certificates: libvirt's in /etc/pki/libvirt, QEMU's where migrate_tls_x509_cert_dir of qemu.conf says.
const SecureScheme = "qemu+tls"

// Options is what a driver needs to know of its host.
type Options struct {
	URI              string       // of the libvirt daemon, such as qemu:///system
	Acceleration     Acceleration // empty means KVM
	MigrationAddress string       // the host's own address on the hosts' network, reported in its facts
	MigrationScheme  string       // how daemons reach each other: SecureScheme, or "qemu+tcp" on a closed network; empty means SecureScheme
	ExportDirectory  string       // absolute, on this host: NBD sockets and scratch files of exports, a directory a VM
	Log              *slog.Logger // nil means slog.Default
}

// Driver implements every interface of the port on one libvirt daemon.
type Driver struct {
	options Options
	log     *slog.Logger
	main    *link // short calls and events
	agents  *link // guests' agents, which may be slow to answer

	mutex      sync.Mutex
	watchers   map[int]func(id.VM)
	watcherSeq int
	migrations map[id.VM]*tracker
	farewells  map[id.VM]farewell // how domains left this host, as its events told
	frozen     map[id.VM]int      // file systems frozen by this process
	secrets    map[string]hypervisor.Secret
}

var _ interface {
	hypervisor.Host
	hypervisor.Guest
	hypervisor.Migrator
	hypervisor.Snapshotter
	hypervisor.Screen
	hypervisor.Watcher
	hypervisor.SecretKeeper
} = (*Driver)(nil)

// maximumExportDirectory leaves room for "/" + a VM's ID + "/nbd.sock" in the 107 bytes of a unix socket's path.
const maximumExportDirectory = 107 - 39

// New returns a driver that connects in the background; the daemon need not run yet. The error is fault.Invalid.
func New(options Options) (*Driver, error) {
	if options.URI == "" {
		options.URI = "qemu:///system"
	}
	if options.Acceleration == "" {
		options.Acceleration = KVM
	}
	if options.MigrationScheme == "" {
		options.MigrationScheme = SecureScheme
	}
	switch {
	case options.Acceleration != KVM && options.Acceleration != TCG:
		return nil, fault.Invalid("the acceleration must be kvm or tcg, not %q", options.Acceleration).At("acceleration")
	case !filepath.IsAbs(options.ExportDirectory):
		return nil, fault.Invalid("the directory for exports must be absolute; %q is not", options.ExportDirectory).At("export_directory")
	case len(options.ExportDirectory) > maximumExportDirectory:
		return nil, fault.Invalid("the path of the directory for exports is too long for a unix socket: at most %d bytes", maximumExportDirectory).At("export_directory")
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	d := &Driver{
		options: options, log: options.Log, watchers: map[int]func(id.VM){},
		migrations: map[id.VM]*tracker{}, farewells: map[id.VM]farewell{}, frozen: map[id.VM]int{},
		secrets: map[string]hypervisor.Secret{},
	}
	startEventLoop()
	d.main = newLink(options.URI, d.log, d.listen, d.tellAll)
	d.agents = newLink(options.URI, d.log, nil, nil)
	d.main.begin()
	d.agents.begin()
	return d, nil
}

// Close ends the connections once the calls on them have ended; VMs and migrations go on.
func (d *Driver) Close() error {
	d.main.close()
	d.agents.close()
	return nil
}

func (d *Driver) closed() bool {
	select {
	case <-d.main.done:
		return true
	default:
		return false
	}
}
