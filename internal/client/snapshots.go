package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/novacron/novacron/internal/snapshot"
)

func snapshotPath(vm, ref string) string {
	return "/vms/" + url.PathEscape(vm) + "/snapshots/" + url.PathEscape(ref)
}

// Snapshots reads a VM's snapshots, oldest first.
func (c *Client) Snapshots(ctx context.Context, vm string) ([]snapshot.Snapshot, error) {
	found, err := get[list[snapshot.Snapshot]](ctx, c, "/vms/"+url.PathEscape(vm)+"/snapshots", nil)
	return found.Items, err
}

// Snapshot reads one snapshot by name or ID.
func (c *Client) Snapshot(ctx context.Context, vm, ref string) (snapshot.Snapshot, error) {
	return get[snapshot.Snapshot](ctx, c, snapshotPath(vm, ref), nil)
}

// TakeSnapshot keeps a VM's disks as they are.
func (c *Client) TakeSnapshot(ctx context.Context, vm, name, description string, how Change) (Started, error) {
	body := map[string]string{"name": name}
	if description != "" {
		body["description"] = description
	}
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(vm)+"/snapshots", body, how)
}

// RevertSnapshot sets a VM's disks back; a nil start leaves it to whether the VM is on.
func (c *Client) RevertSnapshot(ctx context.Context, vm, ref string, start *bool, how Change) (Started, error) {
	body := map[string]bool{}
	if start != nil {
		body["start"] = *start
	}
	return c.start(ctx, http.MethodPost, snapshotPath(vm, ref)+"/revert", body, how)
}

// DeleteSnapshot deletes a snapshot.
func (c *Client) DeleteSnapshot(ctx context.Context, vm, ref string, how Change) (Started, error) {
	return c.start(ctx, http.MethodDelete, snapshotPath(vm, ref), nil, how)
}
