package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
)

// NewHost is a host that enrols.
type NewHost struct {
	ID        id.Host
	Name      string
	TokenHash []byte // of the token that the host will use from now on
	Facts     host.Facts
}

// CreateEnrolment records the hash of a one-time token for a new host.
func (s *Store) CreateEnrolment(ctx context.Context, hash []byte, expiresAt time.Time) error {
	return errUnbuilt
}

// EnrolHost uses up an enrolment and records the host, which is returned. Denied if the enrolment is unknown, expired or
// used up; Conflict at "name" if another host has the name. Until the host has first reported with its token, the same
// enrolment and name may be repeated, which gives the host the new token: its answer may have been lost.
func (s *Store) EnrolHost(ctx context.Context, enrolmentHash []byte, enrolling NewHost) (host.Host, error) {
	return host.Host{}, errUnbuilt
}

// HostByToken finds the host that a token belongs to; Denied if there is none.
func (s *Store) HostByToken(ctx context.Context, hash []byte) (host.Host, error) {
	return host.Host{}, errUnbuilt
}

// GetHost finds a host by name or ID, with what is promised on it and its state now.
func (s *Store) GetHost(ctx context.Context, ref string) (host.Host, error) {
	return host.Host{}, errUnbuilt
}

// ListHosts returns all hosts by name.
func (s *Store) ListHosts(ctx context.Context) ([]host.Host, error) { return nil, errUnbuilt }

// SetHostFacts records what a host reports when its worker starts, with the event host.connected.
func (s *Store) SetHostFacts(ctx context.Context, hostID id.Host, facts host.Facts) error {
	return errUnbuilt
}

// CordonHost says whether the host takes new VMs and returns it as it is now. ifMatch is the generation at which it was
// read, 0 for any.
func (s *Store) CordonHost(ctx context.Context, ref string, cordoned bool, ifMatch int64) (host.Host, error) {
	return host.Host{}, errUnbuilt
}

// RemoveHost forgets a host and its token. Conflict while VMs or volumes are on it or an operation holds it.
func (s *Store) RemoveHost(ctx context.Context, ref string) error { return errUnbuilt }
