package api

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagefetch"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
)

// ImportImageBody says where an image is.
type ImportImageBody struct {
	Name   string `json:"name" example:"debian-12"`
	URL    string `json:"url" example:"https://images.example.org/debian-12.qcow2" doc:"http or https; who may read the operation reads it"`
	SHA256 string `json:"sha256,omitempty" doc:"Of the file at the URL, in hex: others are refused"`
	Public bool   `json:"public,omitempty" doc:"For every project; administrators only"`
}

type importImageInput struct {
	Mutation
	Body ImportImageBody
}

func (s *Server) importImageFromURL(ctx context.Context, in *importImageInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) {
		request, err := s.judgeImport(ctx, where, in.Body)
		if err != nil {
			return intent{}, err
		}
		return intent{
			kind: operation.ImportImage, subject: operation.Subject{Kind: "image", ID: string(request.Image), Name: request.Name}, request: request,
			Acceptance: store.Acceptance{
				Operation: operation.Operation{Project: where.project.ID}, Claims: []string{string(request.Image)},
			},
		}, nil
	})
}

func (s *Server) judgeImport(ctx context.Context, where reach, body ImportImageBody) (operation.ImportImageRequest, error) {
	// An administrator of the installation may fetch from the server's own network: a mirror beside it is no secret to them.
	wanted := operation.ImportImageRequest{
		Image: id.New[id.Image](), Name: body.Name, URL: body.URL, Local: principalOf(ctx).Installation() == nil,
	}
	if err := project.CheckName(body.Name); err != nil {
		return wanted, err
	}
	if err := imagefetch.CheckURL(body.URL); err != nil {
		return wanted, err
	}
	var err error
	if wanted.SHA256, err = checksum(body.SHA256); err != nil {
		return wanted, err
	}
	if wanted.Project, err = owner(ctx, where, body.Public); err != nil {
		return wanted, err
	}
	there, err := s.store.GetImage(ctx, wanted.Project, body.Name)
	if err == nil && there.Project == wanted.Project {
		return wanted, fault.Conflict("there is an image named %s already; choose another name or delete it", body.Name).At("name")
	}
	if err != nil && !fault.Is(err, fault.KindNotFound) && !fault.Is(err, fault.KindConflict) { // several projects have one: none is in the way
		return wanted, err
	}
	return wanted, nil
}
