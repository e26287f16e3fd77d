package client

import (
	"context"

	"github.com/novacron/novacron/internal/objectstore"
)

// ObjectStores reads where images and backups are kept, and whether the server reaches that.
func (c *Client) ObjectStores(ctx context.Context) ([]objectstore.Standing, error) {
	found, err := get[list[objectstore.Standing]](ctx, c, "/object-stores", nil)
	return found.Items, err
}
