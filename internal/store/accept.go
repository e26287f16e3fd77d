package store

import (
	"context"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// Acceptance is everything that is recorded when a request for an operation is accepted.
type Acceptance struct {
	// Operation needs ID, Project, Kind, Subject, Actor, Request and perhaps Parent; Accept fills in the rest.
	Operation operation.Operation

	// Principal (whose key it is, such as a user's ID), Key (the Idempotency-Key; empty for none) and BodyHash (of all
	// that makes two requests the same) recognise a repeated request.
	Principal string
	Key       string
	BodyHash  []byte

	// Claims are the IDs of what the operation needs for itself, Shared of what it needs to stay as it is.
	Claims []string
	Shared []string

	// Generations maps IDs of VMs to the generation at which the caller judged them; one that has changed or gone since
	// is a Conflict. VMs that are not in it are not checked.
	Generations map[string]int64

	// NewVM is inserted with its interfaces. An interface needs its Network; a zero IP takes the lowest free one, an empty
	// MAC is derived from the VM's ID.
	NewVM      *vm.VM
	NewVolumes []volume.Volume
	NewBackup  *backup.Backup

	// DryRun checks everything and records nothing.
	DryRun bool
}

// Accepted is the answer to an Acceptance.
type Accepted struct {
	Operation operation.Operation // as recorded; with DryRun as it would have been
	VM        *vm.VM              // NewVM with its addresses, unless Replayed
	Replayed  bool                // Operation is that of an earlier request with the same key
}

// Accept records an operation with its claims, its new rows, its idempotency key and the event operation.accepted, or
// nothing at all. Errors: Conflict for a claim that another operation holds (it is named), a key that was used for
// another request, a name that is taken (at "name"), or a VM that changed; Exhausted for a network without a free
// address; NotFound for a network, image or host that is gone.
func (s *Store) Accept(ctx context.Context, request Acceptance) (Accepted, error) {
	return Accepted{}, errUnbuilt
}
