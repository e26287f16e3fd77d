package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// OperationFilter chooses operations; empty fields choose all.
type OperationFilter struct {
	Project id.Project
	Kind    operation.Kind
	State   operation.State
	Subject string // ID or name of what it works on
	Parent  id.Operation
	Open    bool   // only those that have not ended
	Cursor  string // from the page before
	Limit   int    // 1 to MaxPage; 0 means DefaultPage
}

// Ending is how an operation ended.
type Ending struct {
	State    operation.State // Succeeded, Failed or Cancelled
	Result   json.RawMessage // what came of it, for Succeeded
	Error    *operation.Problem
	Leaks    []operation.Leak
	Timeline json.RawMessage // an operation.Timeline; empty keeps what was saved
}

// GetOperation returns one operation; NotFound if it is not in the project.
func (s *Store) GetOperation(ctx context.Context, project id.Project, operationID id.Operation) (operation.Operation, error) {
	return operation.Operation{}, errUnbuilt
}

// ListOperations returns a page, newest first, and the cursor of the next page, empty at the end.
func (s *Store) ListOperations(ctx context.Context, filter OperationFilter) ([]operation.Operation, string, error) {
	return nil, "", errUnbuilt
}

// PendingOperations returns the operations whose workflow has not begun, oldest first: the outbox.
func (s *Store) PendingOperations(ctx context.Context, limit int) ([]operation.Operation, error) {
	return nil, errUnbuilt
}

// OpenOperations returns all operations that have not ended, oldest first.
func (s *Store) OpenOperations(ctx context.Context) ([]operation.Operation, error) {
	return nil, errUnbuilt
}

// BeginOperation records that the workflow runs, with Temporal's run ID. It may be repeated; Conflict once it has ended.
func (s *Store) BeginOperation(ctx context.Context, operationID id.Operation, runID string) error {
	return errUnbuilt
}

// SetOperationState moves an open operation to Running, Undoing or Waiting; question is for Waiting and says what is
// waited for. It may be repeated; Conflict once the operation has ended.
func (s *Store) SetOperationState(ctx context.Context, operationID id.Operation, state operation.State, question string) error {
	return errUnbuilt
}

// MarkNoReturn records that the operation can no longer be cancelled. It may be repeated. Conflict if a cancellation was
// requested before, so that of MarkNoReturn and RequestCancel exactly one succeeds.
func (s *Store) MarkNoReturn(ctx context.Context, operationID id.Operation) error { return errUnbuilt }

// RequestCancel records that the operation should stop and returns it; Conflict where operation.CanCancel says so. It may
// be repeated while the operation is open.
func (s *Store) RequestCancel(ctx context.Context, operationID id.Operation) (operation.Operation, error) {
	return operation.Operation{}, errUnbuilt
}

// EndOperation records the end, releases the operation's claims and archives its timeline in one transaction. It may be
// repeated: the first ending stands, claims are released again, and a timeline replaces the saved one.
func (s *Store) EndOperation(ctx context.Context, operationID id.Operation, ending Ending) error {
	return errUnbuilt
}

// SaveTimeline archives the operation's timeline, the JSON of an operation.Timeline.
func (s *Store) SaveTimeline(ctx context.Context, operationID id.Operation, timeline json.RawMessage) error {
	return errUnbuilt
}

// Timeline returns the archived timeline, nil if none was saved yet.
func (s *Store) Timeline(ctx context.Context, operationID id.Operation) (json.RawMessage, error) {
	return nil, errUnbuilt
}

// SweepClaims releases claims whose operation has ended and returns how many there were.
func (s *Store) SweepClaims(ctx context.Context) (int64, error) { return 0, errUnbuilt }

// SweepKeys forgets idempotency keys older than before and returns how many there were.
func (s *Store) SweepKeys(ctx context.Context, before time.Time) (int64, error) { return 0, errUnbuilt }

// ExpectedSeconds is the median duration of the last 20 operations of the kind that succeeded; 0 if there were none.
func (s *Store) ExpectedSeconds(ctx context.Context, kind operation.Kind) (float64, error) {
	return 0, errUnbuilt
}
