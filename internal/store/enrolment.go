package store

import (
	"context"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
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
	return translate(s.queries.InsertEnrolment(ctx, hash, expiresAt))
}

// EnrolHost uses up an enrolment and records the host, which is returned. Denied if the enrolment is unknown, expired or
// used up; Conflict at "name" if another host has the name. Until the host has first reported with its token, the same
// enrolment and name may be repeated, which gives the host the new token: its answer may have been lost.
func (s *Store) EnrolHost(ctx context.Context, enrolmentHash []byte, enrolling NewHost) (host.Host, error) {
	if err := project.CheckName(enrolling.Name); err != nil {
		return host.Host{}, err
	}
	if err := checkFacts(enrolling.Facts); err != nil {
		return host.Host{}, err
	}
	var enrolled host.Host
	err := s.change(ctx, func(c *change) error {
		enrolment, err := c.LockEnrolment(ctx, enrolmentHash)
		switch {
		case gone(err) != nil:
			return err
		case err != nil || enrolment.Expired:
			return fault.Denied("that enrolment token is unknown or has expired; make a new one with novacron host add")
		case enrolment.Used && (enrolment.HostName != enrolling.Name || enrolment.Reported):
			return fault.Denied("that enrolment token has been used; make a new one with novacron host add")
		}
		if enrolment.Used {
			enrolling.ID = id.Host(enrolment.HostID)
			err = c.SetHostToken(ctx, enrolling.TokenHash, marshal(enrolling.Facts), enrolment.HostID)
		} else {
			err = c.insertHost(ctx, enrolmentHash, enrolling)
		}
		if err != nil {
			return err
		}
		enrolled, err = findHost(ctx, c.Queries, string(enrolling.ID))
		return err
	})
	return enrolled, err
}

func (c *change) insertHost(ctx context.Context, enrolmentHash []byte, enrolling NewHost) error {
	err := c.InsertHost(ctx, db.InsertHostParams{
		ID: string(enrolling.ID), Name: enrolling.Name, TokenHash: enrolling.TokenHash, Facts: marshal(enrolling.Facts),
	})
	if err != nil {
		return nameTaken(err, "a host", enrolling.Name)
	}
	c.emitHost("host.enrolled", string(enrolling.ID), enrolling.Name)
	return c.UseEnrolment(ctx, string(enrolling.ID), enrolmentHash)
}

// HostByToken finds the host that a token belongs to; Denied if there is none.
func (s *Store) HostByToken(ctx context.Context, hash []byte) (host.Host, error) {
	row, err := s.queries.GetHostByToken(ctx, hash)
	switch {
	case gone(err) != nil:
		return host.Host{}, translate(err)
	case err != nil:
		return host.Host{}, fault.Denied("that host token is unknown; the host was removed and must enrol again")
	}
	found, err := hostOf(row)
	return found, translate(err)
}
