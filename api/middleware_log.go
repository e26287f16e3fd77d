package api

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// levelOf keeps the log readable: probes and scrapes are noise, failures are not.
func levelOf(status int, pattern string) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	case pattern == "/healthz" || pattern == "/readyz" || pattern == "/metrics" || pattern == basePath+"/hosts/self/samples":
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

func attributes(c *gin.Context, current *call, path string, status int, took time.Duration) []slog.Attr {
	found := []slog.Attr{
		slog.String("request_id", current.id),
		slog.String("method", c.Request.Method),
		slog.String("path", path),
		slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.Int("bytes", max(0, c.Writer.Size())),
		slog.String("from", sourceOf(c.Request)),
	}
	if name := current.principal.Name(); name != "" {
		found = append(found, slog.String("by", name))
	}
	if took > slowRequest {
		found = append(found, slog.Bool("slow", true))
	}
	return found
}

// sourceOf is the address of the other end of the connection; headers that claim another one are not believed.
func sourceOf(r *http.Request) string {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return address
}
