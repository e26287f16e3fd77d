package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/novacron/novacron/internal/backup"
)

// Restore says what to make of a backup: a new VM of that name, or with InPlace the VM as it was.
type Restore struct {
	Name    string `json:"name,omitempty"`
	InPlace bool   `json:"in_place,omitempty"`
	Host    string `json:"host,omitempty"`
	Pool    string `json:"pool,omitempty"`
	Network string `json:"network,omitempty"`
	Start   bool   `json:"start"`
}

// NewSchedule asks for backups again and again, by Cron or Every.
type NewSchedule struct {
	Name  string      `json:"name"`
	VM    string      `json:"vm"`
	Cron  string      `json:"cron,omitempty"`
	Every int64       `json:"every_seconds,omitempty"`
	Keep  backup.Keep `json:"keep,omitzero"`
}

// BackupVM takes a backup; an empty mode is incremental where possible.
func (c *Client) BackupVM(ctx context.Context, vm string, mode backup.Mode, how Change) (Started, error) {
	body := struct {
		Mode backup.Mode `json:"mode,omitempty"`
	}{mode}
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(vm)+"/backups", body, how)
}

// Backups reads one page of backups, of one VM (name or ID) or of all.
func (c *Client) Backups(ctx context.Context, vm string, page Page) ([]backup.Backup, string, error) {
	values := page.values()
	set(values, "vm", vm)
	found, err := get[list[backup.Backup]](ctx, c, "/backups", values)
	return found.Items, found.NextCursor, err
}

// Backup reads one backup.
func (c *Client) Backup(ctx context.Context, ref string) (backup.Backup, error) {
	return get[backup.Backup](ctx, c, "/backups/"+url.PathEscape(ref), nil)
}

// RestoreBackup makes a VM from a backup, or sets its VM back to it.
func (c *Client) RestoreBackup(ctx context.Context, ref string, wanted Restore, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/backups/"+url.PathEscape(ref)+"/restore", wanted, how)
}

// VerifyBackup reads a backup and checks every hash.
func (c *Client) VerifyBackup(ctx context.Context, ref string, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/backups/"+url.PathEscape(ref)+"/verify", nil, how)
}

// DeleteBackup deletes a backup.
func (c *Client) DeleteBackup(ctx context.Context, ref string, how Change) (Started, error) {
	return c.start(ctx, http.MethodDelete, "/backups/"+url.PathEscape(ref), nil, how)
}

// Schedules reads all schedules.
func (c *Client) Schedules(ctx context.Context) ([]backup.Schedule, error) {
	found, err := get[list[backup.Schedule]](ctx, c, "/schedules", nil)
	return found.Items, err
}

// Schedule reads one schedule by name or ID.
func (c *Client) Schedule(ctx context.Context, ref string) (backup.Schedule, error) {
	return get[backup.Schedule](ctx, c, "/schedules/"+url.PathEscape(ref), nil)
}

// CreateSchedule backs a VM up again and again.
func (c *Client) CreateSchedule(ctx context.Context, wanted NewSchedule, how Change) (Changed[backup.Schedule], error) {
	return change[backup.Schedule](ctx, c, request{method: http.MethodPost, path: "/schedules", body: wanted}, how)
}

// DeleteSchedule ends a schedule; its backups stay.
func (c *Client) DeleteSchedule(ctx context.Context, ref string, how Change) (Changed[struct{}], error) {
	return change[struct{}](ctx, c, request{method: http.MethodDelete, path: "/schedules/" + url.PathEscape(ref)}, how)
}

// SteerSchedule pauses, unpauses or triggers a schedule.
func (c *Client) SteerSchedule(ctx context.Context, ref, action string, how Change) (Changed[backup.Schedule], error) {
	return change[backup.Schedule](ctx, c, request{
		method: http.MethodPost, path: "/schedules/" + url.PathEscape(ref) + "/" + action, repeat: action != "trigger",
	}, how)
}
