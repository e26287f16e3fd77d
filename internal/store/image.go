package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
)

// InsertImage records an image; Conflict at "name" if the name is taken.
func (s *Store) InsertImage(ctx context.Context, added image.Image) error { return errUnbuilt }

// GetImage finds an image of the project, or one for every project, by name or ID. The project's own comes first.
func (s *Store) GetImage(ctx context.Context, project id.Project, ref string) (image.Image, error) {
	return image.Image{}, errUnbuilt
}

// ListImages returns the project's images and those for every project, by name.
func (s *Store) ListImages(ctx context.Context, project id.Project) ([]image.Image, error) {
	return nil, errUnbuilt
}

// DeleteImage forgets an image; Conflict while VMs or volumes stand on it.
func (s *Store) DeleteImage(ctx context.Context, imageID id.Image) error { return errUnbuilt }
