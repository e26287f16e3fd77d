package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store/db"
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

// operationFacts is the data of an operation's events: enough to show it without reading it.
type operationFacts struct {
	Kind        operation.Kind     `json:"kind"`
	State       operation.State    `json:"state"`
	SubjectKind string             `json:"subject_kind"`
	SubjectID   string             `json:"subject_id"`
	SubjectName string             `json:"subject_name"`
	Actor       string             `json:"actor"`
	Question    string             `json:"question,omitempty"`
	Error       *operation.Problem `json:"error,omitempty"`
	Leaks       int                `json:"leaks,omitempty"`
}

func (c *change) emitOperation(of operation.Operation, happened string) {
	c.emit(event.Event{
		Type: happened, Project: string(of.Project), SubjectKind: "operation", SubjectID: string(of.ID), Operation: string(of.ID),
	}, operationFacts{
		Kind: of.Kind, State: of.State, SubjectKind: of.Subject.Kind, SubjectID: of.Subject.ID, SubjectName: of.Subject.Name,
		Actor: of.Actor, Question: of.Question, Error: of.Error, Leaks: len(of.Leaks),
	})
}

// GetOperation returns one operation with its expected duration; NotFound if it is not in the project.
func (s *Store) GetOperation(ctx context.Context, project id.Project, operationID id.Operation) (operation.Operation, error) {
	row, err := s.queries.GetOperation(ctx, string(operationID), string(project))
	if err != nil {
		return operation.Operation{}, noOperation(err, operationID)
	}
	found, err := operationOf(row)
	if err != nil {
		return operation.Operation{}, translate(err)
	}
	found.ExpectedSeconds, err = s.ExpectedSeconds(ctx, found.Kind)
	return found, err
}

func noOperation(err error, operationID id.Operation) error {
	return missing(err, "there is no operation %s; list them with novacron operation list", operationID)
}

func operationOf(row db.OperationRecord) (operation.Operation, error) {
	found := operation.Operation{
		ID: id.Operation(row.ID), Project: id.Project(row.ProjectID), Kind: operation.Kind(row.Kind), State: operation.State(row.State),
		Subject: operation.Subject{Kind: row.SubjectKind, ID: row.SubjectID, Name: row.SubjectName},
		Parent:  fromNull[id.Operation](row.ParentID), Actor: row.Actor, Request: row.Request, Result: row.Result,
		Question: row.Question, NoReturn: row.NoReturn, CancelRequested: row.CancelRequested, RunID: row.RunID,
		CreatedAt: row.CreatedAt, StartedAt: timeFromNull(row.StartedAt), EndedAt: timeFromNull(row.EndedAt),
	}
	if err := unmarshal(row.Error, &found.Error); err != nil {
		return operation.Operation{}, err
	}
	err := unmarshal(row.Leaks, &found.Leaks)
	return found, err
}

// ListOperations returns a page, newest first, and the cursor of the next page, empty at the end.
func (s *Store) ListOperations(ctx context.Context, filter OperationFilter) ([]operation.Operation, string, error) {
	size, err := pageSize(filter.Limit)
	if err != nil {
		return nil, "", err
	}
	after, err := decodeCursor(filter.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	subjectID, subjectName := filter.Subject, ""
	if nounOf(filter.Subject) == "resource" {
		subjectID, subjectName = "", filter.Subject
	}
	rows, err := s.queries.ListOperations(ctx, db.ListOperationsParams{
		ProjectID: string(filter.Project), Kind: string(filter.Kind), State: string(filter.State), SubjectID: subjectID,
		SubjectName: subjectName, ParentID: string(filter.Parent), Open: filter.Open, Before: after[0], PageSize: int32(size + 1),
	})
	found, err := mapRows(rows, err, operationOf)
	page, next := cutPage(found, size, func(o operation.Operation) []string { return []string{string(o.ID)} })
	return page, next, err
}

// PendingOperations returns the operations whose workflow has not begun, oldest first: the outbox.
func (s *Store) PendingOperations(ctx context.Context, limit int) ([]operation.Operation, error) {
	size, err := pageSize(limit)
	if err != nil {
		return nil, err
	}
	rows, err := s.queries.PendingOperations(ctx, int32(size))
	return mapRows(rows, err, operationOf)
}

// OpenOperations returns all operations that have not ended, oldest first.
func (s *Store) OpenOperations(ctx context.Context) ([]operation.Operation, error) {
	rows, err := s.queries.OpenOperations(ctx)
	return mapRows(rows, err, operationOf)
}

// UnarchivedOperations returns operations that have ended and whose timeline is not kept yet, the earliest end first.
func (s *Store) UnarchivedOperations(ctx context.Context, limit int) ([]operation.Operation, error) {
	size, err := pageSize(limit)
	if err != nil {
		return nil, err
	}
	rows, err := s.queries.UnarchivedOperations(ctx, int32(size))
	return mapRows(rows, err, operationOf)
}

// SaveTimeline archives the operation's timeline, the JSON of an operation.Timeline.
func (s *Store) SaveTimeline(ctx context.Context, operationID id.Operation, timeline json.RawMessage) error {
	saved, err := s.queries.SaveTimeline(ctx, timeline, string(operationID))
	if err == nil && saved == 0 {
		err = fault.NotFound("there is no operation %s to keep a timeline for", operationID)
	}
	return translate(err)
}

// Timeline returns the archived timeline, nil if none was saved yet.
func (s *Store) Timeline(ctx context.Context, operationID id.Operation) (json.RawMessage, error) {
	timeline, err := s.queries.GetTimeline(ctx, string(operationID))
	if err != nil {
		return nil, noOperation(err, operationID)
	}
	return timeline, nil
}

// SweepClaims releases claims whose operation has ended and returns how many there were.
func (s *Store) SweepClaims(ctx context.Context) (int64, error) {
	released, err := s.queries.SweepClaims(ctx)
	return released, translate(err)
}

// SweepKeys forgets idempotency keys older than before and returns how many there were.
func (s *Store) SweepKeys(ctx context.Context, before time.Time) (int64, error) {
	forgotten, err := s.queries.SweepKeys(ctx, before)
	return forgotten, translate(err)
}

// ExpectedSeconds is the median duration of the last 20 operations of the kind that succeeded; 0 if there were none.
func (s *Store) ExpectedSeconds(ctx context.Context, kind operation.Kind) (float64, error) {
	median, err := s.queries.ExpectedSeconds(ctx, string(kind))
	return median, translate(err)
}

// HolderOf finds the operation that has a thing for itself; NotFound if none has.
func (s *Store) HolderOf(ctx context.Context, resource string) (operation.Operation, error) {
	row, err := s.queries.HolderOf(ctx, resource)
	if err != nil {
		return operation.Operation{}, missing(err, "no operation works on %s", resource)
	}
	return operationOf(row)
}
