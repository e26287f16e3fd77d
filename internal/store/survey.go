package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// Survey counts what a project holds, or all of them.
type Survey struct {
	VMs        map[vm.State]int
	Operations []OperationCount // those that have not ended, by kind and state
}

// OperationCount is how many operations of a kind are in a state.
type OperationCount struct {
	Kind  operation.Kind  `json:"kind"`
	State operation.State `json:"state"`
	Count int             `json:"count"`
}

// Survey counts VMs by state and open operations by kind and state.
func (s *Store) Survey(ctx context.Context, project id.Project) (Survey, error) {
	found := Survey{VMs: map[vm.State]int{}, Operations: []OperationCount{}}
	machines, err := s.queries.CountVMs(ctx, string(project))
	if err != nil {
		return found, translate(err)
	}
	for _, row := range machines {
		found.VMs[vm.State(row.State)] = int(row.Count)
	}
	operations, err := s.queries.CountOpenOperations(ctx, string(project))
	if err != nil {
		return found, translate(err)
	}
	for _, row := range operations {
		found.Operations = append(found.Operations, OperationCount{operation.Kind(row.Kind), operation.State(row.State), int(row.Count)})
	}
	return found, nil
}
