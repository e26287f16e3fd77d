package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/fault"
)

// Problem is what every refusal and failure looks like: a problem document of RFC 9457.
type Problem struct {
	Type      string     `json:"type" example:"urn:novacron:fault:conflict" doc:"What sort of problem it is"`
	Title     string     `json:"title" example:"Conflict"`
	Status    int        `json:"status" example:"409"`
	Detail    string     `json:"detail" doc:"What was wrong and what to do, in a sentence"`
	Kind      fault.Kind `json:"kind" enum:"invalid,not_found,conflict,exhausted,denied,unavailable,internal"`
	Field     string     `json:"field,omitempty" example:"memory_bytes" doc:"The field of the request at fault"`
	Errors    []Located  `json:"errors,omitempty" doc:"Each thing that was wrong, and where"`
	RequestID string     `json:"request_id,omitempty" doc:"To find the request in the server's log"`

	wait int // seconds for Retry-After
}

// Located is one thing that was wrong with a request.
type Located struct {
	Location string `json:"location" example:"body.memory_bytes"`
	Message  string `json:"message"`
}

// Error returns the sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is how huma learns the status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders is how huma learns of Retry-After.
func (p *Problem) GetHeaders() http.Header {
	if p.wait == 0 {
		return nil
	}
	return http.Header{"Retry-After": {fmt.Sprint(p.wait)}}
}

// ContentType is how huma learns the media type.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// statusOf is the one table from kinds to HTTP.
var statusOf = map[fault.Kind]int{
	fault.KindInvalid:     http.StatusUnprocessableEntity,
	fault.KindNotFound:    http.StatusNotFound,
	fault.KindConflict:    http.StatusConflict,
	fault.KindExhausted:   http.StatusConflict,
	fault.KindDenied:      http.StatusForbidden,
	fault.KindUnavailable: http.StatusServiceUnavailable,
	fault.KindInternal:    http.StatusInternalServerError,
}

// kindOfStatus names the kind of the statuses that HTTP itself asks for.
func kindOfStatus(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return fault.KindDenied
	case http.StatusNotFound:
		return fault.KindNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return fault.KindConflict
	case http.StatusInsufficientStorage:
		return fault.KindExhausted
	case http.StatusServiceUnavailable:
		return fault.KindUnavailable
	}
	if status >= http.StatusInternalServerError {
		return fault.KindInternal
	}
	return fault.KindInvalid
}

const internalDetail = "something went wrong on our side; the server's log has the cause under this request's ID"

// problemOf turns any error into what users read. Causes stay behind.
func problemOf(err error) *Problem {
	if ready, ok := errors.AsType[*Problem](err); ok {
		return ready
	}
	found, ok := errors.AsType[*fault.Error](err)
	if !ok {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return newProblem(http.StatusServiceUnavailable, "the request took too long and was given up; try again")
		}
		return newProblem(http.StatusInternalServerError, internalDetail)
	}
	problem := newProblem(statusOf[found.Kind], found.Message)
	problem.Kind, problem.Type = found.Kind, faultType(found.Kind)
	if found.Kind == fault.KindUnavailable {
		problem.wait = 2
	}
	if found.Field != "" {
		problem.Field = found.Field
		problem.Errors = []Located{{Location: partOf(found.Field) + found.Field, Message: found.Message}}
	}
	return problem
}

// elsewhere are the fields that handlers refuse and that are not in a body.
var elsewhere = map[string]string{
	"since": "query.", "step": "query.", "project": "query.", "cursor": "query.", "after": "query.", "If-Match": "header.",
}

func partOf(field string) string {
	if part, ok := elsewhere[field]; ok {
		return part
	}
	return "body."
}

func newProblem(status int, detail string) *Problem {
	kind := kindOfStatus(status)
	return &Problem{Type: faultType(kind), Title: http.StatusText(status), Status: status, Detail: detail, Kind: kind}
}

func faultType(kind fault.Kind) string { return "urn:novacron:fault:" + string(kind) }

// stale is the answer to an If-Match that is no longer true.
func stale(what string) *Problem {
	return newProblem(http.StatusPreconditionFailed, what+" has changed since you read it; read it again, look at what changed, and repeat")
}

// huma reports what it finds through these variables; init is the only place from which they can be set without a race.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return requestProblem(status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		problem := requestProblem(status, message, errs)
		problem.RequestID = callOf(ctx.Context()).id
		return problem
	}
	huma.DefaultArrayNullable = false
	phraseValidation()
}

