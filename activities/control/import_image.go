package control

import (
	"context"

	"github.com/novacron/novacron/activities/beat"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagefetch"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/operation"
)

// DownloadImage brings the file at the URL to the spool, or what is missing of it.
func (a *Activities) DownloadImage(ctx context.Context, in operation.ImportImageRequest) error {
	report, stop := beat.Start(ctx)
	defer stop()
	place, release, err := a.take(ctx, in.Image)
	if err != nil {
		return err
	}
	defer release()
	_, err = a.download(ctx, in, place, report)
	return err
}

// take gives the image's place in the spool to this attempt alone.
func (a *Activities) take(ctx context.Context, of id.Image) (imagestore.Place, func(), error) {
	place := a.Images.PlaceOf(of)
	release, err := place.Lock(ctx)
	return place, release, err
}

// reportEvery is how many bytes pass between two reports of progress.
const reportEvery = 8 << 20

func (a *Activities) download(ctx context.Context, in operation.ImportImageRequest, to imagestore.Place, report func(beat.Progress)) (string, error) {
	reported := int64(0)
	fetched, err := imagefetch.Fetch(ctx, imagefetch.Request{
		URL: in.URL, Local: in.Local, File: to.Received(), MaxBytes: a.Images.MaxBytes(), TooLarge: imagestore.TooLarge(a.Images.MaxBytes()),
		Progress: func(done, total int64) {
			if done-reported >= reportEvery {
				reported = done
				report(beat.Progress{Done: done, Total: total, Unit: "bytes"})
			}
		},
	})
	switch {
	case err != nil:
		return "", err
	case in.SHA256 != "" && fetched.SHA256 != in.SHA256:
		return "", fault.Invalid("the file at the URL has the SHA-256 %s, not %s: one of the two is of another file; check both and import it again",
			fetched.SHA256, in.SHA256)
	}
	return fetched.SHA256, nil
}

// Examined is what an image that was downloaded turned out to be.
type Examined = imagestore.Ready

// ExamineImage finds out what was downloaded, and converts it if it cannot be kept as it is.
func (a *Activities) ExamineImage(ctx context.Context, in operation.ImportImageRequest) (Examined, error) {
	report, stop := beat.Start(ctx)
	defer stop()
	place, release, err := a.take(ctx, in.Image)
	if err != nil {
		return Examined{}, err
	}
	defer release()
	return a.prepare(ctx, in, place, report)
}

func (a *Activities) prepare(ctx context.Context, in operation.ImportImageRequest, at imagestore.Place, report func(beat.Progress)) (Examined, error) {
	sum, err := a.download(ctx, in, at, report)
	if err != nil {
		return Examined{}, err
	}
	return a.Images.Prepare(ctx, at, sum)
}

// Keeping is an image that was examined.
type Keeping struct {
	Request operation.ImportImageRequest `json:"request"`
	Ready   Examined                     `json:"ready"`
}

// KeepImage stores an image's bytes and records it, and removes what was downloaded.
func (a *Activities) KeepImage(ctx context.Context, in Keeping) (image.Image, error) {
	report, stop := beat.Start(ctx)
	defer stop()
	place, release, err := a.take(ctx, in.Request.Image)
	if err != nil {
		return image.Image{}, err
	}
	defer release()
	kept, err := a.Store.GetImage(ctx, "", string(in.Request.Image))
	if fault.Is(err, fault.KindNotFound) {
		kept, err = a.keep(ctx, in, place, report)
	}
	if err != nil {
		return image.Image{}, err
	}
	return kept, place.Remove()
}

func (a *Activities) keep(ctx context.Context, in Keeping, at imagestore.Place, report func(beat.Progress)) (image.Image, error) {
	ready, err := a.Images.Again(ctx, at, in.Ready)
	if fault.Is(err, fault.KindNotFound) { // it was examined on another machine
		ready, err = a.prepare(ctx, in.Request, at, report)
	}
	if err != nil {
		return image.Image{}, err
	}
	if ready.SHA256 != in.Ready.SHA256 {
		return image.Image{}, fault.Conflict("the file at the URL changed while it was imported; import it again")
	}
	wanted := imagestore.Wanted{ID: in.Request.Image, Project: in.Request.Project, Name: in.Request.Name}
	kept, _, err := a.Images.Keep(ctx, wanted, ready)
	if err == nil && kept.ID != wanted.ID {
		return image.Image{}, fault.Conflict("there is an image named %s already, with the same bytes; use that one", wanted.Name)
	}
	return kept, err
}

// DropDownload removes what was downloaded; nothing there is fine.
func (a *Activities) DropDownload(ctx context.Context, of id.Image) error {
	place, release, err := a.take(ctx, of)
	if err != nil {
		return err
	}
	defer release()
	return place.Remove()
}

// DiscardImage removes an image's record, and its bytes unless another image has them; nothing there is fine.
func (a *Activities) DiscardImage(ctx context.Context, in Keeping) error {
	return a.Images.Discard(ctx, in.Request.Image, in.Ready.SHA256)
}
