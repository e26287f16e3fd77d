package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/volume"
)

// emptyTrash accepts the deletion of volumes whose time in the trash is over; the outbox starts it.
func (c *Control) emptyTrash(ctx context.Context) error {
	expired, err := c.Store.ExpiredVolumes(ctx, time.Now())
	if err != nil {
		return err
	}
	var failed []error
	for _, each := range expired {
		if err := c.acceptPurge(ctx, each); err != nil && !fault.Is(err, fault.KindConflict) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (c *Control) acceptPurge(ctx context.Context, of volume.Volume) error {
	request, err := json.Marshal(operation.VolumeRef{Volume: of.ID, Expired: true})
	if err != nil {
		return err
	}
	_, err = c.Store.Accept(ctx, store.Acceptance{
		Operation: operation.Operation{
			ID: id.New[id.Operation](), Project: of.Project, Kind: operation.DeleteVolume, Actor: "trash",
			Subject: operation.Subject{Kind: "volume", ID: string(of.ID), Name: of.Name}, Request: request,
		},
		Claims: []string{string(of.ID)},
	})
	return err
}
