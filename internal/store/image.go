package store

import (
	"context"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
)

// nameOnly is the data of events whose type says all else.
type nameOnly struct {
	Name string `json:"name"`
}

// InsertImage records an image, with the event image.imported; Conflict at "name" if the name is taken.
func (s *Store) InsertImage(ctx context.Context, added image.Image) error {
	if err := project.CheckName(added.Name); err != nil {
		return err
	}
	return s.change(ctx, func(c *change) error {
		c.emit(event.Event{Type: "image.imported", Project: string(added.Project), SubjectKind: "image", SubjectID: string(added.ID)},
			nameOnly{added.Name})
		return nameTaken(c.InsertImage(ctx, db.InsertImageParams{
			ID: string(added.ID), ProjectID: orNull(added.Project), Name: added.Name, Format: added.Format, Sha256: added.SHA256,
			SizeBytes: added.SizeBytes, VirtualBytes: added.VirtualBytes,
		}), "an image", added.Name)
	})
}

// GetImage finds an image of the project, or one for every project, by name or ID. The project's own comes first.
func (s *Store) GetImage(ctx context.Context, project id.Project, ref string) (image.Image, error) {
	rows, err := s.queries.FindImage(ctx, ref, string(project))
	switch {
	case err != nil:
		return image.Image{}, translate(err)
	case len(rows) == 0:
		return image.Image{}, fault.NotFound("there is no image %s; list them with novacron image list", ref)
	case len(rows) > 1 && project == "":
		return image.Image{}, ambiguous("image", ref)
	}
	return imageOf(rows[0])
}

func imageOf(row db.ImageRecord) (image.Image, error) {
	return image.Image{
		ID: id.Image(row.ID), Project: fromNull[id.Project](row.ProjectID), Name: row.Name, Format: row.Format, SHA256: row.Sha256,
		SizeBytes: row.SizeBytes, VirtualBytes: row.VirtualBytes, VMs: int(row.VMs), CreatedAt: row.CreatedAt,
	}, nil
}

// ListImages returns the project's images and those for every project, by name.
func (s *Store) ListImages(ctx context.Context, project id.Project) ([]image.Image, error) {
	rows, err := s.queries.ListImages(ctx, string(project))
	return mapRows(rows, err, imageOf)
}

// DeleteImage forgets an image, with the event image.deleted; Conflict while VMs or volumes stand on it.
func (s *Store) DeleteImage(ctx context.Context, imageID id.Image) error {
	return s.change(ctx, func(c *change) error {
		deleted, err := c.DeleteImage(ctx, string(imageID))
		if gone(err) == nil && err != nil {
			return fault.NotFound("there is no image %s; list them with novacron image list", imageID)
		}
		if err != nil {
			return stillUsed(err, "disks of VMs stand on image %s; delete those VMs first", imageID)
		}
		c.emit(event.Event{
			Type: "image.deleted", Project: fromNull[string](deleted.ProjectID), SubjectKind: "image", SubjectID: string(imageID),
		}, nameOnly{deleted.Name})
		return nil
	})
}
