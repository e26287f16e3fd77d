package client

import (
	"context"
	"net/url"

	"github.com/novacron/novacron/internal/cloudinit"
)

// CloudInit reads what a VM's guest is told; NotFound if it is told nothing.
func (c *Client) CloudInit(ctx context.Context, vm string) (cloudinit.CloudInit, error) {
	return get[cloudinit.CloudInit](ctx, c, "/vms/"+url.PathEscape(vm)+"/cloud-init", nil)
}
