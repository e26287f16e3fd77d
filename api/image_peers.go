package api

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
)

// ticketLifetime is how long a host may take until it begins to read from a peer.
const ticketLifetime = time.Hour

type imagePeersInput struct {
	Image id.Image `path:"image" doc:"ID of the image"`
}

func (s *Server) imagePeerRoutes() {
	add(s, machine, huma.Operation{
		OperationID: "image-peers", Method: http.MethodGet, Path: "/hosts/self/images/{image}/peers", Tags: hostTags,
		Summary: "Other hosts that have an image, with what lets this host read it there",
	}, s.imagePeers)
}

func (s *Server) imagePeers(ctx context.Context, in *imagePeersInput) (*plain[[]host.Peer], error) {
	now := s.now()
	found, err := s.store.ImagePeers(ctx, in.Image, principalOf(ctx).Host, now.Add(-host.OfflineAfter))
	if err != nil {
		return nil, err
	}
	peers := make([]host.Peer, 0, len(found))
	for _, each := range found {
		peers = append(peers, host.Peer{
			Address: net.JoinHostPort(each.Address, strconv.Itoa(host.ImagePort)),
			Ticket:  auth.MintTicket(each.TokenHash, string(in.Image), now.Add(ticketLifetime)),
		})
	}
	return &plain[[]host.Peer]{Body: peers}, nil
}
