//go:build cgo

package libvirt

import (
	"context"
	"encoding/base64"
	"maps"
	"net"
	"path/filepath"
	"strings"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/volume"
)

// checkDefinition also refuses what libvirt cannot say to QEMU: it knows a pool and an image, and no namespace between
// them (formatdomain of libvirt 9.0).
func checkDefinition(definition hypervisor.Definition) error {
	if err := hypervisor.CheckDefinition(definition); err != nil {
		return err
	}
	for _, disk := range definition.Disks {
		location, err := volume.ParseRBD(disk.Path)
		if err == nil && location.Namespace != "" {
			return fault.Invalid("disk %s is in namespace %q of its Ceph pool, which libvirt cannot open: use a pool of its own instead of a namespace",
				disk.Device, location.Namespace).At("disks")
		}
	}
	return nil
}

// sourceOf describes a location that was checked.
func sourceOf(location string) *libvirtxml.DomainDiskSource {
	found, err := volume.ParseRBD(location)
	if err != nil {
		return &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: location}}
	}
	network := &libvirtxml.DomainDiskSourceNetwork{Protocol: "rbd", Name: found.Pool + "/" + found.Image}
	for _, monitor := range found.Monitors {
		name, port, _ := net.SplitHostPort(monitor) // CheckDefinition has split it
		network.Hosts = append(network.Hosts, libvirtxml.DomainDiskSourceHost{Name: name, Port: port})
	}
	if found.User != "" {
		network.Auth = &libvirtxml.DomainDiskAuth{Username: found.User, Secret: &libvirtxml.DomainDiskSecret{Type: "ceph", UUID: found.Secret}}
	}
	return &libvirtxml.DomainDiskSource{Network: network}
}

// locationOf reads a source of sourceOf; false for another.
func locationOf(source *libvirtxml.DomainDiskSource) (string, bool) {
	if source == nil {
		return "", false
	}
	if source.File != nil {
		return filepath.Clean(source.File.File), true
	}
	network := source.Network
	if network == nil || network.Protocol != "rbd" {
		return "", false
	}
	pool, image, _ := strings.Cut(network.Name, "/")
	found := volume.RBD{Pool: pool, Image: image}
	for _, host := range network.Hosts {
		found.Monitors = append(found.Monitors, net.JoinHostPort(host.Name, host.Port))
	}
	if auth := network.Auth; auth != nil {
		found.User = auth.Username
		if auth.Secret != nil {
			found.Secret = auth.Secret.UUID
		}
	}
	return found.Location(), true
}

// KeepSecret implements hypervisor.SecretKeeper.
func (d *Driver) KeepSecret(ctx context.Context, secret hypervisor.Secret) error {
	if err := secret.Check(); err != nil {
		return err
	}
	d.mutex.Lock()
	d.secrets[secret.UUID] = secret
	d.mutex.Unlock()
	_, err := call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) { return struct{}{}, defineSecret(connection, secret) })
	return err
}

// tellSecrets gives a daemon what it may have forgotten. Disks that need a secret which it refuses cannot be opened, which
// is no reason to do without the daemon.
func (d *Driver) tellSecrets(connection *virt.Connect) {
	d.mutex.Lock()
	secrets := maps.Clone(d.secrets)
	d.mutex.Unlock() // a daemon that stands still must not hold up what needs no daemon
	for _, secret := range secrets {
		if err := defineSecret(connection, secret); err != nil {
			d.log.Error("libvirt refuses a secret", "uuid", secret.UUID, "user", secret.User, "cause", err)
		}
	}
}

func defineSecret(connection *virt.Connect, secret hypervisor.Secret) error {
	described := libvirtxml.Secret{
		Ephemeral: "yes", Private: "yes", UUID: secret.UUID, Description: "NovaCron: Ceph's user " + secret.User,
		Usage: &libvirtxml.SecretUsage{Type: "ceph", Name: "novacron " + secret.UUID},
	}
	text, err := described.Marshal()
	if err != nil {
		return fault.Internal("a secret cannot be written down").Because(err)
	}
	key, err := base64.StdEncoding.DecodeString(secret.Key)
	if err != nil {
		return err
	}
	defined, err := connection.SecretDefineXML(text, 0)
	if err != nil {
		return err
	}
	defer func() { _ = defined.Free() }()
	return defined.SetValue(key, 0)
}
