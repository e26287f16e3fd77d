package workflows

import (
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// Task is what an operation's workflow is started with.
type Task[R any] struct {
	Operation id.Operation      `json:"operation_id"`
	Project   id.Project        `json:"project_id"`
	Kind      operation.Kind    `json:"kind"`
	Subject   operation.Subject `json:"subject"`
	Actor     string            `json:"actor"`
	Request   R                 `json:"request"`
}

// header is the part of a task that does not depend on its kind.
type header struct {
	operation id.Operation
	project   id.Project
	kind      operation.Kind
	subject   operation.Subject
	actor     string
}

func (t Task[R]) header() header {
	return header{operation: t.Operation, project: t.Project, kind: t.Kind, subject: t.Subject, actor: t.Actor}
}
