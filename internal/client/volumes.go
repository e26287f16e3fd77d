package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/novacron/novacron/internal/volume"
)

// VolumeQuery chooses volumes; empty fields choose all.
type VolumeQuery struct {
	Page
	Pool  string
	State volume.State
	Text  string
}

// NewVolume asks for a volume. Empty names leave the choice to the server.
type NewVolume struct {
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	Pool      string `json:"pool,omitempty"`
	Host      string `json:"host,omitempty"`
}

// Detaching says how a volume is to go. Zero values leave the choice to the server.
type Detaching struct {
	Name         string `json:"name,omitempty"`
	GraceSeconds int    `json:"grace_seconds,omitempty"`
}

// Volumes reads one page of volumes and where the next begins, "" at the end.
func (c *Client) Volumes(ctx context.Context, query VolumeQuery) ([]volume.Volume, string, error) {
	values := query.values()
	set(values, "pool", query.Pool)
	set(values, "state", string(query.State))
	set(values, "q", query.Text)
	found, err := get[list[volume.Volume]](ctx, c, "/volumes", values)
	return found.Items, found.NextCursor, err
}

func volumePath(ref string) string { return "/volumes/" + url.PathEscape(ref) }

// Volume reads one volume by name or ID.
func (c *Client) Volume(ctx context.Context, ref string) (volume.Volume, error) {
	return get[volume.Volume](ctx, c, volumePath(ref), nil)
}

// CreateVolume makes a volume that belongs to no VM.
func (c *Client) CreateVolume(ctx context.Context, wanted NewVolume, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/volumes", wanted, how)
}

// GrowVolume makes a volume larger that no VM has.
func (c *Client) GrowVolume(ctx context.Context, ref string, bytes int64, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, volumePath(ref)+"/grow", map[string]int64{"size_bytes": bytes}, how)
}

// MoveVolume moves a volume to another pool that no VM has.
func (c *Client) MoveVolume(ctx context.Context, ref, pool string, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, volumePath(ref)+"/move", map[string]string{"pool": pool}, how)
}

// TrashVolume puts a volume into the trash.
func (c *Client) TrashVolume(ctx context.Context, ref string, how Change) (Changed[volume.Volume], error) {
	return change[volume.Volume](ctx, c, request{method: http.MethodDelete, path: volumePath(ref)}, how)
}

// RestoreVolume takes a volume out of the trash.
func (c *Client) RestoreVolume(ctx context.Context, ref string, how Change) (Changed[volume.Volume], error) {
	return change[volume.Volume](ctx, c, request{method: http.MethodPost, path: volumePath(ref) + "/restore"}, how)
}

// PurgeVolume deletes a volume for good.
func (c *Client) PurgeVolume(ctx context.Context, ref string, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, volumePath(ref)+"/purge", nil, how)
}

// AttachVolume gives a VM a volume; an empty bus leaves the choice to the server.
func (c *Client) AttachVolume(ctx context.Context, vm, ref, bus string, how Change) (Started, error) {
	body := map[string]string{"volume": ref}
	if bus != "" {
		body["bus"] = bus
	}
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(vm)+"/disks", body, how)
}

// DetachDisk takes a disk from a VM; what is on it stays.
func (c *Client) DetachDisk(ctx context.Context, vm, device string, wanted Detaching, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(vm)+"/disks/"+url.PathEscape(device)+"/detach", wanted, how)
}
