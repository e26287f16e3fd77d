package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

func raw(size int, fill byte) []byte { return bytes.Repeat([]byte{fill}, size) }

func TestImages(t *testing.T) {
	spool := t.TempDir()
	s := newStage(t, func(config *api.Config) { config.Spool = spool })
	content := raw(64<<10, 7)
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	s.call("POST", "/images?name=disk&dry_run=true", nil, 200)
	var made image.Image
	answer := s.call("POST", "/images?name=disk", bytes.NewReader(content), 201)
	answer.into(&made)
	if made.SHA256 != hash || made.Format != "raw" || made.VirtualBytes != 64<<10 || made.Project != s.installed.Project.ID ||
		answer.header.Get("Location") != "/api/v1/images/"+string(made.ID) {
		t.Errorf("unexpected image %+v", made)
	}
	var again image.Image
	if s.call("POST", "/images?name=disk", bytes.NewReader(content), 200).into(&again); again.ID != made.ID {
		t.Error("the same name and bytes are the same image")
	}
	s.call("POST", "/images?name=disk", bytes.NewReader(raw(512, 1)), 409).problem("with other bytes")
	again = image.Image{}
	s.call("POST", "/images?name=copy&public=true", bytes.NewReader(content), 201).into(&again)
	if again.Project != "" {
		t.Error("a public image belongs to no project")
	}
	s.call("GET", "/images/disk", nil, 200)

	whole := s.call("GET", "/images/disk/content", nil, 200)
	if !bytes.Equal(whole.body, content) || whole.header.Get("ETag") != `"`+hash+`"` {
		t.Error("the bytes are not what was sent")
	}
	h1 := s.as(s.hosts["h1"].token)
	part := h1.with("Range", "bytes=65000-").call("GET", "/images/"+string(made.ID)+"/content", nil, 206)
	if len(part.body) != 64<<10-65000 || part.header.Get("Content-Range") != "bytes 65000-65535/65536" {
		t.Errorf("%d bytes, %s", len(part.body), part.header.Get("Content-Range"))
	}
	h1.with("Range", "bytes=99999-").call("GET", "/images/"+string(made.ID)+"/content", nil, 416)

	s.call("DELETE", "/images/disk?dry_run=true", nil, 200)
	s.call("DELETE", "/images/disk", nil, 204)
	if len(s.objects.Keys()) != 1 {
		t.Error("another image has the same bytes; they must stay")
	}
	s.as(s.mint(s.installed.Project.ID, time.Hour)).call("DELETE", "/images/copy", nil, 403)
	s.call("DELETE", "/images/copy", nil, 204)
	if len(s.objects.Keys()) != 0 {
		t.Errorf("left behind: %v", s.objects.Keys())
	}
	s.call("DELETE", "/images/copy", nil, 404)
	if files, _ := os.ReadDir(spool); len(files) != 0 {
		t.Errorf("uploads left behind: %v", files)
	}
	s.call("GET", "/images/tiny/content", nil, 500).problem("import it again")
}

func TestImportOfQCOW2(t *testing.T) {
	s := newStage(t)
	path := filepath.Join(t.TempDir(), "disk.qcow2")
	if output, err := exec.CommandContext(t.Context(), "qemu-img", "create", "-q", "-f", "qcow2", path, "1G").CombinedOutput(); err != nil {
		t.Fatalf("qemu-img (package qemu-utils) is needed: %v %s", err, output)
	}
	content, err := os.ReadFile(path)
	s.must(err)
	var made image.Image
	if s.call("POST", "/images?name=cow", bytes.NewReader(content), 201).into(&made); made.Format != "qcow2" || made.VirtualBytes != 1<<30 {
		t.Errorf("unexpected image %+v", made)
	}
	s.call("POST", "/vms", map[string]any{"name": "web", "image": "cow"}, 202)
	s.call("DELETE", "/images/cow", nil, 409).problem("delete those VMs first")
}

func TestBadImports(t *testing.T) {
	objects := fake.New()
	s := newStage(t, func(config *api.Config) { config.Images = objects })
	s.objects = objects
	upload := func(name string, content []byte, want int) reply {
		return s.call("POST", "/images?name="+name, bytes.NewReader(content), want)
	}
	upload("Bad_Name", raw(512, 1), 422).problem("is not a usable name")
	upload("empty", nil, 422).problem("the image is empty")
	upload("odd", raw(700, 1), 422).problem("multiple of 512 bytes")
	upload("backed", append([]byte("QFI\xfb\x00\x00\x00\x03"), raw(2000, 0xff)...), 422)
	upload("big", raw(5<<20, 1), 413).problem("larger than 4 MiB")
	s.as(s.token).with("Content-Type", "text/html").call("POST", "/images?name=page", "hello", 415).problem("application/octet-stream")
	s.call("POST", "/images?name=x&project=nope", bytes.NewReader(raw(512, 1)), 404)
	s.as(s.mint(s.installed.Project.ID, time.Hour)).call("POST", "/images?name=x&public=true", bytes.NewReader(raw(512, 1)), 403)
	chunked := s.as(s.token).with("Content-Type", "application/octet-stream")
	chunked.call("POST", "/images?name=big", struct{ *strings.Reader }{strings.NewReader(strings.Repeat("x", 5<<20))}.Reader, 413)
	objects.Before = func(call, _ string) error {
		if call == "Put" {
			return fault.Exhausted("the image store is full; free some room")
		}
		return nil
	}
	upload("full", raw(512, 1), 507).problem("the image store is full")
	objects.Before = func(call, _ string) error {
		if call == "Put" {
			return fault.Unavailable("the image store does not answer")
		}
		return nil
	}
	upload("down", raw(512, 1), 503)
	if keys := objects.Keys(); len(keys) != 0 {
		t.Errorf("left behind: %v", keys)
	}
}
