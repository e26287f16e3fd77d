package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
)

type templateInput struct {
	Scope
	Template string `path:"template" doc:"Name or ID of the template"`
}

type versionInput struct {
	Scope
	Template string `path:"template" doc:"Name or ID of the template"`
	Number   int    `path:"number" minimum:"1" doc:"The version's number"`
}

type changeVersionInput struct {
	Change
	Template string `path:"template" doc:"Name or ID of the template"`
	Number   int    `path:"number" minimum:"1" doc:"The version's number"`
}

type deleteTemplateInput struct {
	Change
	Template string `path:"template" doc:"Name or ID of the template"`
}

func (s *Server) templateRoutes() {
	tags := []string{"Templates"}
	add(s, user, huma.Operation{
		OperationID: "list-templates", Method: http.MethodGet, Path: "/templates", Tags: tags, Summary: "List templates by name",
	}, func(ctx context.Context, in *Scope) (*listed[template.Template], error) {
		where, err := s.reach(ctx, *in)
		if err != nil {
			return nil, err
		}
		found, err := s.store.ListTemplates(ctx, where.listing())
		return page(found, ""), err
	})
	add(s, user, huma.Operation{
		OperationID: "get-template", Method: http.MethodGet, Path: "/templates/{template}", Tags: tags, Summary: "Show a template",
	}, func(ctx context.Context, in *templateInput) (*plain[template.Template], error) {
		found, err := s.findTemplate(ctx, in.Scope, in.Template)
		return &plain[template.Template]{Body: found}, err
	})
	add(s, user, huma.Operation{
		OperationID: "list-template-versions", Method: http.MethodGet, Path: "/templates/{template}/versions", Tags: tags,
		Summary: "List a template's versions, newest first",
	}, func(ctx context.Context, in *templateInput) (*listed[template.Version], error) {
		of, err := s.findTemplate(ctx, in.Scope, in.Template)
		if err != nil {
			return nil, err
		}
		found, err := s.store.TemplateVersions(ctx, of.ID)
		return page(found, ""), err
	})
	add(s, user, huma.Operation{
		OperationID: "get-template-version", Method: http.MethodGet, Path: "/templates/{template}/versions/{number}", Tags: tags,
		Summary: "Show a version of a template",
	}, func(ctx context.Context, in *versionInput) (*plain[template.Version], error) {
		of, err := s.findTemplate(ctx, in.Scope, in.Template)
		if err != nil {
			return nil, err
		}
		found, err := s.store.FindTemplateVersion(ctx, of, in.Number)
		return &plain[template.Version]{Body: found}, err
	})
	s.publishRoutes(tags)
	s.versionRoutes(tags)
	add(s, user, s.answers(huma.Operation{
		OperationID: "delete-template", Method: http.MethodDelete, Path: "/templates/{template}", Tags: tags,
		Summary: "Delete a template with all its versions, if no VM was made from any; the images stay",
	}, http.StatusNoContent, nil, "Deleted"), s.deleteTemplate)
}

// versionRoutes are one route for each thing that can be done to a version.
func (s *Server) versionRoutes(tags []string) {
	for _, each := range []struct {
		action  template.Action
		summary string
	}{
		{template.Promote, "Make a version the current one; the one that was is an ordinary one again"},
		{template.Deprecate, "Say that VMs should be made from another version"},
		{template.Withdraw, "Let no more VMs be made from a version, for good; its image may go then"},
	} {
		add(s, user, s.answers(huma.Operation{
			OperationID: string(each.action) + "-template-version", Method: http.MethodPost,
			Path: "/templates/{template}/versions/{number}/" + string(each.action), Tags: tags, Summary: each.summary,
		}, http.StatusOK, typeOf[template.Version](), "The version as it is now; with dry_run the plan"), s.changesVersion(each.action))
	}
	add(s, user, s.answers(huma.Operation{
		OperationID: "delete-template-version", Method: http.MethodDelete, Path: "/templates/{template}/versions/{number}", Tags: tags,
		Summary: "Delete a withdrawn version that no VM was made from",
	}, http.StatusNoContent, nil, "Deleted"), s.changesVersion(template.Delete))
}

func (s *Server) findTemplate(ctx context.Context, scope Scope, ref string) (template.Template, error) {
	where, err := s.reach(ctx, scope)
	if err != nil {
		return template.Template{}, err
	}
	return s.store.GetTemplate(ctx, where.toward(ref), ref)
}

// ownTemplate finds a template that the caller may change.
func (s *Server) ownTemplate(ctx context.Context, scope Scope, ref string) (template.Template, error) {
	found, err := s.findTemplate(ctx, scope, ref)
	if err == nil && found.Project == "" {
		err = principalOf(ctx).Installation()
	}
	return found, err
}

