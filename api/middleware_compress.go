package api

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzip"
)

const compressFrom = 1 << 10 // bytes; less is not worth the header

var gzipWriters = sync.Pool{New: func() any {
	writer, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return writer
}}

// compress sends JSON of some length as gzip to those who take it.
func compress(c *gin.Context) {
	if !strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") || c.GetHeader("Upgrade") != "" {
		c.Next()
		return
	}
	c.Writer = &compressor{ResponseWriter: c.Writer}
	c.Next()
}

// compressor decides at the first write, since answers in JSON are written in one.
type compressor struct {
	gin.ResponseWriter
	decided bool
	zip     bool
}

// Write implements io.Writer.
func (w *compressor) Write(data []byte) (int, error) {
	if !w.decided {
		w.decided = true
		header := w.Header()
		w.zip = len(data) >= compressFrom && strings.Contains(header.Get("Content-Type"), "json") && header.Get("Content-Encoding") == "" &&
			w.Status() != http.StatusPartialContent
		if w.zip {
			header.Set("Content-Encoding", "gzip")
			header.Add("Vary", "Accept-Encoding")
			header.Del("Content-Length")
		}
	}
	if !w.zip {
		return w.ResponseWriter.Write(data)
	}
	writer := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(writer)
	var packed bytes.Buffer
	writer.Reset(&packed)
	if _, err := writer.Write(data); err != nil {
		return 0, err
	}
	if err := writer.Close(); err != nil {
		return 0, err
	}
	if _, err := w.ResponseWriter.Write(packed.Bytes()); err != nil {
		return 0, err
	}
	return len(data), nil
}

// WriteString implements io.StringWriter.
func (w *compressor) WriteString(text string) (int, error) { return w.Write([]byte(text)) }

// Unwrap lets http.ResponseController reach the connection.
func (w *compressor) Unwrap() http.ResponseWriter { return w.ResponseWriter }
