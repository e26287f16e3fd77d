package client

import (
	"context"
	"net/http"
	"net/url"
)

// Clone says what a clone is called and where it is made. Empty names leave the choice to the server.
type Clone struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Host        string `json:"host,omitempty"`
	Pool        string `json:"pool,omitempty"`
	Network     string `json:"network,omitempty"`
	Start       bool   `json:"start"`
}

// CloneVM makes a VM with copies of the disks of another one; if that runs, it goes on.
func (c *Client) CloneVM(ctx context.Context, source string, wanted Clone, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(source)+"/clone", wanted, how)
}
