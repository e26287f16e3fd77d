package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/imageconvert"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/project"
)

const octets = "application/octet-stream"

func (s *Server) imageByteRoutes() {
	tags := []string{"Images"}
	bytes := map[string]*huma.MediaType{octets: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	text := &huma.Schema{Type: huma.TypeString}
	formats := []any{"qcow2", "raw", "vmdk", "vhdx", "vdi", "vhd"}
	upload := s.answers(huma.Operation{
		OperationID: "import-image", Method: http.MethodPost, Path: "/images", Tags: tags, Summary: "Import an image: the bytes of a disk as qcow2, raw, vmdk, vhdx, vdi, vhd or ova",
		Description: "The format is found from the bytes; what is packed with gzip is unpacked, and what is neither qcow2 nor raw is converted to qcow2. The same name with the same " +
			"bytes answers 200 and the image that is there.",
		RequestBody: &huma.RequestBody{Required: true, Content: bytes},
		Parameters: []*huma.Param{
			{Name: "name", In: "query", Required: true, Schema: text, Description: "Name of the image"},
			{Name: "sha256", In: "query", Schema: text, Description: "SHA-256 of the whole file, in hex: other bytes are refused. With it an upload that broke off can be gone on with"},
			{Name: "offset", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "How many bytes of the file came before, as the upload says; needs sha256"},
			{Name: "public", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "For every project; administrators only"},
			{Name: "project", In: "query", Schema: text, Description: "Name or ID of the project"},
			{Name: "dry_run", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "Check the name and answer the plan; the body is not read"},
		},
	}, http.StatusCreated, typeOf[image.Image](), "The image")
	s.addRaw(user, upload, s.importImage)
	s.addRaw(either, huma.Operation{
		OperationID: "image-content", Method: http.MethodGet, Path: "/images/{image}/content", Tags: tags, Summary: "An image's bytes, or with Range a part of them",
		Description: "With a format that is not the image's own it is converted first, and sent whole.",
		Parameters: []*huma.Param{
			{Name: "format", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: formats}, Description: "The image's own if left out"},
			{Name: "project", In: "query", Schema: text, Description: "Name or ID of the project"},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "The bytes", Content: bytes}, "206": {Description: "The part that was asked for", Content: bytes},
		},
	}, s.imageContent)
}

// upload is a request to import an image, as far as it can be judged without its bytes.
type upload struct {
	name    string
	project id.Project // empty for every project
	sha256  string     // in lower case; empty if the caller does not know it
	offset  int64      // bytes that came before
	dryRun  bool
}

func (s *Server) importImage(c *gin.Context) error {
	asked, err := s.judgeUpload(c)
	if err != nil {
		return err
	}
	if asked.dryRun {
		plan := wouldDo("import_image", "Keep the bytes as image "+asked.name)
		c.JSON(plan.Status, plan.Body)
		return nil
	}
	kept, created, err := s.takeIn(c, imagestore.Wanted{ID: id.New[id.Image](), Project: asked.project, Name: asked.name}, asked)
	if err != nil {
		return statusOfImport(err)
	}
	c.Header("Location", basePath+"/images/"+string(kept.ID))
	encoded, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	c.Data(status, "application/json", encoded)
	return nil
}

// takeIn keeps the bytes of an upload as an image.
func (s *Server) takeIn(c *gin.Context, wanted imagestore.Wanted, asked upload) (image.Image, bool, error) {
	place, release, err := s.placeOf(c.Request.Context(), asked)
	if err != nil {
		return image.Image{}, false, err
	}
	defer release()
	kept, created, err := s.takeInto(c, wanted, asked, place)
	if !s.goesOn(asked, err) {
		_ = place.Remove() // what cannot be removed is swept
	}
	return kept, created, err
}

// takeInto receives the bytes in a place and keeps them. Others than those of the hash, if one is given, are refused.
func (s *Server) takeInto(c *gin.Context, wanted imagestore.Wanted, asked upload, place imagestore.Place) (image.Image, bool, error) {
	sum, err := s.images.Receive(place, asked.offset, timed(c, s.patience.stall, true))
	if err != nil {
		return image.Image{}, false, err
	}
	if asked.sha256 != "" && sum != asked.sha256 {
		return image.Image{}, false, otherBytes(sum, asked.sha256)
	}
	ready, err := s.images.Prepare(c.Request.Context(), place, sum)
	if err != nil {
		return image.Image{}, false, err
	}
	return s.images.Keep(c.Request.Context(), wanted, ready)
}

