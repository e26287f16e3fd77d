package store

import (
	"context"

	"github.com/novacron/novacron/internal/id"
)

// SealedCloudInit is what a guest is told, as it is kept. It goes with the last VM or backup that refers to it.
type SealedCloudInit struct {
	ID     id.CloudInit
	Sealed []byte
}

// GetCloudInit reads what a guest is told; NotFound if it has gone.
func (s *Store) GetCloudInit(ctx context.Context, of id.CloudInit) (SealedCloudInit, error) {
	sealed, err := s.queries.GetCloudInit(ctx, string(of))
	return SealedCloudInit{ID: of, Sealed: sealed}, missing(err, "there is no cloud-init data %s; its VM may have been deleted", of)
}
