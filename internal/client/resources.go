package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/vm"
)

// VMQuery chooses VMs; empty fields choose all.
type VMQuery struct {
	Page
	State    vm.State
	Host     string
	Text     string
	Template string // or a version of it, such as web:3
}

// NewVM asks for a VM. Zero sizes and empty names leave the choice to the server.
type NewVM struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Image       string `json:"image,omitempty"`
	Template    string `json:"template,omitempty"` // or a version of it, such as web:3
	CPUs        int    `json:"cpus,omitempty"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"`
	DiskBytes   int64  `json:"disk_bytes,omitempty"`
	Pool        string `json:"pool,omitempty"`
	Network     string `json:"network,omitempty"`
	Host        string `json:"host,omitempty"`

	CloudInit *cloudinit.CloudInit `json:"cloud_init,omitempty"`
}

// Power says how to switch a VM.
type Power struct {
	Force        bool `json:"force,omitempty"`
	GraceSeconds int  `json:"grace_seconds,omitempty"`
}

// Migration says where and how to move a VM.
type Migration struct {
	To     string         `json:"to,omitempty"`
	Cold   bool           `json:"cold,omitempty"`
	Limits precopy.Limits `json:"limits,omitzero"`
}

// VMs reads one page of VMs and where the next begins, "" at the end.
func (c *Client) VMs(ctx context.Context, query VMQuery) ([]vm.VM, string, error) {
	values := query.values()
	set(values, "state", string(query.State))
	set(values, "host", query.Host)
	set(values, "template", query.Template)
	set(values, "q", query.Text)
	found, err := get[list[vm.VM]](ctx, c, "/vms", values)
	return found.Items, found.NextCursor, err
}

// VM reads one VM by name or ID.
func (c *Client) VM(ctx context.Context, ref string) (vm.VM, error) {
	return get[vm.VM](ctx, c, "/vms/"+url.PathEscape(ref), nil)
}

// CreateVM makes a VM from an image and starts it.
func (c *Client) CreateVM(ctx context.Context, wanted NewVM, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/vms", wanted, how)
}

// SwitchVM starts, stops, restarts, pauses or resumes a VM.
func (c *Client) SwitchVM(ctx context.Context, ref string, action vm.Action, power Power, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(ref)+"/"+string(action), power, how)
}

// MigrateVM moves a VM to another host.
func (c *Client) MigrateVM(ctx context.Context, ref string, wanted Migration, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/vms/"+url.PathEscape(ref)+"/migrate", wanted, how)
}

// DeleteVM removes a VM with its disks.
func (c *Client) DeleteVM(ctx context.Context, ref string, how Change) (Started, error) {
	return c.start(ctx, http.MethodDelete, "/vms/"+url.PathEscape(ref), nil, how)
}

// Hosts reads all hosts.
func (c *Client) Hosts(ctx context.Context) ([]host.Host, error) {
	found, err := get[list[host.Host]](ctx, c, "/hosts", nil)
	return found.Items, err
}

// Host reads one host by name or ID.
func (c *Client) Host(ctx context.Context, ref string) (host.Host, error) {
	return get[host.Host](ctx, c, "/hosts/"+url.PathEscape(ref), nil)
}

// CordonHost lets a host take no new VMs, or take them again.
func (c *Client) CordonHost(ctx context.Context, ref string, cordoned bool, how Change) (Changed[host.Host], error) {
	action := "/uncordon"
	if cordoned {
		action = "/cordon"
	}
	return change[host.Host](ctx, c, request{method: http.MethodPost, path: "/hosts/" + url.PathEscape(ref) + action, repeat: true}, how)
}

// DrainHost cordons a host and moves all its VMs away.
func (c *Client) DrainHost(ctx context.Context, ref string, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/hosts/"+url.PathEscape(ref)+"/drain", nil, how)
}

// RemoveHost forgets a host that has no VMs.
func (c *Client) RemoveHost(ctx context.Context, ref string, how Change) (Changed[struct{}], error) {
	return change[struct{}](ctx, c, request{method: http.MethodDelete, path: "/hosts/" + url.PathEscape(ref)}, how)
}

// EnrolmentToken makes a one-time token that lets a new host in.
func (c *Client) EnrolmentToken(ctx context.Context, how Change) (Changed[Secret], error) {
	return change[Secret](ctx, c, request{method: http.MethodPost, path: "/hosts/enrolment-tokens"}, how)
}

// Networks reads the networks.
func (c *Client) Networks(ctx context.Context) ([]network.Network, error) {
	found, err := get[list[network.Network]](ctx, c, "/networks", nil)
	return found.Items, err
}

// HostName finds a host's name; the ID itself if the host is not known any more.
func (c *Client) HostName(ctx context.Context, of id.Host) string {
	if of == "" {
		return ""
	}
	if found, err := c.Host(ctx, string(of)); err == nil {
		return found.Name
	}
	return string(of)
}

func (p Page) values() url.Values {
	values := url.Values{}
	set(values, "cursor", p.Cursor)
	if p.Limit > 0 {
		values.Set("limit", strconv.Itoa(p.Limit))
	}
	return values
}

func set(values url.Values, name, value string) {
	if value != "" {
		values.Set(name, value)
	}
}

// All reads every page of a list.
func All[T any](read func(Page) ([]T, string, error)) ([]T, error) {
	all, page := []T{}, Page{Limit: 500}
	for {
		items, next, err := read(page)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" || next == page.Cursor {
			return all, nil
		}
		page.Cursor = next
	}
}
