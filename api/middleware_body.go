package api

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// timedBody limits how long a body may take to arrive. The limit ends with the body: were it left in place, net/http would
// take its passing for the end of the connection and cancel the request while it is being answered.
type timedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	wait       time.Duration
	renew      bool // each read may take so long, not the whole body
	running    bool
}

func timed(c *gin.Context, wait time.Duration, renew bool) *timedBody {
	return &timedBody{ReadCloser: c.Request.Body, connection: http.NewResponseController(c.Writer), wait: wait, renew: renew}
}

// Read implements io.Reader.
func (b *timedBody) Read(buffer []byte) (int, error) {
	if !b.running || b.renew {
		b.running = true
		_ = b.connection.SetReadDeadline(time.Now().Add(b.wait)) // not every writer can: those of tests cannot
	}
	n, err := b.ReadCloser.Read(buffer)
	if err != nil {
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}
