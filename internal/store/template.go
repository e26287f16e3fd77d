package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/template"
	"github.com/novacron/novacron/internal/vm"
)

// templateFacts is the data of a template's events.
type templateFacts struct {
	Name   string         `json:"name"`
	Number int            `json:"number,omitempty"`
	State  template.State `json:"state,omitempty"`
}

// GetTemplate finds a template of the project, or one for every project, by name or ID. The project's own comes first.
func (s *Store) GetTemplate(ctx context.Context, inProject id.Project, ref string) (template.Template, error) {
	rows, err := s.queries.FindTemplate(ctx, ref, string(inProject))
	switch {
	case err != nil:
		return template.Template{}, translate(err)
	case len(rows) == 0:
		return template.Template{}, fault.NotFound("there is no template %s; list them with novacron template list", ref)
	case len(rows) > 1 && inProject == "":
		return template.Template{}, ambiguous("template", ref)
	}
	return templateOf(rows[0])
}

func templateOf(row db.TemplateRecord) (template.Template, error) {
	return template.Template{
		ID: id.Template(row.ID), Project: fromNull[id.Project](row.ProjectID), Name: row.Name, Description: row.Description,
		Current: int(row.Current), Versions: int(row.Versions), VMs: int(row.VMs), CreatedAt: row.CreatedAt,
	}, nil
}

// ListTemplates returns the project's templates and those for every project, by name.
func (s *Store) ListTemplates(ctx context.Context, inProject id.Project) ([]template.Template, error) {
	rows, err := s.queries.ListTemplates(ctx, string(inProject))
	return mapRows(rows, err, templateOf)
}

// TemplateVersions returns a template's versions, newest first.
func (s *Store) TemplateVersions(ctx context.Context, of id.Template) ([]template.Version, error) {
	rows, err := s.queries.TemplateVersions(ctx, string(of))
	return mapRows(rows, err, templateVersionOf)
}

// FindTemplateVersion finds a version of a template by its number.
func (s *Store) FindTemplateVersion(ctx context.Context, of template.Template, number int) (template.Version, error) {
	row, err := s.queries.FindTemplateVersion(ctx, string(of.ID), int32(number))
	if err != nil {
		return template.Version{}, missing(err, "template %s has no version %d; list them with novacron template show %s", of.Name, number, of.Name)
	}
	return templateVersionOf(row)
}

func templateVersionOf(row db.TemplateVersionRecord) (template.Version, error) {
	return template.Version{
		ID: id.TemplateVersion(row.ID), Template: id.Template(row.TemplateID), Name: row.Name, Number: int(row.Number), State: template.State(row.State),
		Image: fromNull[id.Image](row.ImageID), ImageName: row.ImageName, ImageBytes: row.ImageBytes,
		Defaults: template.Defaults{
			CPUs: int(zeroFromNull(row.CPUs)), MemoryBytes: zeroFromNull(row.MemoryBytes), DiskBytes: zeroFromNull(row.DiskBytes),
			Network: fromNull[id.Network](row.NetworkID),
		},
		Notes: row.Notes, Generalised: template.Generalised(row.Generalised), Forgotten: row.Forgotten,
		Source: id.VM(row.SourceVMID), SourceName: row.SourceVMName, VMs: int(row.VMs),
		PublishedBy: row.PublishedBy, PublishedAt: row.PublishedAt, ChangedBy: row.ChangedBy, ChangedAt: row.ChangedAt,
	}, nil
}

// Publication is a version that is to be published.
type Publication struct {
	Template    id.Template      // of the line, if there is none of that name yet
	Project     id.Project       // empty for every project
	Description string           // of the line; empty to leave it as it is
	Version     template.Version // with Name, and all that does not come from the line or the image
	Promote     bool             // it is current at once
	Operation   id.Operation     // that does it; empty if none does
}

// PublishTemplate adds a version to a line, which it makes if need be, with the event template.published, and
// template.promoted if asked. A version that was published already is answered as it is. NotFound if the image is gone.
func (s *Store) PublishTemplate(ctx context.Context, wanted Publication) (template.Version, error) {
	if err := project.CheckName(wanted.Version.Name); err != nil {
		return template.Version{}, err
	}
	var made template.Version
	err := s.change(ctx, func(c *change) error {
		row, err := c.GetTemplateVersion(ctx, string(wanted.Version.ID))
		if errors.Is(err, pgx.ErrNoRows) {
			row, err = c.publish(ctx, wanted)
		}
		if err != nil {
			return err
		}
		made, err = templateVersionOf(row)
		return err
	})
	return made, err
}

func (c *change) publish(ctx context.Context, wanted Publication) (db.TemplateVersionRecord, error) {
	line, err := c.EnsureTemplate(ctx, db.EnsureTemplateParams{
		ID: string(wanted.Template), ProjectID: orNull(wanted.Project), Name: wanted.Version.Name, Description: wanted.Description,
	})
	if err != nil {
		return db.TemplateVersionRecord{}, err
	}
	of := wanted.Version
	err = c.InsertTemplateVersion(ctx, db.InsertTemplateVersionParams{
		ID: string(of.ID), TemplateID: line.ID, Number: line.LastNumber, State: string(template.Published), ImageID: orNull(of.Image),
		CPUs: nullFromZero(int32(of.Defaults.CPUs)), MemoryBytes: nullFromZero(of.Defaults.MemoryBytes), DiskBytes: nullFromZero(of.Defaults.DiskBytes),
		NetworkID: orNull(of.Defaults.Network), Notes: of.Notes, Generalised: string(of.Generalised), Forgotten: append([]string{}, of.Forgotten...),
		SourceVMID: string(of.Source), SourceVMName: of.SourceName, PublishedBy: of.PublishedBy,
	})
	if err != nil {
		return db.TemplateVersionRecord{}, err
	}
	row, err := c.GetTemplateVersion(ctx, string(of.ID))
	if err != nil {
		return row, err
	}
	c.emitTemplate(row, "template.published", template.Published, wanted.Operation)
	if !wanted.Promote {
		return row, nil
	}
	if err := c.promote(ctx, row, of.PublishedBy, wanted.Operation); err != nil {
		return row, err
	}
	return c.GetTemplateVersion(ctx, string(of.ID))
}

