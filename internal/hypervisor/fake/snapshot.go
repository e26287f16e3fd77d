package fake

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/nbd"
	nbdfake "github.com/novacron/novacron/internal/nbd/fake"
)

// dirtyContext is how QEMU names the metadata context of a bitmap that was exported as "changes".
const dirtyContext = "qemu:dirty-bitmap:changes"

// export is what is served of a machine's disks, as they were at one instant.
type export struct {
	checkpoint string
	info       hypervisor.ExportInfo
	server     *nbdfake.Server
}

// endExport stops serving.
func (m *machine) endExport() {
	if m.export != nil {
		_ = m.export.server.Close()
		_ = os.RemoveAll(filepath.Dir(m.export.info.Socket))
		m.export = nil
	}
}

// BeginExport takes the instant and serves it.
func (h *Host) BeginExport(ctx context.Context, request hypervisor.Export) (hypervisor.ExportInfo, error) {
	var info hypervisor.ExportInfo
	err := h.do(ctx, "BeginExport", func() error {
		if request.Checkpoint == "" {
			return fault.Invalid("an export needs the name of the checkpoint to create").At("checkpoint")
		}
		m, err := h.findRunning(request.VM)
		if err != nil {
			return err
		}
		if m.export != nil && m.export.checkpoint == request.Checkpoint {
			info = m.export.info
			return nil
		}
		if m.export != nil || m.sending != nil {
			return fault.Conflict("VM %s has another job; wait for it", m.definition.Name)
		}
		h.dropCheckpoint(m, request.Checkpoint)
		if request.Since != "" && !h.tracked(m, request.Since) {
			return fault.NotFound("the changes of VM %s since checkpoint %s are not known; take a full backup", m.definition.Name, request.Since)
		}
		begun, err := h.serve(m, request)
		if err != nil {
			return err
		}
		m.export, info = begun, begun.info
		return nil
	})
	return info, err
}

// serve snapshots the disks, opens the server and creates the checkpoint.
func (h *Host) serve(m *machine, request hypervisor.Export) (*export, error) {
	var served []nbdfake.Export
	var info hypervisor.ExportInfo
	for _, place := range m.definition.Disks {
		current := h.cluster.diskAt(h.node, place)
		described := hypervisor.ExportDisk{Device: place.Device, Export: place.Device, SizeBytes: current.bytes.Size()}
		offered := nbdfake.Export{Name: place.Device, Disk: current.bytes.Snapshot(), ReadOnly: true}
		if request.Since != "" && place.Format == "qcow2" {
			described.MetaContext = dirtyContext
			offered.Contexts = map[string][]nbd.Extent{dirtyContext: current.bytes.Dirty(request.Since)}
		}
		served, info.Disks = append(served, offered), append(info.Disks, described)
	}
	directory, err := os.MkdirTemp("", "fake-nbd-") // short enough for a socket's path
	if err != nil {
		return nil, fault.Internal("the export of VM %s has no place", m.definition.Name).Because(err)
	}
	info.Socket = filepath.Join(directory, "nbd.sock")
	server, err := nbdfake.Serve(info.Socket, served...)
	if err != nil {
		return nil, fault.Internal("the export of VM %s cannot be served", m.definition.Name).Because(err)
	}
	m.checkpoints = append(m.checkpoints, request.Checkpoint)
	for _, place := range m.definition.Disks {
		if place.Format == "qcow2" {
			h.cluster.diskAt(h.node, place).track(request.Checkpoint)
		}
	}
	return &export{checkpoint: request.Checkpoint, info: info, server: server}, nil
}

// tracked reports whether a checkpoint and the bitmaps behind it are whole.
func (h *Host) tracked(m *machine, checkpoint string) bool {
	return slices.Contains(m.checkpoints, checkpoint) && h.bitmapsWhole(m, checkpoint)
}

func (h *Host) bitmapsWhole(m *machine, checkpoint string) bool {
	for _, place := range m.definition.Disks {
		if place.Format != "qcow2" {
			continue
		}
		if !h.cluster.diskAt(h.node, place).tracks(checkpoint) {
			return false
		}
	}
	return true
}

// EndExport stops serving.
func (h *Host) EndExport(ctx context.Context, vm id.VM) error {
	return h.do(ctx, "EndExport", func() error {
		if m, known := h.node.machines[vm]; known {
			m.endExport()
		}
		return nil
	})
}

// DeleteCheckpoint forgets a checkpoint with its bitmaps.
func (h *Host) DeleteCheckpoint(ctx context.Context, vm id.VM, name string) error {
	return h.do(ctx, "DeleteCheckpoint", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		h.dropCheckpoint(m, name)
		return nil
	})
}

func (h *Host) dropCheckpoint(m *machine, name string) {
	m.checkpoints = slices.DeleteFunc(m.checkpoints, func(other string) bool { return other == name })
	for _, place := range m.definition.Disks {
		h.cluster.diskAt(h.node, place).forget(name)
	}
}

// Checkpoints lists the VM's checkpoints, oldest first.
func (h *Host) Checkpoints(ctx context.Context, vm id.VM) ([]hypervisor.Checkpoint, error) {
	var found []hypervisor.Checkpoint
	err := h.do(ctx, "Checkpoints", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		for _, name := range m.checkpoints {
			found = append(found, hypervisor.Checkpoint{Name: name, Definition: "fake checkpoint " + name})
		}
		return nil
	})
	return found, err
}

// AdoptCheckpoints takes on the checkpoints whose bitmaps are here and whole.
func (h *Host) AdoptCheckpoints(ctx context.Context, vm id.VM, checkpoints []hypervisor.Checkpoint) ([]string, error) {
	var valid []string
	err := h.do(ctx, "AdoptCheckpoints", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		for _, candidate := range checkpoints {
			if !h.bitmapsWhole(m, candidate.Name) {
				m.checkpoints = slices.DeleteFunc(m.checkpoints, func(name string) bool { return name == candidate.Name })
				continue
			}
			if !slices.Contains(m.checkpoints, candidate.Name) {
				m.checkpoints = append(m.checkpoints, candidate.Name)
			}
			valid = append(valid, candidate.Name)
		}
		return nil
	})
	return valid, err
}
