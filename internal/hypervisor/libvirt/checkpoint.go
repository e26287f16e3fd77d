//go:build cgo

package libvirt

import (
	"context"
	"errors"
	"os/exec"
	"slices"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// Checkpoints reads the definitions of a VM's checkpoints, oldest first.
func (d *Driver) Checkpoints(ctx context.Context, vm id.VM) ([]hypervisor.Checkpoint, error) {
	return call(ctx, d.main, func(connection *virt.Connect) ([]hypervisor.Checkpoint, error) {
		return onDomain(connection, vm, readCheckpoints)
	})
}

func readCheckpoints(domain *virt.Domain) ([]hypervisor.Checkpoint, error) {
	found, err := domain.ListAllCheckpoints(virt.DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL)
	if err != nil {
		return nil, err
	}
	var checkpoints []hypervisor.Checkpoint
	for i := range found {
		name, nameErr := found[i].GetName()
		text, textErr := found[i].GetXMLDesc(virt.DOMAIN_CHECKPOINT_XML_NO_DOMAIN)
		_ = found[i].Free()
		if err := errors.Join(nameErr, textErr); err != nil {
			return nil, err
		}
		checkpoints = append(checkpoints, hypervisor.Checkpoint{Name: name, Definition: text})
	}
	return checkpoints, nil
}

// AdoptCheckpoints defines those whose bitmaps came with the disks. Checkpoints form a chain, so that one whose parent did
// not make it becomes the child of the last that did.
func (d *Driver) AdoptCheckpoints(ctx context.Context, vm id.VM, checkpoints []hypervisor.Checkpoint) ([]string, error) {
	return call(ctx, d.main, func(connection *virt.Connect) ([]string, error) {
		return onDomain(connection, vm, func(domain *virt.Domain) ([]string, error) { return adopt(domain, checkpoints) })
	})
}

func adopt(domain *virt.Domain, checkpoints []hypervisor.Checkpoint) ([]string, error) {
	present, err := readCheckpoints(domain)
	if err != nil {
		return nil, err
	}
	active, err := domain.IsActive()
	if err != nil {
		return nil, err
	}
	flags := virt.DOMAIN_CHECKPOINT_CREATE_REDEFINE
	if active { // bitmaps can only be looked at while QEMU has the disks open
		flags |= virt.DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE
	}
	var valid []string
	for _, candidate := range checkpoints {
		text, err := reparent(candidate.Definition, valid)
		if err != nil {
			return nil, err
		}
		adopted, err := domain.CreateCheckpointXML(text, flags)
		if err == nil {
			_ = adopted.Free()
			valid = append(valid, candidate.Name)
			continue
		}
		if isConnectionLost(err) || codeOf(err) == virt.ERR_OPERATION_TIMEOUT {
			return nil, err
		}
		if isPresent(present, candidate.Name) {
			if err := dropCheckpoint(domain, candidate.Name); err != nil {
				return nil, err
			}
		}
	}
	return valid, nil
}

func isPresent(checkpoints []hypervisor.Checkpoint, name string) bool {
	return slices.ContainsFunc(checkpoints, func(c hypervisor.Checkpoint) bool { return c.Name == name })
}

func reparent(definition string, valid []string) (string, error) {
	var checkpoint libvirtxml.DomainCheckpoint
	if err := checkpoint.Unmarshal(definition); err != nil {
		return "", fault.Invalid("the definition of a checkpoint cannot be read").Because(err)
	}
	checkpoint.Parent, checkpoint.Domain = nil, nil
	if len(valid) > 0 {
		checkpoint.Parent = &libvirtxml.DomainCheckpointParent{Name: valid[len(valid)-1]}
	}
	text, err := checkpoint.Marshal()
	if err != nil {
		return "", fault.Internal("the definition of a checkpoint cannot be written").Because(err)
	}
	return text, nil
}

// DeleteCheckpoint forgets a checkpoint with its bitmaps. QEMU removes those of a VM that is on; those of one that is off
// are removed from the images themselves.
func (d *Driver) DeleteCheckpoint(ctx context.Context, vm id.VM, name string) error {
	disks, err := call(ctx, d.main, func(connection *virt.Connect) ([]hypervisor.Disk, error) {
		return onDomain(connection, vm, func(domain *virt.Domain) ([]hypervisor.Disk, error) {
			active, err := domain.IsActive()
			if err != nil {
				return nil, err
			}
			if err := dropCheckpoint(domain, name); err != nil || active {
				return nil, err
			}
			machine, err := inspect(domain)
			return machine.Disks, err
		})
	})
	if err != nil {
		return err
	}
	for _, disk := range disks {
		if disk.Format == "qcow2" {
			// qemu-img fails if there is no such bitmap, which is what is wanted.
			_ = exec.CommandContext(ctx, "qemu-img", "bitmap", "--remove", "-f", "qcow2", disk.Path, name).Run()
		}
	}
	return nil
}

// dropCheckpoint deletes a checkpoint; its metadata alone if the bitmaps are broken or QEMU is away.
func dropCheckpoint(domain *virt.Domain, name string) error {
	checkpoint, err := domain.CheckpointLookupByName(name, 0)
	if codeOf(err) == virt.ERR_NO_DOMAIN_CHECKPOINT {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = checkpoint.Free() }()
	err = checkpoint.Delete(0)
	if err == nil || isConnectionLost(err) || codeOf(err) == virt.ERR_OPERATION_TIMEOUT {
		return err
	}
	return checkpoint.Delete(virt.DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY)
}
