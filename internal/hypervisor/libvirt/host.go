//go:build cgo

package libvirt

import (
	"context"
	"fmt"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// Facts describes the host as its daemon sees it.
func (d *Driver) Facts(ctx context.Context) (host.Facts, error) {
	return call(ctx, d.main, func(connection *virt.Connect) (host.Facts, error) {
		node, err := connection.GetNodeInfo()
		if err != nil {
			return host.Facts{}, err
		}
		daemon, err := connection.GetLibVersion()
		if err != nil {
			return host.Facts{}, err
		}
		emulator, err := connection.GetVersion()
		if err != nil {
			return host.Facts{}, err
		}
		facts := host.Facts{
			CPUs: int(node.Cpus), MemoryBytes: int64(node.Memory) << 10, Architecture: node.Model, CPUModel: processor(connection),
			LibvirtVersion: version(daemon), HypervisorVersion: version(emulator),
			MigrationAddress: d.options.MigrationAddress, Acceleration: string(d.options.Acceleration),
		}
		return facts, nil
	})
}

// processor names the host's CPU model, "unknown" if libvirt cannot tell.
func processor(connection *virt.Connect) string {
	text, err := connection.GetCapabilities()
	if err != nil {
		return "unknown"
	}
	var capabilities libvirtxml.Caps
	if err := capabilities.Unmarshal(text); err != nil || capabilities.Host.CPU == nil || capabilities.Host.CPU.Model == "" {
		return "unknown"
	}
	return capabilities.Host.CPU.Model
}

// version spells out libvirt's number: 1,000,000 * major + 1,000 * minor + release.
func version(number uint32) string {
	return fmt.Sprintf("%d.%d.%d", number/1_000_000, number/1_000%1_000, number%1_000)
}

// List returns every domain, ours and others'.
func (d *Driver) List(ctx context.Context) ([]hypervisor.Machine, error) {
	return call(ctx, d.main, func(connection *virt.Connect) ([]hypervisor.Machine, error) {
		domains, err := connection.ListAllDomains(0)
		if err != nil {
			return nil, err
		}
		machines := make([]hypervisor.Machine, 0, len(domains))
		for i := range domains {
			machine, err := inspect(&domains[i])
			_ = domains[i].Free()
			if codeOf(err) == virt.ERR_NO_DOMAIN {
				continue // it went away since
			}
			if err != nil {
				return nil, err
			}
			machines = append(machines, machine)
		}
		return machines, nil
	})
}

// Inspect returns one domain of ours.
func (d *Driver) Inspect(ctx context.Context, vm id.VM) (hypervisor.Machine, error) {
	return call(ctx, d.main, func(connection *virt.Connect) (hypervisor.Machine, error) {
		return onDomain(connection, vm, inspect)
	})
}

// Define records the VM; a definition that is there already is left as it is.
func (d *Driver) Define(ctx context.Context, definition hypervisor.Definition) error {
	if err := checkDefinition(definition); err != nil {
		return err
	}
	if _, ours := vmNamed(string(definition.VM)); !ours {
		return fault.Invalid("%q is not the ID of a VM", definition.VM).At("vm_id")
	}
	note, err := noteOf(definition)
	if err != nil {
		return err
	}
	text, err := domainXML(definition, d.options.Acceleration)
	if err != nil {
		return err
	}
	return run(ctx, d.main, func(connection *virt.Connect) error {
		same, err := onDomain(connection, definition.VM, func(domain *virt.Domain) (bool, error) {
			return redefinable(domain, definition.Name, note.Digest)
		})
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		if same {
			return nil
		}
		domain, err := connection.DomainDefineXMLFlags(text, virt.DOMAIN_DEFINE_VALIDATE)
		if err != nil {
			return err
		}
		return domain.Free()
	})
}

// redefinable reports whether the domain is already what is asked for; Conflict if it is not and cannot become so now.
func redefinable(domain *virt.Domain, name, digest string) (bool, error) {
	text, err := domain.GetXMLDesc(virt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return false, err
	}
	found, err := describe(text)
	if err != nil {
		return false, err
	}
	persistent, err := domain.IsPersistent()
	if err != nil {
		return false, err
	}
	if found.digest == digest {
		return persistent, nil // one that arrived without becoming persistent is defined as it is
	}
	active, err := domain.IsActive()
	if err != nil {
		return false, err
	}
	if active {
		return false, fault.Conflict("VM %s is on, so its hardware cannot be changed; stop it first", name)
	}
	return false, nil
}

const undefineEverything = virt.DOMAIN_UNDEFINE_MANAGED_SAVE | virt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
	virt.DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | virt.DOMAIN_UNDEFINE_NVRAM

// Undefine forgets a domain that is off, with its checkpoints' metadata and whatever an export left.
func (d *Driver) Undefine(ctx context.Context, vm id.VM) error {
	if err := d.undefine(ctx, vm); err != nil {
		return err
	}
	d.forget(vm)
	return d.removeExportFiles(vm)
}

func (d *Driver) undefine(ctx context.Context, vm id.VM) error {
	err := run(ctx, d.main, func(connection *virt.Connect) error {
		return onlyError(onDomain(connection, vm, func(domain *virt.Domain) (struct{}, error) {
			active, err := domain.IsActive()
			if err != nil {
				return struct{}{}, err
			}
			if active {
				return struct{}{}, fault.Conflict("VM %s is on, so it cannot be removed; stop it first", vm)
			}
			return struct{}{}, domain.UndefineFlags(undefineEverything)
		}))
	})
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

func onlyError[T any](_ T, err error) error { return err }

// VNCSocket returns the socket that libvirt chose when the VM was switched on here.
func (d *Driver) VNCSocket(ctx context.Context, vm id.VM) (string, error) {
	return call(ctx, d.main, func(connection *virt.Connect) (string, error) {
		return onDomain(connection, vm, func(domain *virt.Domain) (string, error) {
			text, err := domain.GetXMLDesc(0)
			if err != nil {
				return "", err
			}
			found, err := describe(text)
			if err != nil {
				return "", err
			}
			if found.screen == "" {
				return "", fault.Conflict("VM %s is off, so it shows nothing; start it first", vm)
			}
			return found.screen, nil
		})
	})
}
