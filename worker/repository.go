package worker

import (
	"context"
	"sync"

	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

// repository is where backups are, as the control plane says it now. It is safe for concurrent use.
type repository struct {
	own  *backuprepo.Repository // where they are if it says nothing
	open func(objectstore.Place) (*backuprepo.Repository, error)

	mutex sync.Mutex
	at    objectstore.Place
	there *backuprepo.Repository
	err   error // why it could not be opened
}

// follow opens the place if it is another one than before, or could not be opened then.
func (r *repository) follow(place objectstore.Place) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.err == nil && r.at.Same(place) {
		return nil
	}
	r.at, r.there, r.err = place, nil, nil
	if place.Known() {
		r.there, r.err = r.open(place)
	}
	return r.err
}

// current gives the repository; the error is Unavailable.
func (r *repository) current() (*backuprepo.Repository, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch {
	case r.err != nil:
		return nil, fault.Unavailable("this host cannot use the backup repository: %s", r.err).Because(r.err)
	case r.there == nil:
		return r.own, nil
	}
	return r.there, nil
}

func (h *Host) syncRepository(ctx context.Context, plane *Plane) error {
	place, err := plane.Repository(ctx)
	if err != nil {
		return err
	}
	if err := h.backups.follow(place); err != nil {
		h.Log.Warn("the backup repository cannot be opened; it is tried again", "error", err)
	}
	return nil
}