func (s *Server) changesVersion(action template.Action) func(context.Context, *changeVersionInput) (*changeAnswer, error) {
	return func(ctx context.Context, in *changeVersionInput) (*changeAnswer, error) {
		of, err := s.ownTemplate(ctx, in.Scope, in.Template)
		if err != nil {
			return nil, err
		}
		found, err := s.store.FindTemplateVersion(ctx, of, in.Number)
		if err != nil {
			return nil, err
		}
		if err := found.Can(action); err != nil {
			return nil, err
		}
		if in.DryRun {
			return instead(wouldChange(of, found, action)), nil
		}
		now, err := s.store.ChangeTemplateVersion(ctx, found, action, principalOf(ctx).Name())
		switch {
		case err != nil:
			return nil, err
		case action == template.Delete:
			return gone(), nil
		}
		return changed(http.StatusOK, now, ""), nil
	}
}

// wouldChange is the plan of a change to a version, with what is worth knowing before.
func wouldChange(of template.Template, version template.Version, action template.Action) *answer {
	plan := planOf(string(action)+"_template_version", strings.ToUpper(string(action[:1]))+string(action[1:])+" version "+version.Label())
	switch {
	case action == template.Promote && of.Current != 0:
		plan.Notes = append(plan.Notes, "Version "+template.Label(of.Name, of.Current)+" is current now and will be an ordinary one.")
	case action != template.Promote && version.State == template.Current:
		plan.Notes = append(plan.Notes, "It is the current version: until another one is promoted, whoever makes a VM has to name a version.")
	}
	if action == template.Withdraw && version.VMs > 0 {
		plan.Notes = append(plan.Notes, "VMs that were made from it go on as they are.")
	}
	return planAnswer(plan)
}

func (s *Server) deleteTemplate(ctx context.Context, in *deleteTemplateInput) (*changeAnswer, error) {
	found, err := s.ownTemplate(ctx, in.Scope, in.Template)
	if err != nil {
		return nil, err
	}
	if err := found.CanDelete(); err != nil {
		return nil, err
	}
	if in.DryRun {
		return instead(wouldDo("delete_template", "Delete template "+found.Name+" with its versions; their images stay")), nil
	}
	if err := s.store.DeleteTemplate(ctx, found.ID); err != nil {
		return nil, err
	}
	return gone(), nil
}

// source is what a new VM's disk is made from, and what that says of the VM.
type source struct {
	image    image.Image
	origin   vm.Origin // zero without a template
	defaults template.Defaults
	notes    []string
}

// sourceOf finds the image or the version that a body names. Faults are located at the fields.
func (s *Server) sourceOf(ctx context.Context, where reach, body CreateVMBody) (found source, err error) {
	switch {
	case body.Image != "" && body.Template != "":
		return found, fault.Invalid("a VM is made from an image or from a template; leave one of the two out").At("template")
	case body.Template != "":
		return s.sourceInTemplate(ctx, where, body.Template)
	case body.Image == "":
		return found, fault.Invalid("an image or a template is needed; name one of the list of images or of templates").At("image")
	}
	found.image, err = s.store.GetImage(ctx, where.toward(body.Image), body.Image)
	return found, unknown(err, "image", "image", body.Image)
}

func (s *Server) sourceInTemplate(ctx context.Context, where reach, ref string) (source, error) {
	of, version, err := s.versionNamed(ctx, where, ref)
	if err != nil {
		return source{}, err
	}
	if err := version.State.Makes(version.Label()); err != nil {
		return source{}, err
	}
	found := source{
		origin: vm.Origin{Template: of.ID, Version: version.ID, Label: version.Label()}, defaults: version.Defaults,
		notes: []string{"Made from version " + version.Label() + ", which is " + string(version.State) + "."},
	}
	found.image, err = s.store.GetImage(ctx, "", string(version.Image))
	return found, err
}

// versionNamed finds the version that "web:3" names, or the current one of "web". Faults are at "template".
func (s *Server) versionNamed(ctx context.Context, where reach, ref string) (template.Template, template.Version, error) {
	line, number, err := template.ParseRef(ref)
	if err != nil {
		return template.Template{}, template.Version{}, at(err, "template")
	}
	of, err := s.store.GetTemplate(ctx, where.toward(line), line)
	if err != nil {
		return of, template.Version{}, unknown(err, "template", "template", line)
	}
	if number == 0 && of.Current == 0 {
		return of, template.Version{}, of.NoCurrent()
	}
	if number == 0 {
		number = of.Current
	}
	version, err := s.store.FindTemplateVersion(ctx, of, number)
	if fault.Is(err, fault.KindNotFound) {
		err = fault.Invalid("%s", err).At("template")
	}
	return of, version, err
}

// originOf finds what a list of VMs is narrowed down to: a template, or one version of it.
func (s *Server) originOf(ctx context.Context, where reach, ref string) (id.Template, id.TemplateVersion, error) {
	if ref == "" {
		return "", "", nil
	}
	line, number, err := template.ParseRef(ref)
	if err != nil {
		return "", "", at(err, "template")
	}
	of, err := s.store.GetTemplate(ctx, where.toward(line), line)
	if err != nil || number == 0 {
		return of.ID, "", err
	}
	version, err := s.store.FindTemplateVersion(ctx, of, number)
	return of.ID, version.ID, err
}

// at locates a fault that its maker could not locate.
func at(err error, field string) error {
	if found, ok := errors.AsType[*fault.Error](err); ok {
		return found.At(field)
	}
	return err
}
