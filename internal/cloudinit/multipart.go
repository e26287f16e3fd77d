package cloudinit

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
)

// The types of parts that cloud-init handles (cloudinit/handlers/__init__.py), and the two that it looks into.
const (
	configType = "text/cloud-config"
	scriptType = "text/x-shellscript"
)

var partTypes = []string{
	configType, scriptType, "text/x-shellscript-per-boot", "text/x-shellscript-per-instance", "text/x-shellscript-per-once",
	"text/cloud-boothook", "text/cloud-config-archive", "text/cloud-config-jsonp", "text/jinja2", "text/part-handler",
	"text/x-include-url", "text/x-include-once-url", "text/plain", "application/octet-stream",
}

// beginsMultipart says whether a text looks like a message with headers.
func beginsMultipart(text string) bool {
	first, _, _ := strings.Cut(text, "\n")
	first = strings.ToLower(first)
	return strings.HasPrefix(first, "mime-version:") || strings.HasPrefix(first, "content-type:") || strings.HasPrefix(first, "from ")
}

// checkMultipart checks a message as cloud-init reads it, which knows one by its MIME-Version.
func checkMultipart(text string) error {
	where := place{field: userData}
	if strings.HasPrefix(text, "From ") { // an envelope, as programs that write such messages leave it there
		_, text, _ = strings.Cut(text, "\n")
	}
	message, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return where.wrong(0, "the headers of the MIME multipart cannot be read; an empty line ends them")
	}
	if message.Header.Get("MIME-Version") == "" {
		return where.wrong(0, "a MIME multipart needs the header MIME-Version: 1.0, by which cloud-init knows it")
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") || parameters["boundary"] == "" {
		return where.wrong(0, "a MIME message must be Content-Type: multipart/mixed with a boundary")
	}
	return checkParts(multipart.NewReader(message.Body, parameters["boundary"]))
}

func checkParts(parts *multipart.Reader) error {
	for number := 1; ; number++ {
		where := place{field: userData, part: number}
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && number > 1:
			return nil
		case errors.Is(err, io.EOF):
			return place{field: userData}.wrong(0, "the MIME multipart has no parts")
		case err != nil:
			return where.wrong(0, "the MIME multipart breaks off; its last line is the boundary with -- before and behind it")
		}
		if err := checkPart(where, part); err != nil {
			return err
		}
	}
}

func checkPart(where place, part *multipart.Part) error {
	kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(partTypes, kind) {
		return where.wrong(0, "its Content-Type must be one that cloud-init knows, such as %s or %s", configType, scriptType)
	}
	var body io.Reader = part
	if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
		body = base64.NewDecoder(base64.StdEncoding, part)
	}
	content, err := io.ReadAll(body)
	switch {
	case err != nil:
		return where.wrong(0, "it cannot be decoded, or breaks off before its boundary")
	case kind == configType:
		return where.cloudConfig(string(content))
	case kind == scriptType && !strings.HasPrefix(string(content), "#!"):
		return where.wrong(1, "a script begins with #!")
	}
	return nil
}
