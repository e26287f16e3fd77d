package store

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/store/db"
)

// GetNetwork finds a network of the project, or one for every project, by name or ID. The project's own comes first.
func (s *Store) GetNetwork(ctx context.Context, project id.Project, ref string) (network.Network, error) {
	rows, err := s.queries.FindNetwork(ctx, ref, string(project))
	switch {
	case err != nil:
		return network.Network{}, translate(err)
	case len(rows) == 0:
		return network.Network{}, fault.NotFound("there is no network %s; GET /api/v1/networks lists those there are", ref)
	case len(rows) > 1 && project == "":
		return network.Network{}, ambiguous("network", ref)
	}
	return networkOf(rows[0])
}

func networkOf(row db.Network) (network.Network, error) {
	return network.Network{
		ID: id.Network(row.ID), Project: fromNull[id.Project](row.ProjectID), Name: row.Name, VNI: int(row.VNI), Range: row.Range,
		MTU: int(row.MTU), CreatedAt: row.CreatedAt,
	}, nil
}

// ListNetworks returns the project's networks and those for every project, by name.
func (s *Store) ListNetworks(ctx context.Context, project id.Project) ([]network.Network, error) {
	rows, err := s.queries.ListNetworks(ctx, string(project))
	return mapRows(rows, err, networkOf)
}
