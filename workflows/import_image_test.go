package workflows

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
)

// checkImages wants the bytes of images that operations brought in and of no others, and nothing in the spool.
func (w *world) checkImages(after string) {
	w.t.Helper()
	recorded, err := w.store.ListImages(w.t.Context(), "")
	must(w.t, err)
	wanted := map[string]bool{}
	for _, each := range recorded {
		wanted[imagestore.Key(each.SHA256)] = each.ID != w.image.ID // the world's own image is kept nowhere
	}
	for _, key := range w.objects.Keys() {
		if !wanted[key] {
			w.t.Errorf("%s: bytes of no image are left behind: %s", after, key)
		}
		delete(wanted, key)
	}
	for key, kept := range wanted {
		if kept {
			w.t.Errorf("%s: the bytes of an image are missing: %s", after, key)
		}
	}
	files, err := os.ReadDir(w.spool)
	must(w.t, err)
	if len(files) > 0 {
		w.t.Errorf("%s: left behind in the spool: %v", after, files)
	}
}

// acceptImport accepts the import of a file that a server has.
func (w *world) acceptImport(content []byte, sha256 string) operation.Operation {
	w.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		http.ServeContent(out, in, "disk", time.Unix(1e9, 0), bytes.NewReader(content))
	}))
	w.t.Cleanup(server.Close)
	request := operation.ImportImageRequest{
		Image: id.New[id.Image](), Project: w.project.ID, Name: "debian", URL: server.URL + "/disk", SHA256: sha256, Local: true,
	}
	return w.accept(operation.ImportImage, operation.Subject{Kind: "image", ID: string(request.Image), Name: request.Name}, request,
		store.Acceptance{Claims: []string{string(request.Image)}})
}

func rawContent() []byte { return bytes.Repeat([]byte("novacron"), 1<<13) }

// vdiContent is the same disk as a VDI.
func vdiContent(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk.vdi")
	must(t, os.WriteFile(from, rawContent(), 0o600))
	if output, err := exec.Command("qemu-img", "convert", "-f", "raw", "-O", "vdi", from, to).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img (package qemu-utils): %v %s", err, output)
	}
	content, err := os.ReadFile(to)
	must(t, err)
	return content
}

func imported(format, source string) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		made, err := w.store.GetImage(w.t.Context(), w.project.ID, "debian")
		must(w.t, err)
		if string(made.ID) != of.Subject.ID || made.Format != format || made.SourceFormat != source || made.VirtualBytes != 1<<16 {
			w.t.Errorf("the image is %+v", made)
		}
	}
}

func TestImportImageFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		sha256  string
		says    string
	}{
		"another file": {rawContent(), strings.Repeat("0", 64), "check both"},
		"no image":     {[]byte("hello"), "", "multiple of 512"},
		"a web page":   {[]byte("<!doctype html><html></html>"), "", "web page"},
		"hostile":      {append([]byte("# Disk DescriptorFile\n"), rawContent()...), "", "convert it first"},
		"cut":          {vdiContent(t)[:1<<14], "", "damaged"},
		"too large":    {make([]byte, 65<<20), "", "larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ended := w.run(w.acceptImport(c.content, c.sha256))
			if ended.State != operation.Failed || !strings.Contains(ended.Error.Message, c.says) {
				t.Errorf("%s: %+v should say %q", ended.State, ended.Error, c.says)
			}
			w.check(name)
		})
	}
}

// An image whose name was taken while it was downloaded is taken back, and the other stays with its bytes.
func TestImportImageWhoseNameIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.acceptImport(rawContent(), ""), w.acceptImport(rawContent(), sha256Hex(rawContent()))
	if ended := w.run(first); ended.State != operation.Succeeded {
		t.Fatalf("%+v", ended.Error)
	}
	if ended := w.run(second); ended.State != operation.Failed || !strings.Contains(ended.Error.Message, "already") {
		t.Errorf("%s: %+v", ended.State, ended.Error)
	}
	imported("raw", "raw")(w, first)
	w.check("a name that is taken")
}

// A step that runs on another machine than the one before finds nothing in the spool, and makes up for it.
func TestImportImageOnSeveralMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	of := w.acceptImport(vdiContent(t), "")
	w.meddle = func(string) meddling {
		files, err := os.ReadDir(w.spool)
		must(t, err)
		for _, each := range files {
			must(t, os.RemoveAll(filepath.Join(w.spool, each.Name())))
		}
		return leaveAlone
	}
	if ended := w.run(of); ended.State != operation.Succeeded {
		t.Fatalf("%s: %+v", ended.State, ended.Error)
	}
	imported("qcow2", "vdi")(w, of)
	w.check("several machines")
}
