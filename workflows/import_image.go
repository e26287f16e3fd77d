package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/operation"
)

// ImportImage brings an image in from a URL: the file is downloaded to the spool, examined and if need be converted, and
// then its bytes are kept and the image recorded. Each step makes up for what an earlier one did on another machine.
func ImportImage(ctx workflow.Context, task Task[operation.ImportImageRequest]) error {
	return perform(ctx, task.header(), importImageSteps, &imageImport{request: task.Request}, (*imageImport).result)
}

type imageImport struct {
	request operation.ImportImageRequest
	ready   control.Examined
	made    image.Image
}

// ImportImageResult is the image that an import made.
type ImportImageResult struct {
	Image        id.Image `json:"image_id"`
	Name         string   `json:"name"`
	Format       string   `json:"format"`
	SourceFormat string   `json:"source_format"`
	SHA256       string   `json:"sha256"`
	SizeBytes    int64    `json:"size_bytes"`
	VirtualBytes int64    `json:"virtual_bytes"`
}

func (i *imageImport) result() any {
	return ImportImageResult{
		Image: i.made.ID, Name: i.made.Name, Format: i.made.Format, SourceFormat: i.made.SourceFormat, SHA256: i.made.SHA256,
		SizeBytes: i.made.SizeBytes, VirtualBytes: i.made.VirtualBytes,
	}
}

var importImageSteps = []step[imageImport]{
	{name: "download", title: "Download the file", do: (*imageImport).download,
		undo: (*imageImport).drop, undoes: "Remove what was downloaded", leak: (*imageImport).spooled},
	{name: "examine", title: "Examine it, and convert it to qcow2 if it is neither that nor raw", do: (*imageImport).examine},
	{name: "keep", title: "Keep its bytes and record the image", do: (*imageImport).keep,
		undo: (*imageImport).discard, undoes: "Remove the image, and its bytes if no other image has them", leak: (*imageImport).kept},
}

func (i *imageImport) download(ctx workflow.Context) error {
	_, err := atControlAtLength[struct{}](ctx, toControl.DownloadImage, i.request)
	return err
}

func (i *imageImport) drop(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.DropDownload, i.request.Image)
	return err
}

func (i *imageImport) spooled() operation.Leak {
	return operation.Leak{Kind: "download", ID: string(i.request.Image)}
}

func (i *imageImport) examine(ctx workflow.Context) (err error) {
	i.ready, err = atControlAtLength[control.Examined](ctx, toControl.ExamineImage, i.request)
	return err
}

func (i *imageImport) keep(ctx workflow.Context) (err error) {
	i.made, err = atControlAtLength[image.Image](ctx, toControl.KeepImage, control.Keeping{Request: i.request, Ready: i.ready})
	return err
}

func (i *imageImport) discard(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.DiscardImage, control.Keeping{Request: i.request, Ready: i.ready})
	return err
}

func (i *imageImport) kept() operation.Leak {
	return operation.Leak{Kind: "image", ID: string(i.request.Image)}
}
