//go:build cgo

package libvirt

import (
	"context"
	"strings"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

func (b block) has(snapshot id.Snapshot) bool {
	for _, each := range b.Inserted.Image.Snapshots {
		if each.Name == string(snapshot) {
			return true
		}
	}
	return false
}

// SnapshotDisks takes one instant of several disks. libvirt 9 has no snapshot within a disk of a running domain that leaves its
// memory alone, and QEMU does.
func (d *Driver) SnapshotDisks(ctx context.Context, machine id.VM, devices []string, snapshot id.Snapshot) error {
	return d.onBlocks(ctx, machine, devices, func(domain *virt.Domain, blocks []block) error {
		var actions []any
		for _, each := range blocks {
			if !each.has(snapshot) {
				actions = append(actions, map[string]any{
					"type": "blockdev-snapshot-internal-sync", "data": map[string]string{"device": each.Inserted.NodeName, "name": string(snapshot)},
				})
			}
		}
		if len(actions) == 0 {
			return nil
		}
		return askQEMU(domain, "transaction", map[string]any{"actions": actions}, nil)
	})
}

// DropDiskSnapshot forgets a snapshot of a disk.
func (d *Driver) DropDiskSnapshot(ctx context.Context, machine id.VM, device string, snapshot id.Snapshot) error {
	return d.onBlocks(ctx, machine, []string{device}, func(domain *virt.Domain, blocks []block) error {
		if !blocks[0].has(snapshot) {
			return nil
		}
		return askQEMU(domain, "blockdev-snapshot-delete-internal-sync", map[string]any{"device": blocks[0].Inserted.NodeName, "name": string(snapshot)}, nil)
	})
}

// onBlocks finds what QEMU has for each device of a domain that is on.
func (d *Driver) onBlocks(ctx context.Context, machine id.VM, devices []string, use func(*virt.Domain, []block) error) error {
	return onlyError(call(ctx, d.main, func(connection *virt.Connect) (struct{}, error) {
		return onDomain(connection, machine, func(domain *virt.Domain) (struct{}, error) {
			active, err := domain.IsActive()
			if err == nil && !active {
				err = fault.Conflict("VM %s is off, so its volumes are snapshotted without the hypervisor", machine)
			}
			if err != nil {
				return struct{}{}, err
			}
			blocks, err := blocksOf(domain, machine, devices)
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, use(domain, blocks)
		})
	}))
}

func blocksOf(domain *virt.Domain, machine id.VM, devices []string) ([]block, error) {
	text, err := domain.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	var parsed libvirtxml.Domain
	if err := parsed.Unmarshal(text); err != nil || parsed.Devices == nil {
		return nil, fault.Internal("the definition of a VM on this host cannot be read").Because(err)
	}
	all, err := queryBlocks(domain)
	if err != nil {
		return nil, err
	}
	blocks := make([]block, 0, len(devices))
	for _, device := range devices {
		found, there := blockOf(parsed.Devices.Disks, all, device)
		if !there {
			return nil, fault.Invalid("VM %s has no disk %q", machine, device).At("device")
		}
		blocks = append(blocks, found)
	}
	return blocks, nil
}

func blockOf(disks []libvirtxml.DomainDisk, all []block, device string) (block, bool) {
	for _, disk := range disks {
		if disk.Target == nil || disk.Target.Dev != device || disk.Alias == nil {
			continue
		}
		for _, each := range all {
			named := strings.HasSuffix(each.Qdev, disk.Alias.Name) || strings.Contains(each.Qdev, "/"+disk.Alias.Name+"/")
			if each.Inserted != nil && named {
				return each, true
			}
		}
	}
	return block{}, false
}
