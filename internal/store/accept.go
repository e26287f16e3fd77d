package store

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/snapshot"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// Acceptance is everything that is recorded when a request for an operation is accepted.
type Acceptance struct {
	// Operation needs ID, Project, Kind, Subject, Actor, Request and perhaps Parent; Accept fills in the rest.
	Operation operation.Operation

	// Principal (whose key it is, such as a user's ID), Key (the Idempotency-Key; empty for none) and BodyHash (of all
	// that makes two requests the same; empty if the key says it all) recognise a repeated request.
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
	// MAC is derived from the VM's ID. An empty state means Provisioning, of NewVolumes and NewBackup Creating.
	NewVM      *vm.VM
	NewVolumes []volume.Volume
	NewBackup  *backup.Backup

	// NewCloudInit is inserted before NewVM, which refers to it.
	NewCloudInit *SealedCloudInit

	// NewSnapshot is inserted as Creating, under the VM's current one.
	NewSnapshot *snapshot.Snapshot

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
	var answer Accepted
	err := s.change(ctx, func(c *change) error {
		c.discard = request.DryRun
		first, err := c.firstOperation(ctx, request)
		if err != nil {
			return err
		}
		if first != nil {
			answer = Accepted{Operation: *first, Replayed: true}
			return nil
		}
		answer, err = c.accept(ctx, request)
		return err
	})
	if err != nil {
		return Accepted{}, err
	}
	return answer, nil
}

// firstOperation is the operation that an earlier request with the same key began, nil if this one is the first. Others
// with the same key wait here until this transaction has ended.
func (c *change) firstOperation(ctx context.Context, request Acceptance) (*operation.Operation, error) {
	if request.Key == "" {
		return nil, nil
	}
	if err := c.LockKey(ctx, request.Principal, request.Key); err != nil {
		return nil, err
	}
	known, err := c.GetKey(ctx, request.Principal, request.Key)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(known.BodyHash, request.BodyHash) {
		return nil, fault.Conflict("that Idempotency-Key was used for another request (operation %s); take a new key", known.OperationID)
	}
	row, err := c.GetOperation(ctx, known.OperationID, "")
	if err != nil {
		return nil, err
	}
	first, err := operationOf(row)
	return &first, err
}

func (c *change) accept(ctx context.Context, request Acceptance) (Accepted, error) {
	if err := c.claim(ctx, request); err != nil {
		return Accepted{}, err
	}
	if err := c.checkGenerations(ctx, request.Generations); err != nil {
		return Accepted{}, err
	}
	recorded, err := c.insertOperation(ctx, request)
	if err != nil {
		return Accepted{}, err
	}
	if err := c.keepClaims(ctx, request); err != nil {
		return Accepted{}, err
	}
	if err := c.insertNew(ctx, request); err != nil {
		return Accepted{}, err
	}
	return c.acceptedAs(ctx, request, recorded)
}

// checkGenerations refuses if a VM is not what the caller saw when it judged that the operation is allowed.
func (c *change) checkGenerations(ctx context.Context, seen map[string]int64) error {
	if len(seen) == 0 {
		return nil
	}
	ids := make([]string, 0, len(seen))
	for machine := range seen {
		ids = append(ids, machine)
	}
	rows, err := c.VMGenerations(ctx, ids)
	if err != nil {
		return err
	}
	if len(rows) < len(seen) {
		return fault.Conflict("the VM was deleted since it was read")
	}
	for _, row := range rows {
		if row.Generation != seen[row.ID] {
			return changedSince("VM", row.Name, row.Generation, seen[row.ID])
		}
	}
	return nil
}

func (c *change) insertOperation(ctx context.Context, request Acceptance) (operation.Operation, error) {
	wanted := request.Operation
	asked := wanted.Request
	if len(asked) == 0 {
		asked = []byte("{}")
	}
	row, err := c.InsertOperation(ctx, db.InsertOperationParams{
		ID: string(wanted.ID), ProjectID: string(wanted.Project), Kind: string(wanted.Kind),
		SubjectKind: wanted.Subject.Kind, SubjectID: wanted.Subject.ID, SubjectName: wanted.Subject.Name,
		ParentID: orNull(wanted.Parent), Actor: wanted.Actor, Request: asked,
	})
	if err == nil && request.Key != "" {
		err = c.InsertKey(ctx, db.InsertKeyParams{
			Principal: request.Principal, Key: request.Key, BodyHash: append([]byte{}, request.BodyHash...), OperationID: string(wanted.ID),
		})
	}
	if err != nil {
		return operation.Operation{}, err
	}
	return operationOf(db.OperationRecord(row))
}

func (c *change) insertNew(ctx context.Context, request Acceptance) error {
	if request.NewCloudInit != nil {
		if err := c.InsertCloudInit(ctx, string(request.NewCloudInit.ID), request.NewCloudInit.Sealed); err != nil {
			return err
		}
	}
	if request.NewVM != nil {
		if err := c.insertVM(ctx, *request.NewVM); err != nil {
			return err
		}
		c.emit(event.Event{
			Type: "vm.created", Project: string(request.NewVM.Project), SubjectKind: "vm", SubjectID: string(request.NewVM.ID),
			Operation: string(request.Operation.ID),
		}, vmFacts{Name: request.NewVM.Name, State: vm.Provisioning})
	}
	for _, disk := range request.NewVolumes {
		if err := c.insertVolume(ctx, disk); err != nil {
			return err
		}
	}
	if request.NewSnapshot != nil {
		if err := c.insertSnapshot(ctx, *request.NewSnapshot); err != nil {
			return err
		}
	}
	if request.NewBackup == nil {
		return nil
	}
	return c.insertBackup(ctx, *request.NewBackup, request.Operation.ID)
}

// acceptedAs answers what a later read would give.
func (c *change) acceptedAs(ctx context.Context, request Acceptance, recorded operation.Operation) (Accepted, error) {
	c.emitOperation(recorded, "operation.accepted")
	answer := Accepted{Operation: recorded}
	if request.NewVM == nil {
		return answer, nil
	}
	made, err := findVM(ctx, c.Queries, id.Project(""), string(request.NewVM.ID))
	answer.VM = &made
	return answer, err
}
