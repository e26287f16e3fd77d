// Package volume is the noun for a virtual disk, and for where a hypervisor finds one.
//
// The package never touches storage.
package volume

import (
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// State is where a volume is in its life.
type State string

// The states.
const (
	Creating State = "creating"
	Ready    State = "ready"
	Trashed  State = "trashed" // to be deleted later, and may be taken back until then
	Deleting State = "deleting"
)

// Limits is the most that a VM may ask of a volume; 0 is no limit. Reads and writes count together.
type Limits struct {
	IOPS           int64 `json:"iops,omitempty" minimum:"0" doc:"Requests a second; 0 is no limit"`
	BytesPerSecond int64 `json:"bytes_per_second,omitempty" minimum:"0" doc:"0 is no limit"`
}

// Below these a limit is more likely a slip than a wish: a guest would hardly boot.
const (
	LeastIOPS           = 10
	LeastBytesPerSecond = 64 << 10
)

// Check says whether the limits make sense; the error is fault.Invalid at the field in question.
func (l Limits) Check() error {
	switch {
	case l.IOPS != 0 && l.IOPS < LeastIOPS:
		return fault.Invalid("a volume is limited to at least %d requests a second, not %d; 0 is no limit", LeastIOPS, l.IOPS).At("iops")
	case l.BytesPerSecond != 0 && l.BytesPerSecond < LeastBytesPerSecond:
		return fault.Invalid("a volume is limited to at least %d bytes a second, not %d; 0 is no limit", LeastBytesPerSecond, l.BytesPerSecond).At("bytes_per_second")
	}
	return nil
}

// Volume is a virtual disk as the inventory records it. One with a name has a life of its own, attached to a VM or to none;
// one without belongs to its VM and ends with it.
type Volume struct {
	ID          id.Volume    `json:"id"`
	Project     id.Project   `json:"project_id"`
	Name        string       `json:"name,omitempty" doc:"Empty for a disk that ends with its VM"`
	VM          id.VM        `json:"vm_id,omitempty"`
	VMName      string       `json:"vm_name,omitempty"`
	Device      string       `json:"device,omitempty" example:"vda" doc:"Empty while it is attached to no VM"`
	Pool        string       `json:"pool" doc:"The name of the pool that holds it"`
	Host        id.Host      `json:"host_id,omitempty" doc:"The host whose pool it is in; empty in a shared pool"`
	HostName    string       `json:"host_name,omitempty"`
	SizeBytes   int64        `json:"size_bytes"`
	Image       id.Image     `json:"image_id,omitempty" doc:"The image it is an overlay of"`
	Format      string       `json:"format" example:"qcow2"`
	Limits      Limits       `json:"limits,omitzero"`
	State       State        `json:"state" enum:"creating,ready,trashed,deleting"`
	PurgeAt     time.Time    `json:"purge_at,omitzero" doc:"When one in the trash is deleted"`
	Operation   id.Operation `json:"operation_id,omitempty" doc:"The operation that is working on it, or on its VM, now"`
	OperationOf string       `json:"operation_kind,omitempty"`
	CreatedAt   time.Time    `json:"created_at"`
}
