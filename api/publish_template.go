package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// VersionBody is what a new version of a template is, whatever its image comes from.
type VersionBody struct {
	Name        string `json:"name" example:"web" doc:"Of the template, which is made if there is none"`
	Description string `json:"description,omitempty" maxLength:"1000" doc:"Of the template; left as it is if left out"`
	Notes       string `json:"notes,omitempty" maxLength:"1000" doc:"What is new in this version"`
	CPUs        *int   `json:"cpus,omitempty" doc:"Virtual CPUs of VMs that are not asked for a number"`
	MemoryBytes *int64 `json:"memory_bytes,omitempty" doc:"Of VMs that are not asked for an amount"`
	DiskBytes   *int64 `json:"disk_bytes,omitempty" doc:"Of VMs that are not asked for a size; at least the image's own"`
	Network     string `json:"network,omitempty" doc:"Name or ID of the network of VMs that are not asked for one"`
	Promote     bool   `json:"promote,omitempty" doc:"Make it the current version at once"`
	Public      bool   `json:"public,omitempty" doc:"For every project; administrators only"`
}

// PublishTemplateBody makes a version of an image.
type PublishTemplateBody struct {
	VersionBody
	Image       string               `json:"image" doc:"Name or ID of the image"`
	Generalised template.Generalised `json:"generalised,omitempty" enum:"no,declared" doc:"declared: you say that the image holds no machine's identity"`
}

// PublishVMBody makes a version of a VM's boot disk.
type PublishVMBody struct {
	VersionBody
	VM          string               `json:"vm" doc:"Name or ID of the VM, which is off, or is switched off for it"`
	Image       string               `json:"image,omitempty" doc:"Name of the image that its disk becomes; the template's with the time if left out"`
	Generalised template.Generalised `json:"generalised,omitempty" enum:"no,declared,agent" doc:"agent: the running guest is asked to forget who it is, and then the VM is switched off. declared: you say that it has"`
}

type publishTemplateInput struct {
	Change
	Body PublishTemplateBody
}

type publishVMInput struct {
	Mutation
	Body PublishVMBody
}

func (s *Server) publishRoutes(tags []string) {
	add(s, user, s.answers(huma.Operation{
		OperationID: "publish-template", Method: http.MethodPost, Path: "/templates", Tags: tags,
		Summary: "Publish an image as a new version of a template",
	}, http.StatusCreated, typeOf[template.Version](), "The version"), s.publishTemplate)
	add(s, user, s.starts(huma.Operation{
		OperationID: "publish-template-from-vm", Method: http.MethodPost, Path: "/templates/from-vm", Tags: tags,
		Summary:     "Publish the disk that a VM boots from as a new version of a template",
		Description: "The disk is read at rest and becomes an image. The VM is off afterwards.",
	}), func(ctx context.Context, in *publishVMInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.preparePublication(ctx, where, in.Body) })
	})
	s.addRaw(machine, huma.Operation{
		OperationID: "keep-host-image", Method: http.MethodPut, Path: "/hosts/self/images/{image}", Tags: hostTags,
		Summary:     "Send the bytes of an image that an operation on this host makes of a disk",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{octets: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}},
		Parameters: []*huma.Param{{
			Name: "sha256", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "Of the bytes, in hex: others are refused",
		}},
		Responses: map[string]*huma.Response{"200": {Description: "The image, which is kept", Content: s.jsonOf(typeOf[image.Image]())}},
	}, s.keepHostImage)
}

func (s *Server) publishTemplate(ctx context.Context, in *publishTemplateInput) (*changeAnswer, error) {
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	from, err := s.store.GetImage(ctx, where.toward(in.Body.Image), in.Body.Image)
	if err != nil {
		return nil, unknown(err, "image", "image", in.Body.Image)
	}
	wanted, err := s.judgeVersion(ctx, where, in.Body.VersionBody, from.VirtualBytes)
	if err != nil {
		return nil, err
	}
	if from.Project != "" && from.Project != wanted.Project {
		return nil, fault.Invalid("image %s belongs to one project, and the template to another or to all; import it for that one too", from.Name).At("image")
	}
	wanted.Version.Image, wanted.Version.Generalised = from.ID, generalised(in.Body.Generalised)
	if in.DryRun {
		return instead(wouldDo("publish_template", "Publish image "+from.Name+" as a version of template "+in.Body.Name)), nil
	}
	made, err := s.store.PublishTemplate(ctx, wanted)
	if err != nil {
		return nil, err
	}
	answer := changed(http.StatusCreated, made, "")
	answer.Location = fmt.Sprintf("%s/templates/%s/versions/%d", basePath, made.Template, made.Number)
	return answer, nil
}

