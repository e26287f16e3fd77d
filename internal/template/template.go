// Package template is the noun for a named line of versions that VMs are made from: each an image that does not change, with
// defaults for the VM around it.
//
// The package never touches an image or a guest.
package template

import (
	"strconv"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
)

// Template is a line of versions. At most one of them is current.
type Template struct {
	ID          id.Template `json:"id"`
	Project     id.Project  `json:"project_id,omitempty" doc:"Empty for a template that every project may use"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Current     int         `json:"current,omitempty" doc:"The number of its current version; absent if there is none"`
	Versions    int         `json:"versions"`
	VMs         int         `json:"vms" doc:"VMs that were made from any of its versions"`
	CreatedAt   time.Time   `json:"created_at"`
}

// Version is one of a template's. Nothing of it changes but its state.
type Version struct {
	ID          id.TemplateVersion `json:"id"`
	Template    id.Template        `json:"template_id"`
	Name        string             `json:"template_name"`
	Number      int                `json:"number" minimum:"1"`
	State       State              `json:"state" enum:"published,current,deprecated,withdrawn"`
	Image       id.Image           `json:"image_id,omitempty" doc:"Empty if it was withdrawn and its image is gone"`
	ImageName   string             `json:"image_name,omitempty"`
	ImageBytes  int64              `json:"image_virtual_bytes,omitempty" doc:"Bytes of the image's disk: the smallest that a VM can have"`
	Defaults    Defaults           `json:"defaults"`
	Notes       string             `json:"notes,omitempty"`
	Generalised Generalised        `json:"generalised" enum:"no,declared,agent"`
	Forgotten   []string           `json:"forgotten,omitempty" doc:"What its guest's agent removed: machine_id, ssh_host_keys, cloud_init"`
	Source      id.VM              `json:"source_vm_id,omitempty" doc:"The VM whose disk it was, which may be gone"`
	SourceName  string             `json:"source_vm_name,omitempty"`
	VMs         int                `json:"vms" doc:"VMs that were made from it"`
	PublishedBy string             `json:"published_by"`
	PublishedAt time.Time          `json:"published_at"`
	ChangedBy   string             `json:"changed_by" doc:"Who gave it its state"`
	ChangedAt   time.Time          `json:"changed_at"`
}

// Label is what people call a version, such as web:3.
func (v Version) Label() string { return Label(v.Name, v.Number) }

// Label names a version of a line.
func Label(name string, number int) string { return name + ":" + strconv.Itoa(number) }

// Defaults are what a VM gets that is not asked for something else. Zero fields leave it to the installation's.
type Defaults struct {
	CPUs        int        `json:"cpus,omitempty" doc:"Virtual CPUs"`
	MemoryBytes int64      `json:"memory_bytes,omitempty"`
	DiskBytes   int64      `json:"disk_bytes,omitempty" doc:"At least the image's own"`
	Network     id.Network `json:"network_id,omitempty"`
}

// Check says whether a VM could have them on a disk made from an image of that many bytes; the error is fault.Invalid at
// the field in question.
func (d Defaults) Check(imageBytes int64) error {
	spec := vm.Spec{CPUs: 1, MemoryBytes: vm.MinMemoryBytes}
	if d.CPUs != 0 {
		spec.CPUs = d.CPUs
	}
	if d.MemoryBytes != 0 {
		spec.MemoryBytes = d.MemoryBytes
	}
	if err := spec.Check(); err != nil {
		return err
	}
	if d.DiskBytes == 0 {
		return nil
	}
	if err := vm.CheckDisk(d.DiskBytes); err != nil {
		return err
	}
	if d.DiskBytes < imageBytes {
		return fault.Invalid("the image describes a disk of %d bytes, so VMs made from it need at least that many, not %d; leave disk_bytes out or ask for more",
			imageBytes, d.DiskBytes).At("disk_bytes")
	}
	return nil
}

// Generalised is whether a version's guest was made to forget who it was, so that VMs made from it do not share an identity.
type Generalised string

// The ways.
const (
	NotGeneralised Generalised = "no"       // nobody says so
	Declared       Generalised = "declared" // whoever published it says so
	ByAgent        Generalised = "agent"    // its guest's agent did it
)

// ParseRef takes "web:3" apart; the number is 0 if there is none. The line may be a name or an ID. The error is
// fault.Invalid.
func ParseRef(text string) (line string, number int, err error) {
	line, after, found := strings.Cut(text, ":")
	if !found {
		return line, 0, nil
	}
	number, err = strconv.Atoi(after)
	if err != nil || number < 1 || line == "" || strconv.Itoa(number) != after {
		return "", 0, fault.Invalid("%.80q names no version of a template; write NAME:NUMBER, such as web:3, or NAME for the current one", text)
	}
	return line, number, nil
}
