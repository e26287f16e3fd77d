package store

import (
	"context"

	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/project"
)

// Installation is what a new installation needs to be told.
type Installation struct {
	AdminPasswordHash string // of the user "admin"; ignored if that user exists
}

// Installed is what every installation has.
type Installed struct {
	Project      project.Project // "default"
	Admin        User            // "admin"
	Network      network.Network // "default": 10.90.0.0/16, VNI 100, MTU 1450, for every project
	AdminCreated bool            // this call made the admin, so the given password holds
}

// EnsureInstallation makes the default project, the user admin and the default network where they are missing.
func (s *Store) EnsureInstallation(ctx context.Context, wanted Installation) (Installed, error) {
	return Installed{}, errUnbuilt
}

// GetProject finds a project by name or ID.
func (s *Store) GetProject(ctx context.Context, ref string) (project.Project, error) {
	return project.Project{}, errUnbuilt
}

// ListProjects returns all projects by name.
func (s *Store) ListProjects(ctx context.Context) ([]project.Project, error) { return nil, errUnbuilt }
