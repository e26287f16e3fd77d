package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store/db"
)

// Hit is a thing that a search found.
type Hit struct {
	Kind  string `json:"kind" enum:"vm,host,operation,image,backup"`
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state,omitempty"`
}

// query is a search as the database needs it.
type query struct {
	project   string
	anywhere  string // LIKE pattern of names that contain the text
	beginning string // LIKE pattern of names and IDs that begin with it
	limit     int32
}

// Search finds VMs, hosts, images, operations and backups by a part of the name or the beginning of the ID, at most limit
// of each kind; those whose name begins with the text come first. Operations are found by their kind or the beginning of
// the name of what they work on, newest first. Hosts belong to every project.
func (s *Store) Search(ctx context.Context, project id.Project, text string, limit int) ([]Hit, error) {
	hits := []Hit{}
	pattern := containing(text)
	if pattern == "" {
		return hits, nil
	}
	size, err := pageSize(limit)
	if err != nil {
		return nil, err
	}
	wanted := query{project: string(project), anywhere: pattern, beginning: pattern[1:], limit: int32(size)}
	for _, search := range []func(context.Context, query) ([]Hit, error){
		s.searchVMs, s.searchHosts, s.searchImages, s.searchOperations, s.searchBackups,
	} {
		found, err := search(ctx, wanted)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
	}
	return hits, nil
}

func (s *Store) searchVMs(ctx context.Context, wanted query) ([]Hit, error) {
	rows, err := s.queries.SearchVMs(ctx, db.SearchVMsParams{
		Anywhere: wanted.anywhere, Beginning: wanted.beginning, ProjectID: wanted.project, Hits: wanted.limit,
	})
	return mapRows(rows, err, func(row db.SearchVMsRow) (Hit, error) { return Hit{"vm", row.ID, row.Name, row.State}, nil })
}

func (s *Store) searchHosts(ctx context.Context, wanted query) ([]Hit, error) {
	rows, err := s.queries.SearchHosts(ctx, wanted.anywhere, wanted.beginning, wanted.limit)
	return mapRows(rows, err, func(row db.SearchHostsRow) (Hit, error) { return Hit{"host", row.ID, row.Name, ""}, nil })
}

func (s *Store) searchImages(ctx context.Context, wanted query) ([]Hit, error) {
	rows, err := s.queries.SearchImages(ctx, db.SearchImagesParams{
		Anywhere: wanted.anywhere, Beginning: wanted.beginning, ProjectID: wanted.project, Hits: wanted.limit,
	})
	return mapRows(rows, err, func(row db.SearchImagesRow) (Hit, error) { return Hit{"image", row.ID, row.Name, row.Format}, nil })
}

func (s *Store) searchOperations(ctx context.Context, wanted query) ([]Hit, error) {
	rows, err := s.queries.SearchOperations(ctx, wanted.beginning, wanted.project, wanted.limit)
	return mapRows(rows, err, func(row db.SearchOperationsRow) (Hit, error) {
		return Hit{"operation", row.ID, row.Kind + " " + row.SubjectName, row.State}, nil
	})
}

func (s *Store) searchBackups(ctx context.Context, wanted query) ([]Hit, error) {
	rows, err := s.queries.SearchBackups(ctx, wanted.beginning, wanted.project, wanted.limit)
	return mapRows(rows, err, func(row db.SearchBackupsRow) (Hit, error) { return Hit{"backup", row.ID, row.VMName, row.State}, nil })
}
