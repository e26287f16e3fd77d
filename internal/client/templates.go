package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/novacron/novacron/internal/template"
)

// Templates reads all templates.
func (c *Client) Templates(ctx context.Context) ([]template.Template, error) {
	found, err := get[list[template.Template]](ctx, c, "/templates", nil)
	return found.Items, err
}

// Template reads one template by name or ID.
func (c *Client) Template(ctx context.Context, ref string) (template.Template, error) {
	return get[template.Template](ctx, c, templatePath(ref), nil)
}

// TemplateVersions reads a template's versions, newest first.
func (c *Client) TemplateVersions(ctx context.Context, ref string) ([]template.Version, error) {
	found, err := get[list[template.Version]](ctx, c, templatePath(ref)+"/versions", nil)
	return found.Items, err
}

// TemplateVersion reads one version.
func (c *Client) TemplateVersion(ctx context.Context, ref string, number int) (template.Version, error) {
	return get[template.Version](ctx, c, versionPath(ref, number), nil)
}

func templatePath(ref string) string { return "/templates/" + url.PathEscape(ref) }

func versionPath(ref string, number int) string {
	return templatePath(ref) + "/versions/" + strconv.Itoa(number)
}

// NewVersion asks for a version of a template, of an image or of a VM's boot disk. Zero sizes and empty names are left to the
// server.
type NewVersion struct {
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	Notes       string               `json:"notes,omitempty"`
	Image       string               `json:"image,omitempty"` // with a VM: the name of the image that its disk becomes
	VM          string               `json:"vm,omitempty"`
	CPUs        int                  `json:"cpus,omitempty"`
	MemoryBytes int64                `json:"memory_bytes,omitempty"`
	DiskBytes   int64                `json:"disk_bytes,omitempty"`
	Network     string               `json:"network,omitempty"`
	Generalised template.Generalised `json:"generalised,omitempty"`
	Promote     bool                 `json:"promote,omitempty"`
	Public      bool                 `json:"public,omitempty"`
}

// PublishTemplate makes a version of an image.
func (c *Client) PublishTemplate(ctx context.Context, wanted NewVersion, how Change) (Changed[template.Version], error) {
	return change[template.Version](ctx, c, request{method: http.MethodPost, path: "/templates", body: wanted}, how)
}

// PublishVM makes a version of the disk that a VM boots from.
func (c *Client) PublishVM(ctx context.Context, wanted NewVersion, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/templates/from-vm", wanted, how)
}

// ChangeTemplateVersion promotes, deprecates or withdraws a version.
func (c *Client) ChangeTemplateVersion(ctx context.Context, ref string, number int, action template.Action, how Change) (Changed[template.Version], error) {
	return change[template.Version](ctx, c, request{method: http.MethodPost, path: versionPath(ref, number) + "/" + string(action)}, how)
}

// DeleteTemplateVersion deletes a withdrawn version that no VM was made from.
func (c *Client) DeleteTemplateVersion(ctx context.Context, ref string, number int, how Change) (Changed[struct{}], error) {
	return change[struct{}](ctx, c, request{method: http.MethodDelete, path: versionPath(ref, number)}, how)
}

// DeleteTemplate deletes a template that no VM was made from.
func (c *Client) DeleteTemplate(ctx context.Context, ref string, how Change) (Changed[struct{}], error) {
	return change[struct{}](ctx, c, request{method: http.MethodDelete, path: templatePath(ref)}, how)
}
