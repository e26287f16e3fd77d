package store

import (
	"context"
	"net/netip"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
)

// What every installation begins with.
const (
	defaultProject = "default"
	defaultNetwork = "default"
	defaultAdmin   = "admin"
	defaultVNI     = 100
	localPool      = "local"
	localDirectory = "/var/lib/novacron/pools/local"
	defaultMTU     = 1450 // an Ethernet frame less VXLAN's headers (RFC 7348)
)

var defaultRange = netip.MustParsePrefix("10.90.0.0/16")

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

// EnsureInstallation makes the default project, the user admin and the default network where they are missing. A new
// installation also gets the pool "local", which may be removed.
func (s *Store) EnsureInstallation(ctx context.Context, wanted Installation) (Installed, error) {
	var made int64
	err := s.change(ctx, func(c *change) error {
		fresh, err := c.InsertProject(ctx, string(id.New[id.Project]()), defaultProject)
		if err != nil {
			return err
		}
		if fresh > 0 {
			if _, err := c.insertPool(ctx, firstPool()); err != nil {
				return err
			}
		}
		first := network.Network{Range: defaultRange}
		if err := c.InsertNetwork(ctx, db.InsertNetworkParams{
			ID: string(id.New[id.Network]()), Name: defaultNetwork, VNI: defaultVNI, Range: defaultRange, MTU: defaultMTU,
			FreeFrom: first.Gateway().Next(),
		}); err != nil {
			return err
		}
		made, err = c.InsertUser(ctx, db.InsertUserParams{
			ID: string(id.New[id.User]()), Name: defaultAdmin, PasswordHash: wanted.AdminPasswordHash, Admin: true,
		})
		return err
	})
	if err != nil {
		return Installed{}, err
	}
	installed := Installed{AdminCreated: made > 0}
	if installed.Project, err = s.GetProject(ctx, defaultProject); err != nil {
		return Installed{}, err
	}
	if installed.Admin, err = s.UserByName(ctx, defaultAdmin); err != nil {
		return Installed{}, err
	}
	installed.Network, err = s.GetNetwork(ctx, installed.Project.ID, defaultNetwork)
	return installed, err
}

// firstPool is a directory that every host can make for itself.
func firstPool() SealedPool {
	return SealedPool{Pool: pool.Pool{
		ID: id.New[id.Pool](), Name: localPool, Tier: pool.Warm, Overcommit: pool.DefaultOvercommit,
		Settings: pool.Settings{Local: &pool.LocalSettings{Directory: localDirectory}},
	}}
}

// GetProject finds a project by name or ID.
func (s *Store) GetProject(ctx context.Context, ref string) (project.Project, error) {
	row, err := s.queries.GetProject(ctx, ref)
	if err != nil {
		return project.Project{}, missing(err, "there is no project %s; GET /api/v1/projects lists those there are", ref)
	}
	return projectOf(row)
}

// ListProjects returns all projects by name.
func (s *Store) ListProjects(ctx context.Context) ([]project.Project, error) {
	rows, err := s.queries.ListProjects(ctx)
	return mapRows(rows, err, projectOf)
}

func projectOf(row db.Project) (project.Project, error) {
	return project.Project{ID: id.Project(row.ID), Name: row.Name, CreatedAt: row.CreatedAt}, nil
}