func otherBytes(sum, wanted string) error {
	return fault.Invalid("the bytes that arrived have the SHA-256 %s, not %s: they were changed on the way or the checksum is of another file; check both and send it again",
		sum, wanted).At("sha256")
}

// statusOfImport gives the refusals of an upload the statuses that HTTP has for them.
func statusOfImport(err error) error {
	switch {
	case errors.Is(err, imagestore.ErrTooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, imagestore.ErrBroken):
		return newProblem(http.StatusBadRequest, err.Error())
	case fault.Is(err, fault.KindExhausted):
		return newProblem(http.StatusInsufficientStorage, err.Error())
	}
	return err
}

func (s *Server) judgeUpload(c *gin.Context) (upload, error) {
	asked := upload{name: c.Query("name"), dryRun: c.Query("dry_run") == "true"}
	if err := project.CheckName(asked.name); err != nil {
		return asked, err
	}
	var err error
	if asked.sha256, err = checksum(c.Query("sha256")); err != nil {
		return asked, err
	}
	if asked.offset, err = offsetOf(c.Query("offset"), asked.sha256); err != nil {
		return asked, err
	}
	where, err := s.reach(c.Request.Context(), Scope{ProjectHeader: c.GetHeader("X-Novacron-Project"), ProjectQuery: c.Query("project")})
	if err != nil {
		return asked, err
	}
	if asked.project, err = owner(c.Request.Context(), where, c.Query("public") == "true"); err != nil || asked.dryRun {
		return asked, err
	}
	if given := c.ContentType(); given != octets {
		return asked, newProblem(http.StatusUnsupportedMediaType, "send the image's bytes with Content-Type: application/octet-stream")
	}
	if c.Request.ContentLength > s.images.MaxBytes()-asked.offset {
		return asked, statusOfImport(imagestore.TooLarge(s.images.MaxBytes()))
	}
	return asked, nil
}

var hexSHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checksum reads a SHA-256 that a caller gives; "" for none.
func checksum(text string) (string, error) {
	lower := strings.ToLower(text)
	if text != "" && !hexSHA256.MatchString(lower) {
		return "", fault.Invalid("sha256 is no SHA-256: give its 64 hexadecimal digits, as sha256sum prints them").At("sha256")
	}
	return lower, nil
}

func (s *Server) imageContent(c *gin.Context) error {
	ctx := c.Request.Context()
	scope := Scope{ProjectHeader: c.GetHeader("X-Novacron-Project"), ProjectQuery: c.Query("project")}
	found, _, err := s.findImage(ctx, scope, c.Param("image"))
	if err != nil {
		return err
	}
	if format := c.Query("format"); format != "" && format != found.Format {
		return s.exportImage(c, found, format)
	}
	if err := s.images.Check(ctx, found); err != nil {
		return err
	}
	content := &imageReader{ctx: ctx, images: s.images, image: found}
	defer func() { _ = content.Close() }()
	c.Header("Content-Type", octets)
	c.Header("ETag", `"`+found.SHA256+`"`)
	c.Header("Cache-Control", "private, max-age=31536000, immutable")
	http.ServeContent(c.Writer, c.Request, "", found.CreatedAt, content)
	return nil
}

// exportImage converts an image into a file that is gone when the answer is sent, however that ends.
func (s *Server) exportImage(c *gin.Context, found image.Image, format string) error {
	if err := imageconvert.CheckFormat(format); err != nil {
		return err
	}
	place, err := s.images.NewPlace()
	if err != nil {
		return statusOfImport(err)
	}
	defer func() { _ = place.Remove() }()
	path, err := s.images.Export(c.Request.Context(), found, format, place)
	if err != nil {
		return statusOfImport(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return fault.Internal("the converted image cannot be read back on this server").Because(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fault.Internal("the converted image cannot be read back on this server").Because(err)
	}
	c.DataFromReader(http.StatusOK, info.Size(), octets, file, map[string]string{
		"Content-Disposition": `attachment; filename="` + found.Name + "." + format + `"`, "Accept-Ranges": "none",
	})
	return nil
}
