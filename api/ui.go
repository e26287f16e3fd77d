package api

import (
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"
)

// hashedAsset matches the files whose name changes with their content, as Vite names them.
var hashedAsset = regexp.MustCompile(`^assets/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$`)

// packed are the precompressed forms of a file that a build may have left beside it, the best first.
var packed = []struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// noRoute serves the interface at every path that is not the API's, and problems below the API's.
func (s *Server) noRoute() gin.HandlerFunc {
	return func(c *gin.Context) {
		location := c.Request.URL.Path
		reading := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
		if s.config.UI == nil || !reading || strings.HasPrefix(location, "/api/") || location == "/api" {
			s.refuse(c, newProblem(http.StatusNotFound, "there is nothing at this address; "+basePath+"/openapi.json lists what there is"))
			return
		}
		name := strings.TrimPrefix(path.Clean(location), "/")
		if name == "" || !isFile(s.config.UI, name) {
			if strings.HasPrefix(name, "assets/") {
				s.refuse(c, newProblem(http.StatusNotFound, "this file belongs to another version of the interface; load the page again"))
				return
			}
			name = "index.html" // the interface has its own addresses
		}
		s.serveFile(c, name)
	}
}

func (s *Server) serveFile(c *gin.Context, name string) {
	file, encoding, err := openPacked(s.config.UI, name, c.GetHeader("Accept-Encoding"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			s.refuse(c, newProblem(http.StatusNotFound, "this server was built without its interface; build ui/ and then the server again"))
			return
		}
		s.refuse(c, err)
		return
	}
	defer func() { _ = file.Close() }()
	header := c.Writer.Header()
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		header.Set("Content-Type", kind)
	}
	header.Set("Vary", "Accept-Encoding")
	if encoding != "" {
		header.Set("Content-Encoding", encoding)
	}
	if hashedAsset.MatchString(name) {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		header.Set("Cache-Control", "no-cache")
	}
	c.Status(http.StatusOK)
	if c.Request.Method == http.MethodHead {
		c.Writer.WriteHeaderNow()
		return
	}
	_, _ = io.Copy(c.Writer, file)
}

// openPacked opens the smallest form of a file that the caller takes.
func openPacked(from fs.FS, name, accepted string) (fs.File, string, error) {
	for _, form := range packed {
		if !strings.Contains(accepted, form.encoding) {
			continue
		}
		if file, err := from.Open(name + form.suffix); err == nil {
			return file, form.encoding, nil
		}
	}
	file, err := from.Open(name)
	return file, "", err
}

func isFile(from fs.FS, name string) bool {
	found, err := fs.Stat(from, name)
	return err == nil && found.Mode().IsRegular()
}
