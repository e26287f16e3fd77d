package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"syscall"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imagefile"
	"github.com/novacron/novacron/internal/project"
)

const octets = "application/octet-stream"

func (s *Server) imageByteRoutes() {
	tags := []string{"Images"}
	bytes := map[string]*huma.MediaType{octets: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	text := &huma.Schema{Type: huma.TypeString}
	upload := s.answers(huma.Operation{
		OperationID: "import-image", Method: http.MethodPost, Path: "/images", Tags: tags, Summary: "Import an image: the bytes of a qcow2 or raw disk",
		Description: "The format is found from the bytes. The same name with the same bytes answers 200 and the image that is there.",
		RequestBody: &huma.RequestBody{Required: true, Content: bytes},
		Parameters: []*huma.Param{
			{Name: "name", In: "query", Required: true, Schema: text, Description: "Name of the image"},
			{Name: "public", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "For every project; administrators only"},
			{Name: "project", In: "query", Schema: text, Description: "Name or ID of the project"},
			{Name: "dry_run", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "Check the name and answer the plan; the body is not read"},
		},
	}, http.StatusCreated, typeOf[image.Image](), "The image")
	s.addRaw(user, upload, s.importImage)
	s.addRaw(either, huma.Operation{
		OperationID: "image-content", Method: http.MethodGet, Path: "/images/{image}/content", Tags: tags, Summary: "An image's bytes, or with Range a part of them",
		Responses: map[string]*huma.Response{
			"200": {Description: "The bytes", Content: bytes}, "206": {Description: "The part that was asked for", Content: bytes},
		},
	}, s.imageContent)
}

// upload is a request to import an image, as far as it can be judged without its bytes.
type upload struct {
	name    string
	project id.Project // empty for every project
	dryRun  bool
}

func (s *Server) importImage(c *gin.Context) error {
	ctx := c.Request.Context()
	asked, err := s.judgeUpload(c)
	if err != nil {
		return err
	}
	if asked.dryRun {
		plan := wouldDo("import_image", "Keep the bytes as image "+asked.name)
		c.JSON(plan.Status, plan.Body)
		return nil
	}
	spooled, err := s.spool(timed(c, s.patience.stall, true))
	if err != nil {
		return err
	}
	defer spooled.remove()
	info, err := imagefile.Identify(spooled.head, spooled.size)
	if err != nil {
		return err
	}
	kept, status, err := s.keep(ctx, asked, spooled, info)
	if err != nil {
		return err
	}
	c.Header("Location", basePath+"/images/"+string(kept.ID))
	encoded, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	c.Data(status, "application/json", encoded)
	return nil
}

func (s *Server) judgeUpload(c *gin.Context) (upload, error) {
	ctx := c.Request.Context()
	asked := upload{name: c.Query("name"), dryRun: c.Query("dry_run") == "true"}
	if err := project.CheckName(asked.name); err != nil {
		return asked, err
	}
	where, err := s.reach(ctx, Scope{ProjectHeader: c.GetHeader("X-Novacron-Project"), ProjectQuery: c.Query("project")})
	if err != nil {
		return asked, err
	}
	asked.project = where.project.ID
	if c.Query("public") == "true" {
		if err := principalOf(ctx).Installation(); err != nil {
			return asked, err
		}
		asked.project = ""
	}
	if asked.dryRun {
		return asked, nil
	}
	if given := c.ContentType(); given != octets {
		return asked, newProblem(http.StatusUnsupportedMediaType, "send the image's bytes with Content-Type: application/octet-stream")
	}
	if c.Request.ContentLength > s.config.MaxImageBytes {
		return asked, tooLarge(s.config.MaxImageBytes)
	}
	return asked, nil
}

func tooLarge(limit int64) error {
	return newProblem(http.StatusRequestEntityTooLarge, "the image is larger than "+gibibytes(limit)+", the most this server takes; convert it to a sparse qcow2 or raise the limit")
}

func gibibytes(bytes int64) string {
	if bytes < 1<<30 {
		return statusText(int(bytes>>20)) + " MiB"
	}
	return statusText(int(bytes>>30)) + " GiB"
}

// spooled is an upload that waits in a file until it was checked: its hash, which is its key, is known only at the end.
type spooled struct {
	file *os.File
	head []byte
	size int64
	hash string
}

func (f *spooled) remove() {
	_ = f.file.Close()
	_ = os.Remove(f.file.Name())
}

func (s *Server) spool(body io.Reader) (*spooled, error) {
	file, err := os.CreateTemp(s.config.Spool, "novacron-upload-*")
	if err != nil {
		return nil, fault.Internal("the upload cannot be kept on this server").Because(err)
	}
	kept := &spooled{file: file}
	hash := sha256.New()
	kept.size, err = io.Copy(io.MultiWriter(file, hash), io.LimitReader(body, s.config.MaxImageBytes+1))
	if err == nil {
		kept.head = make([]byte, min(kept.size, imagefile.HeadBytes))
		_, err = io.ReadFull(io.NewSectionReader(file, 0, kept.size), kept.head)
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		err = newProblem(http.StatusInsufficientStorage, "this server has no room for the image; free some and try again")
	case err != nil:
		err = newProblem(http.StatusBadRequest, "the upload broke off; send it again")
	case kept.size > s.config.MaxImageBytes:
		err = tooLarge(s.config.MaxImageBytes)
	}
	if err != nil {
		kept.remove()
		return nil, err
	}
	kept.hash = hex.EncodeToString(hash.Sum(nil))
	return kept, nil
}

// keep stores the bytes and records the image. If recording fails, bytes that nobody else has are removed again.
func (s *Server) keep(ctx context.Context, asked upload, from *spooled, info imagefile.Info) (image.Image, int, error) {
	s.imageGuard.RLock()
	defer s.imageGuard.RUnlock()
	if there, err := s.store.GetImage(ctx, asked.project, asked.name); err == nil && there.Project == asked.project {
		if there.SHA256 == from.hash {
			return there, http.StatusOK, nil
		}
		return image.Image{}, 0, fault.Conflict("there is an image named %s already, with other bytes; choose another name or delete it", asked.name).At("name")
	}
	if _, err := from.file.Seek(0, io.SeekStart); err != nil {
		return image.Image{}, 0, fault.Internal("the upload cannot be read back").Because(err)
	}
	if err := s.config.Images.Put(ctx, imageKey(from.hash), from.file, from.size); err != nil {
		if fault.Is(err, fault.KindExhausted) {
			return image.Image{}, 0, newProblem(http.StatusInsufficientStorage, err.Error())
		}
		return image.Image{}, 0, err
	}
	made := image.Image{
		ID: id.New[id.Image](), Project: asked.project, Name: asked.name, Format: info.Format, SHA256: from.hash,
		SizeBytes: from.size, VirtualBytes: info.VirtualBytes, CreatedAt: s.now().UTC(),
	}
	if err := s.store.InsertImage(ctx, made); err != nil {
		s.dropBytes(context.WithoutCancel(ctx), from.hash)
		return image.Image{}, 0, err
	}
	return made, http.StatusCreated, nil
}

func (s *Server) imageContent(c *gin.Context) error {
	ctx := c.Request.Context()
	scope := Scope{ProjectHeader: c.GetHeader("X-Novacron-Project"), ProjectQuery: c.Query("project")}
	found, _, err := s.findImage(ctx, scope, c.Param("image"))
	if err != nil {
		return err
	}
	content := &objectReader{ctx: ctx, store: s.config.Images, key: imageKey(found.SHA256), size: found.SizeBytes}
	defer func() { _ = content.Close() }()
	if _, err := s.config.Images.Stat(ctx, content.key); err != nil {
		if fault.Is(err, fault.KindNotFound) {
			return fault.Internal("the bytes of image %s are not in the image store; import it again", found.Name).Because(err)
		}
		return err
	}
	c.Header("Content-Type", octets)
	c.Header("ETag", `"`+found.SHA256+`"`)
	c.Header("Cache-Control", "private, max-age=31536000, immutable")
	http.ServeContent(c.Writer, c.Request, "", found.CreatedAt, content)
	return nil
}
