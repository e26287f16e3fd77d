package api

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/id"
)

// observe gives the request its ID, and logs and counts it when it is done. Query strings and headers may hold secrets
// and are never logged; neither are paths that end in a ticket.
func (s *Server) observe(c *gin.Context) {
	began := s.now()
	current := &call{id: requestID(c.GetHeader("X-Request-Id")), gin: c}
	c.Request = c.Request.WithContext(withCall(c.Request.Context(), current))
	c.Header("X-Request-Id", current.id)
	c.Next()
	pattern := c.FullPath()
	if pattern == "" {
		pattern = "other"
	}
	path := c.Request.URL.Path
	if c.Param("ticket") != "" {
		path = pattern
	}
	took := s.now().Sub(began)
	status := c.Writer.Status()
	s.metrics.Request(c.Request.Method, pattern, status, took)
	s.log.LogAttrs(c.Request.Context(), levelOf(status, pattern), "request", attributes(c, current, path, status, took)...)
}

// requestID takes the caller's ID if it is harmless.
func requestID(given string) string {
	if len(given) >= 8 && len(given) <= 64 && strings.Trim(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == "" {
		return given
	}
	return string(id.New[requestKind]())
}

type requestKind string

// Prefix implements id.Typed.
func (requestKind) Prefix() string { return "req" }

// recover answers a panic like any other defect of ours.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		failure := recover()
		if failure == nil {
			return
		}
		if err, ok := failure.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(failure)
		}
		s.log.ErrorContext(c.Request.Context(), "panic", "request_id", callOf(c.Request.Context()).id, "panic", failure, "stack", string(debug.Stack()))
		if !c.Writer.Written() {
			s.refuse(c, newProblem(http.StatusInternalServerError, internalDetail))
		}
	}()
	c.Next()
}

// contentPolicy lets the interface load only what this server serves. Styles may be inline since charts set them.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"font-src 'self' data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// secure tells browsers to be strict.
func secure(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("Content-Security-Policy", contentPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if strings.HasPrefix(c.Request.URL.Path, basePath) {
		header.Set("Cache-Control", "no-store")
	}
	if overTLS(c.Request) {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	c.Next()
}

// overTLS reports whether the caller came by https, here or at a proxy in front. A caller that lies about it only makes
// its own cookie stricter.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

var sameOrigin = http.NewCrossOriginProtection()

// refuseForeign keeps pages of other sites from acting with the session of a person who visits them. Callers that are
// no browsers say nothing of origins and pass.
func (s *Server) refuseForeign(c *gin.Context) {
	if err := sameOrigin.Check(c.Request); err != nil {
		s.refuse(c, newProblem(http.StatusForbidden, "this request comes from a page of another site; open the interface of this server and try there"))
		return
	}
	c.Next()
}

const slowRequest = 2 * time.Second
