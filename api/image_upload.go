package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagestore"
)

type imageUploadInput struct {
	Scope
	SHA256 string `path:"sha256" doc:"SHA-256 of the whole file, in hex"`
	Public bool   `query:"public" doc:"For every project; administrators only"`
}

func (s *Server) imageUploadRoutes() {
	add(s, user, huma.Operation{
		OperationID: "get-image-upload", Method: http.MethodGet, Path: "/image-uploads/{sha256}", Tags: []string{"Images"},
		Summary:     "How much of a file has come that is being imported as an image",
		Description: "Send the rest with POST /images and that offset. What came is kept for a day, by the server that it came to.",
	}, func(ctx context.Context, in *imageUploadInput) (*plain[image.Upload], error) {
		sum, err := checksum(in.SHA256)
		if err != nil {
			return nil, err
		}
		where, err := s.reach(ctx, in.Scope)
		if err != nil {
			return nil, err
		}
		project, err := owner(ctx, where, in.Public)
		if err != nil {
			return nil, err
		}
		return &plain[image.Upload]{Body: image.Upload{ReceivedBytes: s.images.UploadPlace(project, sum).ReceivedBytes()}}, nil
	})
}

// offsetOf reads how many bytes came before.
func offsetOf(text, sha256 string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	offset, err := strconv.ParseInt(text, 10, 64)
	if err != nil || offset < 0 {
		return 0, fault.Invalid("offset is how many bytes came before, not %q", text).At("offset")
	}
	if offset > 0 && sha256 == "" {
		return 0, fault.Invalid("an upload that is gone on with is known by the SHA-256 of the whole file; give sha256").At("sha256")
	}
	return offset, nil
}

// uploadTurn is how long an upload waits for another one of the same file.
const uploadTurn = 3 * time.Second

// placeOf is where an upload is received: a place that outlives the request if the caller says what the whole file is.
func (s *Server) placeOf(ctx context.Context, asked upload) (imagestore.Place, func(), error) {
	if asked.sha256 == "" {
		place, err := s.images.NewPlace()
		return place, func() {}, err
	}
	place := s.images.UploadPlace(asked.project, asked.sha256)
	release, err := place.LockSoon(ctx, uploadTurn)
	return place, release, err
}

// goesOn reports whether what came of an upload is kept for the next try: it is not wrong, only not all, or nobody could
// take it.
func (s *Server) goesOn(asked upload, err error) bool {
	if asked.sha256 == "" || err == nil {
		return false
	}
	return errors.Is(err, imagestore.ErrBroken) || errors.Is(err, context.Canceled) || fault.Is(err, fault.KindUnavailable) ||
		fault.Is(err, fault.KindConflict)
}
