package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
)

// Hosts give each other the images that they have, so that the store and the control plane's line are asked once for many
// hosts. A host asks the control plane who has an image and gets a ticket for it; whoever is asked can check that by itself.
// Nothing is believed of what arrives: the pool compares its hash.

const (
	peerDial  = 3 * time.Second  // to a peer that may be gone
	peerFirst = 10 * time.Second // until it begins to answer
	peerStall = 20 * time.Second // between bytes
)

// imageServer gives images of this host's pools to other hosts.
type imageServer struct {
	key   []byte // hash of this host's token
	pools *storage.Set
	log   *slog.Logger
}

// serve answers other hosts until ctx ends.
func (s *imageServer) serve(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("giving images to other hosts on %s: %w", address, err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: peerFirst, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("giving images to other hosts: %w", err)
	}
	return nil
}

// ServeHTTP answers GET /IMAGE?sha256=…&format=…&size=…&offset=….
func (s *imageServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	size, sizeErr := strconv.ParseInt(asked.Get("size"), 10, 64)
	offset, offsetErr := strconv.ParseInt(asked.Get("offset"), 10, 64)
	wanted := storage.BaseImage{
		Image: id.Image(strings.TrimPrefix(r.URL.Path, "/")), SHA256: asked.Get("sha256"), Format: asked.Get("format"), SizeBytes: size,
	}
	ticket := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.Method != http.MethodGet:
		http.Error(w, "images are only given", http.StatusMethodNotAllowed)
		return
	case !auth.CheckTicket(s.key, string(wanted.Image), ticket, time.Now()):
		http.Error(w, "that is no ticket for this image", http.StatusForbidden)
		return
	case errors.Join(sizeErr, offsetErr, wanted.Check()) != nil || offset < 0 || offset > size:
		http.Error(w, "that describes no image", http.StatusBadRequest)
		return
	}
	content := s.find(r.Context(), wanted, offset)
	if content == nil {
		http.Error(w, "this host does not have the image", http.StatusNotFound)
		return
	}
	defer content.Close()
	w.Header().Set("Content-Length", strconv.FormatInt(size-offset, 10))
	if _, err := io.Copy(w, content); err != nil && r.Context().Err() == nil {
		s.log.Warn("an image was not given whole to another host", "image", wanted.Image, "peer", r.RemoteAddr, "error", err)
	}
}

// find opens the image in whichever pool has it.
func (s *imageServer) find(ctx context.Context, wanted storage.BaseImage, offset int64) (content io.ReadCloser) {
	s.pools.Each(func(_ string, pool storage.Pool) {
		keeper, able := pool.(storage.ImageKeeper)
		if !able || content != nil {
			return
		}
		if opened, err := keeper.OpenImage(ctx, wanted, offset); err == nil {
			content = opened
		}
	})
	return content
}

// imagePeers reads images from other hosts.
type imagePeers struct {
	plane *Plane
	http  *http.Client
	log   *slog.Logger
}

func newImagePeers(plane *Plane, log *slog.Logger) *imagePeers {
	return &imagePeers{plane: plane, log: log, http: &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: peerDial}).DialContext, ResponseHeaderTimeout: peerFirst, DisableKeepAlives: true,
	}}}
}

// open reads an image from a host that has it; NotFound if none gives it.
func (p *imagePeers) open(ctx context.Context, wanted storage.BaseImage, offset int64) (io.ReadCloser, error) {
	peers, err := p.plane.ImagePeers(ctx, wanted.Image)
	if err != nil {
		return nil, err
	}
	for _, each := range peers {
		content, err := p.ask(ctx, each, wanted, offset)
		if err == nil {
			p.log.Info("an image comes from another host", "image", wanted.Image, "peer", each.Address, "offset", offset)
			return content, nil
		}
		p.log.Info("another host does not give an image", "image", wanted.Image, "peer", each.Address, "error", err)
	}
	return nil, fault.NotFound("no other host gives image %s", wanted.Image)
}

func (p *imagePeers) ask(ctx context.Context, peer host.Peer, wanted storage.BaseImage, offset int64) (io.ReadCloser, error) {
	query := url.Values{
		"sha256": {wanted.SHA256}, "format": {wanted.Format}, "size": {strconv.FormatInt(wanted.SizeBytes, 10)}, "offset": {strconv.FormatInt(offset, 10)},
	}
	ctx, stop := context.WithCancel(ctx)
	address := url.URL{Scheme: "http", Host: peer.Address, Path: "/" + string(wanted.Image), RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		stop()
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+peer.Ticket)
	answer, err := p.http.Do(request)
	if err != nil {
		stop()
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		stop()
		_ = answer.Body.Close()
		return nil, fmt.Errorf("it answers %s", answer.Status)
	}
	return &stalling{ReadCloser: answer.Body, stop: stop, timer: time.AfterFunc(peerStall, stop)}, nil
}

// stalling ends a body whose bytes stop coming.
type stalling struct {
	io.ReadCloser
	stop  context.CancelFunc
	timer *time.Timer
}

// Read implements io.Reader.
func (s *stalling) Read(into []byte) (int, error) {
	s.timer.Reset(peerStall)
	return s.ReadCloser.Read(into)
}

// Close implements io.Closer.
func (s *stalling) Close() error {
	s.timer.Stop()
	defer s.stop()
	return s.ReadCloser.Close()
}
