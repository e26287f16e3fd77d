package store

import (
	"context"

	"github.com/jackc/pgx/v5"

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

const (
	countVMs        = `select state, count(*) from vms where $1 = '' or project_id = $1 group by state`
	countOperations = `select kind, state, count(*) from operations where ended_at is null and ($1 = '' or project_id = $1)
		group by kind, state order by kind, state`
)

// Survey counts VMs by state and open operations by kind and state.
func (s *Store) Survey(ctx context.Context, project id.Project) (Survey, error) {
	found := Survey{VMs: map[vm.State]int{}, Operations: []OperationCount{}}
	rows, err := s.pool.Query(ctx, countVMs, string(project))
	if err != nil {
		return found, translate(err)
	}
	var state string
	var count int
	if _, err := pgx.ForEachRow(rows, []any{&state, &count}, func() error {
		found.VMs[vm.State(state)] = count
		return nil
	}); err != nil {
		return found, translate(err)
	}
	if rows, err = s.pool.Query(ctx, countOperations, string(project)); err != nil {
		return found, translate(err)
	}
	var kind string
	_, err = pgx.ForEachRow(rows, []any{&kind, &state, &count}, func() error {
		found.Operations = append(found.Operations, OperationCount{operation.Kind(kind), operation.State(state), count})
		return nil
	})
	return found, translate(err)
}

// Hit is a thing that a search found.
type Hit struct {
	Kind  string `json:"kind" enum:"vm,host,operation,image,backup"`
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state,omitempty"`
}

// Each kind gives at most $4 hits, those whose name begins with the text first. Operations are found by the name of what
// they work on, newest first.
const searchQuery = `
(select 1 as rank, 'vm' as kind, id, name, state from vms
   where (name like $2 or lower(id) like $3) and ($1 = '' or project_id = $1) order by name not like $3, name limit $4)
union all
(select 2, 'host', id, name, '' from hosts where name like $2 or lower(id) like $3 order by name not like $3, name limit $4)
union all
(select 3, 'image', id, name, format from images
   where (name like $2 or lower(id) like $3) and ($1 = '' or project_id is null or project_id = $1) order by name not like $3, name limit $4)
union all
(select 4, 'operation', id, kind || ' ' || subject_name, state from operations
   where (lower(id) like $3 or lower(subject_name) like $3 or kind like $3) and ($1 = '' or project_id = $1) order by operations.id desc limit $4)
union all
(select 5, 'backup', id, vm_name, state from backups
   where (lower(id) like $3 or vm_name like $3) and ($1 = '' or project_id = $1) order by created_at desc limit $4)`

// Search finds VMs, hosts, images, operations and backups by a part of the name or the beginning of the ID, at most limit
// of each kind. Hosts belong to every project.
func (s *Store) Search(ctx context.Context, project id.Project, text string, limit int) ([]Hit, error) {
	pattern := containing(text)
	if pattern == "" {
		return []Hit{}, nil
	}
	rows, err := s.pool.Query(ctx, "select kind, id, name, state from ("+searchQuery+") as hits order by rank", string(project), pattern, pattern[1:], limit)
	if err != nil {
		return nil, translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Hit])
	return found, translate(err)
}
