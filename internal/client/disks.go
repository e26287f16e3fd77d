package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/novacron/novacron/internal/volume"
)

// DiskMove says where to move a disk.
type DiskMove struct {
	Pool           string `json:"pool"`
	BandwidthBytes int64  `json:"bandwidth_bytes_per_second,omitempty"` // 0: as much as there is
}

// Disks reads a VM's disks by device.
func (c *Client) Disks(ctx context.Context, vm string) ([]volume.Volume, error) {
	found, err := get[list[volume.Volume]](ctx, c, "/vms/"+url.PathEscape(vm)+"/disks", nil)
	return found.Items, err
}

// MoveDisk moves a disk to another pool.
func (c *Client) MoveDisk(ctx context.Context, vm, device string, wanted DiskMove, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(vm)+"/disks/"+url.PathEscape(device)+"/move", wanted, how)
}

// LimitDisk limits what the VM may ask of a disk; the zero value takes the limits away.
func (c *Client) LimitDisk(ctx context.Context, vm, device string, limits volume.Limits, how Change) (Started, error) {
	return c.start(ctx, http.MethodPut, "/vms/"+url.PathEscape(vm)+"/disks/"+url.PathEscape(device)+"/limits", limits, how)
}

// GrowDisk makes a disk larger.
func (c *Client) GrowDisk(ctx context.Context, vm, device string, bytes int64, how Change) (Started, error) {
	body := map[string]int64{"size_bytes": bytes}
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(vm)+"/disks/"+url.PathEscape(device)+"/grow", body, how)
}
