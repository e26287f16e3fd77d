package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/network"
)

// GetNetwork finds a network of the project, or one for every project, by name or ID. The project's own comes first.
func (s *Store) GetNetwork(ctx context.Context, project id.Project, ref string) (network.Network, error) {
	return network.Network{}, errUnbuilt
}

// ListNetworks returns the project's networks and those for every project, by name.
func (s *Store) ListNetworks(ctx context.Context, project id.Project) ([]network.Network, error) {
	return nil, errUnbuilt
}
