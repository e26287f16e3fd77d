package event

import (
	"encoding/json"
	"time"
)

// Event is one fact about one thing. Sequence numbers grow without end and are the resume point of the event stream;
// numbers may be missing (a transaction that was rolled back), never reused.
type Event struct {
	Sequence    int64           `json:"sequence"`
	At          time.Time       `json:"at"`
	Type        string          `json:"type" doc:"What happened, in the past tense" example:"vm.started"`
	Project     string          `json:"project_id,omitempty" doc:"The owning project; empty for what belongs to the installation"`
	SubjectKind string          `json:"subject_kind" example:"vm"`
	SubjectID   string          `json:"subject_id"`
	Operation   string          `json:"operation_id,omitempty" doc:"The operation that caused it"`
	Data        json.RawMessage `json:"data,omitempty" doc:"Facts that belong to the type"`
}
