package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of thing went wrong, and so who can do something about it.
type Kind string

// The kinds. Unavailable and Internal may pass by themselves, so activities retry them; the others do not.
const (
	KindInvalid     Kind = "invalid"     // the request makes no sense; change it
	KindNotFound    Kind = "not_found"   // no such thing, or not yours
	KindConflict    Kind = "conflict"    // the thing is in another state, or busy, or changed since it was read
	KindExhausted   Kind = "exhausted"   // no room: a host, pool, address range or quota is full
	KindDenied      Kind = "denied"      // you may not
	KindUnavailable Kind = "unavailable" // something needed does not answer; try again
	KindInternal    Kind = "internal"    // a defect of ours
)

// Error is what every layer returns for a failure that a person will read.
type Error struct {
	Kind    Kind
	Message string // one sentence: what was wrong and what to do
	Field   string // the request's field at fault, as a JSON path such as "memory_bytes"; empty if none
	Cause   error  // for logs only
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// At names the field of the request that was at fault.
func (e *Error) At(field string) *Error {
	located := *e
	located.Field = field
	return &located
}

// Because attaches the cause, which reaches logs and never users.
func (e *Error) Because(cause error) *Error {
	explained := *e
	explained.Cause = cause
	return &explained
}

func newError(kind Kind, format string, args []any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// New makes a fault of a kind that is known only at run time.
func New(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }

// Invalid and its siblings make a fault of their kind from a format.
func Invalid(format string, args ...any) *Error     { return newError(KindInvalid, format, args) }
func NotFound(format string, args ...any) *Error    { return newError(KindNotFound, format, args) }
func Conflict(format string, args ...any) *Error    { return newError(KindConflict, format, args) }
func Exhausted(format string, args ...any) *Error   { return newError(KindExhausted, format, args) }
func Denied(format string, args ...any) *Error      { return newError(KindDenied, format, args) }
func Unavailable(format string, args ...any) *Error { return newError(KindUnavailable, format, args) }
func Internal(format string, args ...any) *Error    { return newError(KindInternal, format, args) }

// KindOf returns the kind of the first fault in err's chain, KindInternal for any other error, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if found, ok := errors.AsType[*Error](err); ok {
		return found.Kind
	}
	return KindInternal
}

// Is reports whether err is a fault of that kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Retryable reports whether the same call may succeed later without anyone changing the request.
func (k Kind) Retryable() bool { return k == KindUnavailable || k == KindInternal }