func generalised(asked template.Generalised) template.Generalised {
	if asked == "" {
		return template.NotGeneralised
	}
	return asked
}

// judgeVersion checks all of a version that does not depend on where its image comes from.
func (s *Server) judgeVersion(ctx context.Context, where reach, body VersionBody, imageBytes int64) (store.Publication, error) {
	wanted := store.Publication{
		Template: id.New[id.Template](), Description: body.Description, Promote: body.Promote,
		Version: template.Version{
			ID: id.New[id.TemplateVersion](), Name: body.Name, Notes: body.Notes, PublishedBy: principalOf(ctx).Name(),
			Defaults: template.Defaults{CPUs: or(body.CPUs, 0), MemoryBytes: or(body.MemoryBytes, 0), DiskBytes: or(body.DiskBytes, 0)},
		},
	}
	if err := project.CheckName(body.Name); err != nil {
		return wanted, err
	}
	var err error
	if wanted.Project, err = owner(ctx, where, body.Public); err != nil {
		return wanted, err
	}
	if err := wanted.Version.Defaults.Check(imageBytes); err != nil {
		return wanted, err
	}
	if body.Network == "" {
		return wanted, nil
	}
	wired, err := s.networkFor(ctx, where, body.Network)
	if err == nil && wanted.Project == "" && wired.Project != "" {
		err = fault.Invalid("network %s belongs to one project, and the template to all; take a network of all projects, or none", wired.Name).At("network")
	}
	wanted.Version.Defaults.Network = wired.ID
	return wanted, err
}

func (s *Server) preparePublication(ctx context.Context, where reach, body PublishVMBody) (intent, error) {
	of, err := s.store.GetVM(ctx, where.toward(body.VM), body.VM)
	if err != nil {
		return intent{}, unknown(err, "vm", "VM", body.VM)
	}
	if err := canPublish(of, body.Generalised); err != nil {
		return intent{}, err
	}
	disk, err := s.bootDiskOf(ctx, of)
	if err != nil {
		return intent{}, err
	}
	wanted, err := s.judgeVersion(ctx, where, body.VersionBody, disk.SizeBytes)
	if err != nil {
		return intent{}, err
	}
	if !body.Public {
		wanted.Project = of.Project // which an administrator need not have chosen
	}
	name, err := s.imageNameFor(ctx, wanted.Project, body)
	if err != nil {
		return intent{}, err
	}
	version := wanted.Version
	request := operation.PublishTemplateRequest{
		Template: wanted.Template, Version: version.ID, Project: wanted.Project, Name: version.Name, Description: wanted.Description,
		Notes: version.Notes, Defaults: version.Defaults, Generalised: generalised(body.Generalised), Promote: wanted.Promote,
		VM: of.ID, Image: id.New[id.Image](), ImageName: name,
	}
	made := onVM(of, operation.PublishTemplate, request)
	made.Claims = append(made.Claims, string(request.Image))
	made.notes = publicationNotes(request)
	return made, nil
}

// canPublish says whether a VM's disk can be read at rest, with its identity gone if that is asked.
func canPublish(of vm.VM, how template.Generalised) error {
	if err := of.Can(vm.PublishTemplate); err != nil {
		return err
	}
	switch {
	case of.State == vm.Running && how != template.ByAgent:
		return fault.Conflict("VM %s is running, and its disk can only be read at rest: stop it, or ask for generalised agent, which switches it off", of.Name).At("vm")
	case of.State != vm.Running && how == template.ByAgent:
		return fault.Conflict("VM %s is off, so its guest cannot be asked to forget who it is: start it, or leave generalised out", of.Name).At("generalised")
	}
	return nil
}

func (s *Server) bootDiskOf(ctx context.Context, of vm.VM) (volume.Volume, error) {
	disks, err := s.store.VolumesOf(ctx, of.ID)
	if err != nil {
		return volume.Volume{}, err
	}
	for _, each := range disks {
		if each.Boots() {
			return each, nil
		}
	}
	return volume.Volume{}, fault.Conflict("VM %s has no disk that it boots from", of.Name).At("vm")
}

