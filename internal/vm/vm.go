package vm

import (
	"net/netip"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// VM is a virtual machine as the inventory records it.
type VM struct {
	ID          id.VM        `json:"id"`
	Project     id.Project   `json:"project_id"`
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	State       State        `json:"state"`
	Host        id.Host      `json:"host_id,omitempty" doc:"Where it runs, or where its disk is when it is off"`
	HostName    string       `json:"host_name,omitempty"`
	Image       id.Image     `json:"image_id,omitempty" doc:"The image its disk was made from; empty once restored from a backup"`
	Template    Origin       `json:"template,omitzero" doc:"The version of a template that it was made from"`
	Spec        Spec         `json:"spec"`
	Interfaces  []Interface  `json:"interfaces"`
	Volumes     []id.Volume  `json:"volume_ids"`
	Snapshots   int          `json:"snapshots" doc:"How many snapshots its disks hold"`
	Snapshot    id.Snapshot  `json:"snapshot_id,omitempty" doc:"The one that its disks have changed since"`
	CloudInit   id.CloudInit `json:"cloud_init_id,omitempty" doc:"What its guest is told at its first start; read it at /vms/{vm}/cloud-init"`
	Operation   id.Operation `json:"operation_id,omitempty" doc:"The operation that is working on it now"`
	OperationOf string       `json:"operation_kind,omitempty" doc:"What that operation does, such as migrate"`
	Generation  int64        `json:"generation" doc:"Grows with each change; the ETag"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

// Origin is a version of a template that a VM was made from.
type Origin struct {
	Template id.Template        `json:"template_id"`
	Version  id.TemplateVersion `json:"version_id"`
	Label    string             `json:"label" example:"web:3"`
}

// Spec is the virtual hardware.
type Spec struct {
	CPUs        int   `json:"cpus" minimum:"1" maximum:"256" doc:"Virtual CPUs"`
	MemoryBytes int64 `json:"memory_bytes" doc:"Memory in bytes, a multiple of 1 MiB"`
}

// Interface is one network card.
type Interface struct {
	Network id.Network `json:"network_id"`
	MAC     string     `json:"mac" example:"52:54:00:12:34:56"`
	IP      netip.Addr `json:"ip"`
}

// Sizes that every host can give a guest; the host's own limits are checked at placement.
const (
	MiB            int64 = 1 << 20
	MinMemoryBytes       = 64 * MiB
	MaxMemoryBytes       = 16 << 40
	MinDiskBytes         = 16 * MiB
	MaxDiskBytes         = 64 << 40
	MaxCPUs              = 256
)

// Check says whether the hardware makes sense; the error is fault.Invalid at the field in question.
func (s Spec) Check() error {
	switch {
	case s.CPUs < 1 || s.CPUs > MaxCPUs:
		return fault.Invalid("a VM has 1 to %d CPUs, not %d", MaxCPUs, s.CPUs).At("cpus")
	case s.MemoryBytes < MinMemoryBytes || s.MemoryBytes > MaxMemoryBytes:
		return fault.Invalid("a VM's memory is between %d MiB and 16 TiB, not %d bytes", MinMemoryBytes/MiB, s.MemoryBytes).At("memory_bytes")
	case s.MemoryBytes%MiB != 0:
		return fault.Invalid("a VM's memory is a multiple of 1 MiB; %d bytes is not", s.MemoryBytes).At("memory_bytes")
	}
	return nil
}

// CheckDisk says whether a disk of that many bytes can be made; the error is fault.Invalid at "disk_bytes".
func CheckDisk(bytes int64) error {
	if bytes < MinDiskBytes || bytes > MaxDiskBytes {
		return fault.Invalid("a disk is between %d MiB and 64 TiB, not %d bytes", MinDiskBytes/MiB, bytes).At("disk_bytes")
	}
	if bytes%512 != 0 {
		return fault.Invalid("a disk is a multiple of 512 bytes; %d is not", bytes).At("disk_bytes")
	}
	return nil
}
