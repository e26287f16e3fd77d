package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/network"
)

type imageInput struct {
	Scope
	Image string `path:"image" doc:"Name or ID of the image"`
}

type deleteImageInput struct {
	Change
	Image string `path:"image" doc:"Name or ID of the image"`
}

func (s *Server) imageRoutes() {
	tags := []string{"Images"}
	add(s, user, huma.Operation{
		OperationID: "list-images", Method: http.MethodGet, Path: "/images", Tags: tags, Summary: "List images by name",
	}, func(ctx context.Context, in *Scope) (*listed[image.Image], error) {
		where, err := s.reach(ctx, *in)
		if err != nil {
			return nil, err
		}
		found, err := s.store.ListImages(ctx, where.listing())
		return page(found, ""), err
	})
	add(s, user, huma.Operation{
		OperationID: "get-image", Method: http.MethodGet, Path: "/images/{image}", Tags: tags, Summary: "Show an image",
	}, func(ctx context.Context, in *imageInput) (*plain[image.Image], error) {
		found, _, err := s.findImage(ctx, in.Scope, in.Image)
		return &plain[image.Image]{Body: found}, err
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "import-image-from-url", Method: http.MethodPost, Path: "/images/from-url", Tags: tags, Summary: "Import an image from a URL",
		Description: "The server downloads the file and goes on with it as with an upload.",
	}), s.importImageFromURL)
	add(s, user, s.answers(huma.Operation{
		OperationID: "delete-image", Method: http.MethodDelete, Path: "/images/{image}", Tags: tags, Summary: "Delete an image that no VM stands on and no template needs",
	}, http.StatusNoContent, nil, "Deleted"), s.deleteImage)
}

func (s *Server) findImage(ctx context.Context, scope Scope, ref string) (image.Image, reach, error) {
	where, err := s.reach(ctx, scope)
	if err != nil {
		return image.Image{}, where, err
	}
	found, err := s.store.GetImage(ctx, where.toward(ref), ref)
	return found, where, err
}

func (s *Server) deleteImage(ctx context.Context, in *deleteImageInput) (*changeAnswer, error) {
	found, _, err := s.findImage(ctx, in.Scope, in.Image)
	if err != nil {
		return nil, err
	}
	if found.Project == "" {
		if err := principalOf(ctx).Installation(); err != nil {
			return nil, err
		}
	}
	if found.VMs > 0 {
		return nil, fault.Conflict("the disks of %d VMs stand on image %s; delete those VMs first", found.VMs, found.Name)
	}
	if len(found.Templates) > 0 {
		return nil, fault.Conflict("image %s is what VMs are made from by %s; withdraw that first", found.Name, strings.Join(found.Templates, ", "))
	}
	if in.DryRun {
		return instead(wouldDo("delete_image", "Delete image "+found.Name)), nil
	}
	if err := s.images.Delete(ctx, found); err != nil {
		return nil, err
	}
	return gone(), nil
}

// owner is the project that a new image belongs to: that of the request, or none for one that is every project's.
func owner(ctx context.Context, where reach, public bool) (id.Project, error) {
	if !public {
		return where.project.ID, nil
	}
	return "", principalOf(ctx).Installation()
}

func (s *Server) networkRoutes() {
	add(s, user, huma.Operation{
		OperationID: "list-networks", Method: http.MethodGet, Path: "/networks", Tags: []string{"Networks"}, Summary: "List networks by name",
	}, func(ctx context.Context, in *Scope) (*listed[network.Network], error) {
		where, err := s.reach(ctx, *in)
		if err != nil {
			return nil, err
		}
		found, err := s.store.ListNetworks(ctx, where.listing())
		return page(found, ""), err
	})
}
