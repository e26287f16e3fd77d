package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/volume"
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
	add(s, user, s.answers(huma.Operation{
		OperationID: "delete-image", Method: http.MethodDelete, Path: "/images/{image}", Tags: tags, Summary: "Delete an image that no VM stands on",
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
	if in.DryRun {
		return instead(wouldDo("delete_image", "Delete image "+found.Name)), nil
	}
	s.imageGuard.Lock()
	defer s.imageGuard.Unlock()
	if err := s.store.DeleteImage(ctx, found.ID); err != nil {
		return nil, err
	}
	s.dropBytes(context.WithoutCancel(ctx), found.SHA256)
	return gone(), nil
}

// dropBytes removes an image's bytes unless another image has the same. The image is gone either way: bytes that stay
// behind cost room, not truth, and the next image of the same content takes them over.
func (s *Server) dropBytes(ctx context.Context, sha256 string) {
	left, err := s.store.ListImages(ctx, "")
	if err == nil {
		for _, each := range left {
			if each.SHA256 == sha256 {
				return
			}
		}
		err = s.config.Images.Delete(ctx, imageKey(sha256))
	}
	if err != nil {
		s.log.WarnContext(ctx, "bytes of a deleted image stay behind", "sha256", sha256, "cause", causeOf(err))
	}
}

func imageKey(sha256 string) string { return "images/" + sha256 }

func (s *Server) poolRoutes() {
	add(s, user, huma.Operation{
		OperationID: "list-pools", Method: http.MethodGet, Path: "/pools", Tags: []string{"Storage"}, Summary: "List storage pools, summed over hosts",
	}, func(ctx context.Context, _ *Scope) (*listed[volume.Pool], error) {
		found, err := s.store.Pools(ctx)
		return page(found, ""), err
	})
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
