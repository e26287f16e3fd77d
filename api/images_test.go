package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net"
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
	"github.com/novacron/novacron/internal/operation"
)

func raw(size int, fill byte) []byte { return bytes.Repeat([]byte{fill}, size) }

func TestImages(t *testing.T) {
	spool := t.TempDir()
	objects := fake.New()
	s := newStage(t, func(config *api.Config) { takesImages(objects, spool, 4<<20)(config) })
	s.objects = objects
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
	s := newStage(t)
	objects := s.objects
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

// qemuMakes is a raw disk as qemu-img makes it in a format.
func qemuMakes(t *testing.T, disk []byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "image")
	if err := os.WriteFile(from, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), "qemu-img", append(append([]string{"convert", "-f", "raw"}, args...), from, to)...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img (package qemu-utils) is needed: %v %s", err, output)
	}
	content, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// spoolStage is a stage that takes images of 64 MiB, and a check that its spool is empty.
func spoolStage(t *testing.T) (s *stage, clean func()) {
	spool := t.TempDir()
	objects := fake.New()
	s = newStage(t, func(config *api.Config) { takesImages(objects, spool, 64<<20)(config) })
	s.objects = objects
	return s, func() {
		t.Helper()
		if files, _ := os.ReadDir(spool); len(files) != 0 {
			t.Errorf("left behind in the spool: %v", files)
		}
	}
}

func sampleDisk() []byte {
	disk := append(raw(1<<20, 7), raw(2<<20, 0)...)
	return append(disk, raw(512*3, 9)...)
}

func TestForeignImagesThereAndBack(t *testing.T) {
	s, clean := spoolStage(t)
	disk := sampleDisk()
	for format, args := range map[string][]string{
		"vmdk": {"-O", "vmdk", "-o", "subformat=streamOptimized"}, "vhdx": {"-O", "vhdx"}, "vdi": {"-O", "vdi"}, "vhd": {"-O", "vpc", "-o", "force_size=on"},
	} {
		var made image.Image
		s.call("POST", "/images?name="+format, bytes.NewReader(qemuMakes(t, disk, args...)), 201).into(&made)
		if made.Format != "qcow2" || made.SourceFormat != format || made.VirtualBytes != int64(len(disk)) {
			t.Errorf("%s: unexpected image %+v", format, made)
		}
		whole := s.call("GET", "/images/"+format+"/content?format=raw", nil, 200)
		if !bytes.Equal(whole.body, disk) {
			t.Errorf("%s: the disk is not the same", format)
		}
		if own := s.call("GET", "/images/"+format+"/content?format=qcow2", nil, 200); own.header.Get("ETag") != `"`+made.SHA256+`"` {
			t.Errorf("%s: not its own bytes", format)
		}
		sent := s.call("GET", "/images/"+format+"/content?format="+format, nil, 200)
		again := image.Image{}
		s.call("POST", "/images?name=again-"+format, bytes.NewReader(sent.body), 201).into(&again)
		if again.SHA256 != made.SHA256 || sent.header.Get("Content-Disposition") != `attachment; filename="`+format+"."+format+`"` {
			t.Errorf("%s: what was exported is another image: %+v", format, again)
		}
	}
	s.call("GET", "/images/vdi/content?format=ova", nil, 422).problem("no format of a disk image")
	clean()
}

func TestChecksumOfAnUpload(t *testing.T) {
	s, clean := spoolStage(t)
	content := qemuMakes(t, sampleDisk(), "-O", "vdi")
	sum := sha256.Sum256(content)
	hash := strings.ToUpper(hex.EncodeToString(sum[:]))
	s.call("POST", "/images?name=a&sha256=12", bytes.NewReader(content), 422).problem("64 hexadecimal digits")
	s.call("POST", "/images?name=a&sha256="+strings.Repeat("0", 64), bytes.NewReader(content), 422).problem("changed on the way")
	s.call("POST", "/images?name=a&sha256="+hash, bytes.NewReader(content), 201)
	clean()
}

func TestHostileImports(t *testing.T) {
	s, clean := spoolStage(t)
	disk := sampleDisk()
	vmdk := qemuMakes(t, disk, "-O", "vmdk")
	upload := func(content []byte, says string) {
		t.Helper()
		s.call("POST", "/images?name=bad", bytes.NewReader(content), 422).problem(says)
		clean()
	}
	upload(bytes.Replace(vmdk, []byte("parentCID=ffffffff"), []byte("parentCID=00000001"), 1), "stands on a parent")
	upload(vmdk[:len(vmdk)/2], "damaged")
	upload(qemuMakes(t, disk, "-O", "vhdx")[:1<<20], "damaged")
	upload([]byte("# Disk DescriptorFile\nRW 63 FLAT \"/etc/passwd\" 0\n"), "VMDK descriptor")
	if len(s.objects.Keys()) != 0 {
		t.Errorf("left behind: %v", s.objects.Keys())
	}
	t.Setenv("PATH", t.TempDir())
	s.call("POST", "/images?name=good", bytes.NewReader(vmdk), 503).problem("install the package qemu-utils")
	clean()
}