// promote makes a version the current one; the one that was is an ordinary published one again.
func (c *change) promote(ctx context.Context, row db.TemplateVersionRecord, by string, as id.Operation) error {
	all, err := c.TemplateVersions(ctx, row.TemplateID)
	if err != nil {
		return err
	}
	for _, each := range all {
		if each.State != string(template.Current) {
			continue
		}
		if err := c.SetTemplateVersionState(ctx, string(template.Published), by, each.ID); err != nil {
			return err
		}
	}
	c.emitTemplate(row, "template.promoted", template.Current, as)
	return c.SetTemplateVersionState(ctx, string(template.Current), by, row.ID)
}

func (c *change) emitTemplate(of db.TemplateVersionRecord, what string, state template.State, by id.Operation) {
	c.emit(event.Event{
		Type: what, Project: fromNull[string](of.ProjectID), SubjectKind: "template", SubjectID: of.TemplateID, Operation: string(by),
	}, templateFacts{Name: of.Name, Number: int(of.Number), State: state})
}

// pastTense names the events of what is done to versions.
var pastTense = map[template.Action]string{
	template.Promote: "template.promoted", template.Deprecate: "template.deprecated", template.Withdraw: "template.withdrawn",
	template.Delete: "template.version_deleted",
}

// ChangeTemplateVersion promotes, deprecates, withdraws or deletes a version, with an event, and returns it as it is then,
// or was last. Conflict if its state or its VMs stand against it.
func (s *Store) ChangeTemplateVersion(ctx context.Context, of template.Version, action template.Action, by string) (template.Version, error) {
	var now template.Version
	err := s.change(ctx, func(c *change) error {
		if _, err := c.LockTemplate(ctx, string(of.Template)); err != nil {
			return missing(err, "template %s was deleted just now", of.Name)
		}
		row, err := c.GetTemplateVersion(ctx, string(of.ID))
		if err != nil {
			return missing(err, "version %s was deleted just now", of.Label())
		}
		if now, err = templateVersionOf(row); err != nil {
			return err
		}
		if err := now.Can(action); err != nil {
			return err
		}
		if err := c.changeVersion(ctx, row, action, by); err != nil || action == template.Delete {
			return err
		}
		if row, err = c.GetTemplateVersion(ctx, string(of.ID)); err == nil {
			now, err = templateVersionOf(row)
		}
		return err
	})
	return now, err
}

func (c *change) changeVersion(ctx context.Context, row db.TemplateVersionRecord, action template.Action, by string) error {
	switch action {
	case template.Promote:
		return c.promote(ctx, row, by, "")
	case template.Delete:
		c.emitTemplate(row, pastTense[action], "", "")
		return stillUsed(c.DeleteTemplateVersion(ctx, row.ID), "a VM was made from version %s just now; it stays as long as that does", template.Label(row.Name, int(row.Number)))
	}
	c.emitTemplate(row, pastTense[action], action.Becomes(), "")
	return c.SetTemplateVersionState(ctx, string(action.Becomes()), by, row.ID)
}

// DeleteTemplate removes a line with all its versions, with the event template.deleted; Conflict while VMs made from it exist.
func (s *Store) DeleteTemplate(ctx context.Context, of id.Template) error {
	return s.change(ctx, func(c *change) error {
		locked, err := c.LockTemplate(ctx, string(of))
		if err != nil {
			return missing(err, "there is no template %s; list them with novacron template list", of)
		}
		c.emit(event.Event{Type: "template.deleted", Project: fromNull[string](locked.ProjectID), SubjectKind: "template", SubjectID: string(of)},
			templateFacts{Name: locked.Name})
		return stillUsed(c.Queries.DeleteTemplate(ctx, string(of)), "VMs were made from template %s; it stays as long as they do", locked.Name)
	})
}

// madeFrom checks that the version which a new VM is made from still makes VMs, and keeps it so until the VM is recorded.
func (c *change) madeFrom(ctx context.Context, machine vm.VM) error {
	if machine.Template.Version == "" {
		return nil
	}
	state, err := c.ShareTemplateVersion(ctx, string(machine.Template.Version))
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.NotFound("version %s was deleted just now; take another one", machine.Template.Label).At("template")
	}
	if err != nil {
		return err
	}
	return template.State(state).Makes(machine.Template.Label)
}

// madeIntoVersions makes a Conflict of an image that versions need.
func madeIntoVersions(err error, imageID id.Image) error {
	reported, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || reported.ConstraintName != "template_versions_image_stays" {
		return err
	}
	return fault.Conflict("versions of templates are made of image %s; withdraw them first", imageID).Because(err)
}