// imageNameFor is the name of the image that a disk becomes; it is free now, and unlikely to be taken soon.
func (s *Server) imageNameFor(ctx context.Context, in id.Project, body PublishVMBody) (string, error) {
	name := body.Image
	if name == "" {
		stamp := s.now().UTC().Format("-20060102-150405")
		name = body.Name[:min(len(body.Name), 63-len(stamp))] + stamp
	}
	if err := project.CheckName(name); err != nil {
		return "", at(err, "image")
	}
	there, err := s.store.GetImage(ctx, in, name)
	switch {
	case err == nil && there.Project == in:
		return "", fault.Conflict("there is an image named %s already; choose another name", name).At("image")
	case err != nil && !fault.Is(err, fault.KindNotFound) && !fault.Is(err, fault.KindConflict): // several projects have one: none is in the way
		return "", err
	}
	return name, nil
}

func publicationNotes(request operation.PublishTemplateRequest) []string {
	notes := []string{"The disk becomes image " + request.ImageName + "."}
	switch request.Generalised {
	case template.ByAgent:
		notes = append(notes, "The guest forgets its machine ID, and its SSH host keys and cloud-init's record where it makes new ones; that is not taken back. "+
			"The VM is off afterwards, and makes itself a new identity when it is started.")
	case template.NotGeneralised:
		notes = append(notes, "VMs made from it begin with the identity of this one: machine ID, SSH host keys.")
	}
	return notes
}

// keepHostImage takes in the bytes of an image from the host on which an operation makes it. What is kept already is answered
// as it is.
func (s *Server) keepHostImage(c *gin.Context) error {
	ctx := c.Request.Context()
	sum, err := checksum(c.Query("sha256"))
	if err != nil {
		return err
	}
	if sum == "" {
		return fault.Invalid("say which bytes these are: sha256 is missing").At("sha256")
	}
	wanted, err := s.awaited(ctx, id.Image(c.Param("image")))
	if err != nil {
		return err
	}
	kept, err := s.store.GetImage(ctx, "", string(wanted.ID))
	if fault.Is(err, fault.KindNotFound) {
		kept, err = s.takeFromHost(c, wanted, sum)
	}
	switch {
	case err != nil:
		return statusOfImport(err)
	case kept.SHA256 != sum:
		return fault.Conflict("image %s is kept already, with other bytes", kept.Name)
	case kept.ID != wanted.ID:
		return fault.Conflict("there is an image named %s already, with the same bytes; publish that one", kept.Name)
	}
	encoded, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/json", encoded)
	return nil
}

// takeFromHost keeps what a host sends. It is sent again from its beginning if it breaks off, so nothing of it is left.
func (s *Server) takeFromHost(c *gin.Context, wanted imagestore.Wanted, sum string) (image.Image, error) {
	place, err := s.images.NewPlace()
	if err != nil {
		return image.Image{}, err
	}
	defer func() { _ = place.Remove() }() // what cannot be removed is swept
	kept, _, err := s.takeInto(c, wanted, upload{sha256: sum}, place)
	return kept, err
}

// awaited is the image that an operation on the caller's host makes; NotFound if there is none.
func (s *Server) awaited(ctx context.Context, wanted id.Image) (imagestore.Wanted, error) {
	nobody := fault.NotFound("no operation on this host makes image %s", wanted)
	holder, err := s.store.HolderOf(ctx, string(wanted))
	if fault.Is(err, fault.KindNotFound) || err == nil && holder.Kind != operation.PublishTemplate {
		return imagestore.Wanted{}, nobody
	}
	if err != nil {
		return imagestore.Wanted{}, err
	}
	var asked operation.PublishTemplateRequest
	if err := json.Unmarshal(holder.Request, &asked); err != nil {
		return imagestore.Wanted{}, fault.Internal("the recorded request cannot be read").Because(err)
	}
	of, err := s.store.GetVM(ctx, "", string(asked.VM))
	if fault.Is(err, fault.KindNotFound) || err == nil && of.Host != principalOf(ctx).Host {
		return imagestore.Wanted{}, nobody
	}
	return imagestore.Wanted{ID: asked.Image, Project: asked.Project, Name: asked.ImageName}, err
}
