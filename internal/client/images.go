package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

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

// Import is an image to send: size bytes of a disk in any format that the server takes. Public makes it every project's;
// administrators only.
type Import struct {
	Name   string
	Size   int64
	SHA256 string // of the whole file; the server refuses other bytes. Empty: not checked
	Offset int64  // how many bytes the server has already; Size is of those that follow. Needs SHA256
	Public bool
}

// ImportImage sends an image's bytes. With DryRun the name is checked and no byte is sent.
func (c *Client) ImportImage(ctx context.Context, wanted Import, content io.Reader, how Change) (Changed[image.Image], error) {
	query := merged(url.Values{"name": {wanted.Name}}, dryRun(how))
	if wanted.SHA256 != "" {
		query.Set("sha256", wanted.SHA256)
	}
	if wanted.Offset > 0 {
		query.Set("offset", strconv.FormatInt(wanted.Offset, 10))
	}
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

// UploadedBytes is how much of a file with that SHA-256 the server has from an upload that broke off.
func (c *Client) UploadedBytes(ctx context.Context, sha256 string, public bool) (int64, error) {
	query := url.Values{}
	if public {
		query.Set("public", "true")
	}
	found, err := get[image.Upload](ctx, c, "/image-uploads/"+sha256, query)
	return found.ReceivedBytes, err
}

// ImportFromURL is an image for the server to download.
type ImportFromURL struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	SHA256 string `json:"sha256,omitempty"`
	Public bool   `json:"public,omitempty"`
}

// ImportImageFromURL has the server download an image.
func (c *Client) ImportImageFromURL(ctx context.Context, wanted ImportFromURL, how Change) (Started, error) {
	return c.start(ctx, http.MethodPost, "/images/from-url", wanted, how)
}

// Export is an image's bytes as they come. Close it.
type Export struct {
	io.ReadCloser
	Size int64
}

// ExportImage reads an image's bytes in a format, its own if that is empty. The answer begins when they are converted.
func (c *Client) ExportImage(ctx context.Context, ref, format string) (Export, error) {
	query := url.Values{}
	if format != "" {
		query.Set("format", format)
	}
	outgoing, err := c.prepare(ctx, request{method: http.MethodGet, path: "/images/" + url.PathEscape(ref) + "/content", query: query}, nil)
	if err != nil {
		return Export{}, err
	}
	outgoing.Header.Set("Accept", "application/octet-stream, application/problem+json")
	answer, err := c.http.Do(outgoing)
	if err != nil {
		return Export{}, c.unreachable(ctx, err)
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		return Export{}, c.read(answer, nil)
	}
	return Export{ReadCloser: answer.Body, Size: answer.ContentLength}, nil
}