func TestImportFromURL(t *testing.T) {
	s, clean := spoolStage(t)
	body := func(change map[string]any) map[string]any {
		made := map[string]any{"name": "debian", "url": "https://images.example.org/debian.qcow2"}
		maps.Copy(made, change)
		return made
	}
	s.call("POST", "/images/from-url?dry_run=true", body(nil), 200)
	var started operation.Operation
	hash := strings.Repeat("AB", 32)
	s.call("POST", "/images/from-url", body(map[string]any{"sha256": hash, "public": true}), 202).into(&started)
	var asked operation.ImportImageRequest
	s.must(json.Unmarshal(started.Request, &asked))
	if started.Kind != operation.ImportImage || started.Subject.ID != string(asked.Image) || asked.SHA256 != strings.ToLower(hash) || !asked.Local || asked.Project != "" {
		t.Errorf("unexpected operation %+v with %+v", started, asked)
	}
	tenant := s.as(s.mint(s.installed.Project.ID, time.Hour))
	tenant.call("POST", "/images/from-url", body(nil), 202).into(&started)
	asked = operation.ImportImageRequest{}
	s.must(json.Unmarshal(started.Request, &asked))
	if asked.Local || asked.Project != s.installed.Project.ID {
		t.Errorf("a tenant may fetch from the server's own network: %+v", asked)
	}
	tenant.call("POST", "/images/from-url", body(map[string]any{"public": true}), 403)
	s.call("POST", "/images?name=debian", bytes.NewReader(raw(512, 1)), 201)
	for says, change := range map[string]map[string]any{
		"begin with http":       {"url": "ftp://example.org/x"},
		"user or password":      {"url": "https://me:secret@example.org/x"},
		"is not a usable name":  {"name": "Debian"},
		"64 hexadecimal digits": {"sha256": "12"},
	} {
		s.call("POST", "/images/from-url", body(change), 422).problem(says)
	}
	s.call("POST", "/images/from-url", body(nil), 409).problem("image named debian already")
	clean()
}

// TestUploadsGoOn breaks an upload off and goes on with it, as another file and as the same.
func TestUploadsGoOn(t *testing.T) {
	spool, objects := t.TempDir(), fake.New()
	s := newStage(t, func(config *api.Config) { takesImages(objects, spool, 4<<20)(config) })
	content := raw(64<<10, 9)
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	received := func() int64 {
		var found image.Upload
		s.call("GET", "/image-uploads/"+hash, nil, 200).into(&found)
		return found.ReceivedBytes
	}
	if received() != 0 {
		t.Error("something has come before anything was sent")
	}
	s.breakOff("/images?name=disk&sha256="+hash, len(content), content[:1000])
	for deadline := time.Now().Add(10 * time.Second); received() != 1000; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes were kept", received())
		}
	}
	s.call("POST", "/images?name=disk&offset=2000&sha256="+hash, bytes.NewReader(content[2000:]), 409).at("offset")
	for query, field := range map[string]string{"offset=1000": "sha256", "offset=-1&sha256=" + hash: "offset", "offset=x&sha256=" + hash: "offset"} {
		s.call("POST", "/images?name=disk&"+query, bytes.NewReader(content), 422).at(field)
	}
	s.call("GET", "/image-uploads/abc", nil, 422).at("sha256")
	var other image.Upload
	if s.call("GET", "/image-uploads/"+hash+"?public=true", nil, 200).into(&other); other.ReceivedBytes != 0 {
		t.Error("an upload of a project is one for all")
	}
	var made image.Image
	s.call("POST", "/images?name=disk&offset=1000&sha256="+hash, bytes.NewReader(content[1000:]), 201).into(&made)
	if made.SHA256 != hash || received() != 0 {
		t.Errorf("the image is %+v, and %d bytes are left", made, received())
	}
	s.call("POST", "/images?name=wrong&sha256="+hash, bytes.NewReader(raw(64<<10, 8)), 422).at("sha256")
	if received() != 0 {
		t.Error("wrong bytes were kept")
	}
	objects.Before = func(call, _ string) error {
		if call == "Put" {
			return fault.Unavailable("the store is away")
		}
		return nil
	}
	s.must(objects.Delete(t.Context(), "images/"+hash))
	s.call("POST", "/images?name=later&sha256="+hash, bytes.NewReader(content), 503)
	if received() != int64(len(content)) {
		t.Errorf("%d bytes were kept of what could not be stored", received())
	}
	objects.Before = nil
	s.call("POST", "/images?name=later&offset=65536&sha256="+hash, bytes.NewReader(nil), 201)
	left, err := os.ReadDir(spool)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the spool: %v, %v", left, err)
	}
}

// breakOff announces an upload, sends the beginning of it and closes the connection.
func (s *stage) breakOff(path string, size int, content []byte) {
	s.t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.http.URL, "http://"))
	s.must(err)
	_, err = fmt.Fprintf(connection, "POST /api/v1%s HTTP/1.1\r\nHost: novacron\r\nAuthorization: Bearer %s\r\nContent-Type: application/octet-stream\r\n"+
		"Content-Length: %d\r\n\r\n%s", path, s.token, size, content)
	s.must(err)
	s.must(connection.Close())
}
