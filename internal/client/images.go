package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/operation"
)

// Images reads all images.
func (c *Client) Images(ctx context.Context) ([]image.Image, error) {
	found, err := get[list[image.Image]](ctx, c, "/images", nil)
	return found.Items, err
}

// Image reads one image by name or ID.
func (c *Client) Image(ctx context.Context, ref string) (image.Image, error) {
	return get[image.Image](ctx, c, "/images/"+url.PathEscape(ref), nil)
}

// DeleteImage deletes an image that no VM stands on.
func (c *Client) DeleteImage(ctx context.Context, ref string, how Change) (Changed[struct{}], error) {
	return change[struct{}](ctx, c, request{method: http.MethodDelete, path: "/images/" + url.PathEscape(ref)}, how)
}

// Import is an image to send: size bytes of a qcow2 or raw disk. Public makes it every project's; administrators only.
type Import struct {
	Name   string
	Size   int64
	Public bool
}

// ImportImage sends an image's bytes. With DryRun the name is checked and no byte is sent.
func (c *Client) ImportImage(ctx context.Context, wanted Import, content io.Reader, how Change) (Changed[image.Image], error) {
	query := merged(url.Values{"name": {wanted.Name}}, dryRun(how))
	if wanted.Public {
		query.Set("public", "true")
	}
	if how.DryRun {
		content, wanted.Size = http.NoBody, 0
	}
	outgoing, err := c.prepare(ctx, request{method: http.MethodPost, path: "/images", query: query}, content)
	if err != nil {
		return Changed[image.Image]{}, err
	}
	outgoing.Header.Set("Content-Type", "application/octet-stream")
	outgoing.ContentLength = wanted.Size
	answer, err := c.http.Do(outgoing)
	if err != nil {
		return Changed[image.Image]{}, c.unreachable(ctx, err)
	}
	defer answer.Body.Close()
	var raw json.RawMessage
	if err := c.read(answer, &raw); err != nil {
		return Changed[image.Image]{}, err
	}
	if how.DryRun {
		plan, err := decode[operation.Plan](raw)
		return Changed[image.Image]{Plan: &plan}, err
	}
	made, err := decode[image.Image](raw)
	return Changed[image.Image]{Value: made}, err
}
