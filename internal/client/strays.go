package client

import (
	"context"
	"net/http"
	"net/url"
)

// ScanPool compares a pool with the inventory.
func (c *Client) ScanPool(ctx context.Context, ref string, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/pools/"+url.PathEscape(ref)+"/scan", nil, how)
}

func strayPath(pool, volume string) string {
	return "/pools/" + url.PathEscape(pool) + "/strays/" + url.PathEscape(volume)
}

// AdoptVolume takes a volume that belongs to nobody into the inventory.
func (c *Client) AdoptVolume(ctx context.Context, pool, volume, host, name string, how Change) (Started, error) {
	body := map[string]string{"name": name}
	if host != "" {
		body["host"] = host
	}
	return c.start(ctx, http.MethodPost, strayPath(pool, volume)+"/adopt", body, how)
}

// DiscardVolume deletes a volume that belongs to nobody.
func (c *Client) DiscardVolume(ctx context.Context, pool, volume, host string, how Change) (Started, error) {
	body := map[string]string{}
	if host != "" {
		body["host"] = host
	}
	return c.start(ctx, http.MethodPost, strayPath(pool, volume)+"/discard", body, how)
}
