package control

import (
	"context"
	"slices"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/volume"
)

// PublicationPlan is a VM and the disk of it that becomes a version of a template.
type PublicationPlan struct {
	Machine Machine       `json:"machine"`
	Disk    volume.Volume `json:"disk"`
}

// PlanPublication reads a VM and finds the disk that it boots from.
func (a *Activities) PlanPublication(ctx context.Context, in operation.PublishTemplateRequest) (PublicationPlan, error) {
	machine, err := a.ReadVM(ctx, in.VM)
	if err != nil {
		return PublicationPlan{}, err
	}
	at := slices.IndexFunc(machine.Volumes, volume.Volume.Boots)
	if at < 0 {
		return PublicationPlan{}, fault.Conflict("VM %s has no disk that it boots from", machine.VM.Name)
	}
	return PublicationPlan{Machine: machine, Disk: machine.Volumes[at]}, nil
}

// DiskImage is an image that a host makes of a disk.
type DiskImage struct {
	Image  id.Image `json:"image_id"`
	SHA256 string   `json:"sha256"`
}

// DiscardDiskImage removes an image that a host made of a disk, and its bytes unless another image has them; nothing there is
// fine.
func (a *Activities) DiscardDiskImage(ctx context.Context, in DiskImage) error {
	return a.Images.Discard(ctx, in.Image, in.SHA256)
}

// Publication is a version whose image is kept.
type Publication struct {
	Operation id.Operation                     `json:"operation_id"`
	By        string                           `json:"by"`
	Request   operation.PublishTemplateRequest `json:"request"`
	Forgotten []string                         `json:"forgotten,omitempty"`
	Source    string                           `json:"source_vm_name"`
}

// PublishTemplate makes the version, and the line if there is none of that name; one that is there is answered as it is.
func (a *Activities) PublishTemplate(ctx context.Context, in Publication) (template.Version, error) {
	asked := in.Request
	return a.Store.PublishTemplate(ctx, store.Publication{
		Template: asked.Template, Project: asked.Project, Description: asked.Description, Promote: asked.Promote, Operation: in.Operation,
		Version: template.Version{
			ID: asked.Version, Name: asked.Name, Image: asked.Image, Defaults: asked.Defaults, Notes: asked.Notes, Generalised: asked.Generalised,
			Forgotten: in.Forgotten, Source: asked.VM, SourceName: in.Source, PublishedBy: in.By,
		},
	})
}