// requestProblem explains what huma found wrong before a handler was called.
func requestProblem(status int, message string, errs []error) *Problem {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return newProblem(status, tooLong(message))
	case http.StatusRequestTimeout:
		return newProblem(status, "the body did not arrive in time; check the connection and send it again")
	case http.StatusUnsupportedMediaType:
		return newProblem(status, "the body must be JSON: send it with Content-Type: application/json")
	case http.StatusNotAcceptable:
		return newProblem(status, "answers are JSON: send Accept: application/json or leave the header out")
	case http.StatusInternalServerError:
		return newProblem(status, internalDetail)
	}
	if message == "request body is required" {
		message = "this request needs a body; send a JSON object"
	}
	problem := newProblem(status, message)
	sentences := make([]string, 0, len(errs))
	for _, each := range errs {
		if each == nil {
			continue
		}
		located, sentence := locate(each)
		if strings.HasPrefix(sentence, malformed) {
			problem = newProblem(http.StatusBadRequest, message) // huma says 422 where it does not look at fields first
		}
		problem.Errors = append(problem.Errors, located)
		sentences = append(sentences, sentence)
		if problem.Field == "" {
			problem.Field = fieldOf(located.Location)
		}
	}
	if len(sentences) > 0 {
		problem.Detail = strings.Join(sentences, "; ")
	}
	return problem
}

// tooLong takes the limit out of huma's words, "request body is too large limit=1048576 bytes".
func tooLong(message string) string {
	limit := int64(maxBodyBytes)
	if _, text, found := strings.Cut(message, "limit="); found {
		_, _ = fmt.Sscan(text, &limit)
	}
	return fmt.Sprintf("the body is larger than %d KiB, the most this request takes; send less", limit>>10)
}

// namedField finds the field that a message begins with: one of decode.go's, or that a field is missing.
var namedField = regexp.MustCompile(`^"([A-Za-z0-9_.\[\]]+)" `)

func locate(err error) (Located, string) {
	detailer, ok := err.(huma.ErrorDetailer)
	if !ok {
		return Located{Location: "body", Message: err.Error()}, err.Error()
	}
	detail := detailer.ErrorDetail()
	if match := namedField.FindStringSubmatch(detail.Message); match != nil {
		return Located{Location: detail.Location + "." + match[1], Message: detail.Message}, detail.Message
	}
	message := detail.Message
	if message == "unknown query parameter" {
		message = "is not a known parameter here; leave it out or correct its spelling"
	}
	field := fieldOf(detail.Location)
	switch {
	case field != "":
		return Located{Location: detail.Location, Message: message}, fmt.Sprintf("%q %s", field, message)
	case strings.HasPrefix(message, "must "):
		message = "the body " + message
	}
	return Located{Location: detail.Location, Message: message}, message
}

// fieldOf takes the part of the request off a location: body.limits.max_downtime_ms is limits.max_downtime_ms.
func fieldOf(location string) string {
	for _, part := range []string{"body", "query", "path", "header"} {
		if rest, found := strings.CutPrefix(location, part+"."); found {
			return rest
		}
	}
	return ""
}

// phraseValidation makes huma's findings read on after the field's name and say what to do.
func phraseValidation() {
	validation.MsgUnexpectedProperty = "is not a known field here; leave it out or correct its spelling"
	validation.MsgExpectedRFC3339DateTime = "must be a time such as 2026-01-31T12:00:00Z"
	validation.MsgExpectedBoolean = "must be true or false"
	validation.MsgExpectedNumber = "must be a number"
	validation.MsgExpectedInteger = "must be a whole number"
	validation.MsgExpectedString = "must be text"
	validation.MsgExpectedArray = "must be a list"
	validation.MsgExpectedObject = "must be an object"
	validation.MsgExpectedOneOf = "must be one of %s"
	validation.MsgExpectedMinimumNumber = "must be at least %v"
	validation.MsgExpectedMaximumNumber = "must be at most %v"
	validation.MsgExpectedMinLength = "must have at least %d characters"
	validation.MsgExpectedMaxLength = "must have at most %d characters"
	validation.MsgExpectedRequiredProperty = "\"%s\" is missing; add it"
	validation.MsgExpectedMinProperties = "must have at least %d fields"
}

// refuse writes a problem outside huma and ends the request.
func (s *Server) refuse(c *gin.Context, err error) {
	problem := s.explain(c.Request.Context(), err)
	for name, values := range problem.GetHeaders() {
		c.Writer.Header()[name] = values
	}
	c.Header("Content-Type", problemType)
	encoded, _ := json.Marshal(problem)
	c.Status(problem.Status)
	_, _ = c.Writer.Write(encoded)
	c.Abort()
}

// explain turns an error into a problem that carries the request's ID, and logs the cause of what is our side's fault.
func (s *Server) explain(ctx context.Context, err error) *Problem {
	problem := *problemOf(err)
	call := callOf(ctx)
	problem.RequestID = call.id
	if problem.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(ctx, "request failed", "request_id", call.id, "kind", problem.Kind, "detail", problem.Detail, "cause", causeOf(err))
	}
	return &problem
}

// causeOf spells out a chain of causes; faults hide theirs from Error.
func causeOf(err error) string {
	var texts []string
	for err != nil {
		if text := err.Error(); len(texts) == 0 || texts[len(texts)-1] != text {
			texts = append(texts, text)
		}
		err = errors.Unwrap(err)
	}
	return strings.Join(texts, ": ")
}
