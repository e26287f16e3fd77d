package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/novacron/novacron/internal/pool"
)

// NewPool declares a pool. An empty tier and a ratio of zero leave the choice to the server.
type NewPool struct {
	Name       string        `json:"name"`
	Settings   pool.Settings `json:"settings"`
	Key        string        `json:"key,omitempty"`
	Tier       string        `json:"tier,omitempty"`
	Overcommit float64       `json:"overcommit,omitempty"`
	Only       []string      `json:"only_hosts,omitempty"`
}

// PoolChange changes a pool; what is empty stays as it is.
type PoolChange struct {
	Settings   *pool.Settings `json:"settings,omitempty"`
	Key        string         `json:"key,omitempty"`
	Tier       string         `json:"tier,omitempty"`
	Overcommit float64        `json:"overcommit,omitempty"`
	Only       *[]string      `json:"only_hosts,omitempty"` // an empty list means all hosts
}

// Pools reads the storage pools.
func (c *Client) Pools(ctx context.Context) ([]pool.Pool, error) {
	found, err := get[list[pool.Pool]](ctx, c, "/pools", nil)
	return found.Items, err
}

// Pool reads one storage pool.
func (c *Client) Pool(ctx context.Context, ref string) (pool.Pool, error) {
	return get[pool.Pool](ctx, c, "/pools/"+url.PathEscape(ref), nil)
}

// AddPool declares a pool.
func (c *Client) AddPool(ctx context.Context, wanted NewPool, how Change) (Changed[pool.Pool], error) {
	return change[pool.Pool](ctx, c, request{method: http.MethodPost, path: "/pools", body: wanted}, how)
}

// SetPool changes a pool.
func (c *Client) SetPool(ctx context.Context, ref string, wanted PoolChange, how Change) (Changed[pool.Pool], error) {
	return change[pool.Pool](ctx, c, request{method: http.MethodPatch, path: "/pools/" + url.PathEscape(ref), body: wanted, repeat: true}, how)
}

// RemovePool gives up a pool; forget leaves its place as it is.
func (c *Client) RemovePool(ctx context.Context, ref string, forget bool, how Change) (Started, error) {
	asked := request{method: http.MethodDelete, path: "/pools/" + url.PathEscape(ref), query: url.Values{}}
	if forget {
		asked.query.Set("forget", "true")
	}
	return c.startAs(ctx, asked, how)
}
