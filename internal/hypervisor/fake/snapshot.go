package fake

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// dirtyContext is how QEMU names the metadata context of a bitmap that was exported as "dirty".
const dirtyContext = "qemu:dirty-bitmap:dirty"

// export is what is served of a machine's disks, as they were at one instant.
type export struct {
	checkpoint string
	info       hypervisor.ExportInfo
	server     *nbdServer
}

// endExport stops serving.
func (m *machine) endExport() {
	if m.export != nil {
		m.export.server.stop()
		m.export = nil
	}
}

// BeginExport takes the instant and serves it.
func (h *Host) BeginExport(ctx context.Context, request hypervisor.Export) (hypervisor.ExportInfo, error) {
	var info hypervisor.ExportInfo
	err := h.do(ctx, "BeginExport", func() error {
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
	exports := map[string]nbdExport{}
	info := hypervisor.ExportInfo{}
	for _, place := range m.definition.Disks {
		bytes := h.cluster.diskAt(h.node, place)
		instant := bytes.clone()
		served := nbdExport{disk: instant}
		described := hypervisor.ExportDisk{Device: place.Device, Export: place.Device, SizeBytes: instant.size}
		if request.Since != "" && place.Format == "qcow2" {
			served.dirty = instant.bitmaps[request.Since].dirty
			described.MetaContext = dirtyContext
		}
		exports[place.Device] = served
		info.Disks = append(info.Disks, described)
	}
	server, err := serveNBD(exports)
	if err != nil {
		return nil, fault.Internal("the export of VM %s could not be served", m.definition.Name).Because(err)
	}
	info.Socket = server.socket
	if request.Checkpoint != "" {
		m.checkpoints = append(m.checkpoints, request.Checkpoint)
		for _, place := range m.definition.Disks {
			if place.Format == "qcow2" {
				h.cluster.diskAt(h.node, place).bitmaps[request.Checkpoint] = &bitmap{dirty: map[int64]bool{}}
			}
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
		b, found := h.cluster.diskAt(h.node, place).bitmaps[checkpoint]
		if !found || b.broken {
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
		delete(h.cluster.diskAt(h.node, place).bitmaps, name)
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
