package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Refusal is an answer that says no.
type Refusal struct {
	Status    int // of HTTP
	RequestID string
	Fault     *fault.Error
}

// Error returns the sentence that users read.
func (r *Refusal) Error() string { return r.Fault.Message }

// Unwrap returns the fault.
func (r *Refusal) Unwrap() error { return r.Fault }

// StatusOf returns the HTTP status of a refusal in the error's chain; 0 if there was no answer.
func StatusOf(err error) int {
	if found, ok := errors.AsType[*Refusal](err); ok {
		return found.Status
	}
	return 0
}

// problem is the part of a problem document (RFC 9457) that the client uses.
type problem struct {
	Detail    string     `json:"detail"`
	Kind      fault.Kind `json:"kind"`
	Field     string     `json:"field"`
	RequestID string     `json:"request_id"`
}

func refusal(answer *http.Response, content []byte) error {
	var found problem
	if err := json.Unmarshal(content, &found); err != nil || found.Detail == "" {
		found.Detail = fmt.Sprintf("the server answered %s without saying why; check the URL, or ask again later", answer.Status)
	}
	if found.Kind == "" {
		found.Kind = kindOf(answer.StatusCode)
	}
	return &Refusal{Status: answer.StatusCode, RequestID: found.RequestID,
		Fault: &fault.Error{Kind: found.Kind, Message: found.Detail, Field: found.Field}}
}

// kindOf guesses the kind of an answer that names none, such as a proxy's.
func kindOf(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return fault.KindDenied
	case http.StatusNotFound:
		return fault.KindNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return fault.KindConflict
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault.KindUnavailable
	case http.StatusInternalServerError:
		return fault.KindInternal
	}
	return fault.KindInvalid
}

const (
	attempts   = 5
	longestGap = 5 * time.Second
)

// mayRepeat says whether to send the request again, and after how long. Only a server that did not answer, or that said
// that it cannot just now, is asked again.
func (c *Client) mayRepeat(asked request, answer *http.Response, err error, attempt int) (time.Duration, bool) {
	if err == nil || !asked.repeat || attempt >= attempts || !fault.Is(err, fault.KindUnavailable) {
		return 0, false
	}
	wait := c.backoff(attempt)
	if answer != nil {
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
			wait = max(wait, time.Duration(seconds)*time.Second)
		}
	}
	return min(wait, longestGap), true
}

// backoff doubles from 200 ms.
func backoff(attempt int) time.Duration { return 100 * time.Millisecond << attempt }
