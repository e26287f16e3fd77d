package imageconvert

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/imagefile"
)

const diskBytes = 9<<20 + 512*3

func rawDisk(t *testing.T) (path string, content []byte) {
	t.Helper()
	content = make([]byte, diskBytes)
	noise := rand.NewChaCha8([32]byte{2})
	for _, at := range []int{0, 1<<20 + 4096, 5 << 20, diskBytes - 2048} {
		_, _ = noise.Read(content[at : at+2048])
	}
	path = filepath.Join(t.TempDir(), "disk,with \"odd\" name.raw")
	must(t, os.WriteFile(path, content, 0o600))
	return path, content
}

func examined(t *testing.T, path string) imagefile.Finding {
	t.Helper()
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	info, err := file.Stat()
	must(t, err)
	found, err := imagefile.Examine(file, info.Size())
	must(t, err)
	return found
}

func TestThereAndBack(t *testing.T) {
	disk, content := rawDisk(t)
	for format := range drivers {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			there, back, again := filepath.Join(dir, "there"), filepath.Join(dir, "back"), filepath.Join(dir, "again")
			must(t, Convert(t.Context(), Job{File: disk, Disk: examined(t, disk).Disk, To: format, Into: there, MaxBytes: 1 << 30}))
			must(t, Convert(t.Context(), Job{File: there, Disk: examined(t, there).Disk, To: imagefile.QCOW2, Into: back, MaxBytes: 1 << 30}))
			must(t, Convert(t.Context(), Job{File: back, Disk: examined(t, back).Disk, To: imagefile.Raw, Into: again, MaxBytes: 1 << 30}))
			got, err := os.ReadFile(again)
			must(t, err)
			if !bytes.Equal(got, content) {
				t.Error("the disk is not the same")
			}
		})
	}
}

func TestDiskInAnAppliance(t *testing.T) {
	disk, content := rawDisk(t)
	dir := t.TempDir()
	inside, packed, out := filepath.Join(dir, "disk.vmdk"), filepath.Join(dir, "web.ova"), filepath.Join(dir, "disk.raw")
	must(t, Convert(t.Context(), Job{File: disk, Disk: examined(t, disk).Disk, To: imagefile.VMDK, Into: inside, MaxBytes: 1 << 30}))
	image, err := os.ReadFile(inside)
	must(t, err)
	image = append(image, 7) // no whole sectors
	ovf := `<Envelope><References><File id="f" href="disk.vmdk"/></References><DiskSection><Disk fileRef="f"/></DiskSection></Envelope>`
	file, err := os.Create(packed)
	must(t, err)
	archive := tar.NewWriter(file)
	for name, text := range map[string]string{"web.ovf": ovf, "disk.vmdk": string(image)} {
		must(t, archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Format: tar.FormatUSTAR}))
		_, err := archive.Write([]byte(text))
		must(t, err)
	}
	must(t, archive.Close())
	must(t, file.Close())
	must(t, Convert(t.Context(), Job{File: packed, Disk: examined(t, packed).Disk, To: imagefile.Raw, Into: out, MaxBytes: 1 << 30}))
	got, err := os.ReadFile(out)
	must(t, err)
	if !bytes.Equal(got, content) {
		t.Error("the disk is not the same")
	}
}

func TestRefusals(t *testing.T) {
	disk, _ := rawDisk(t)
	job := Job{File: disk, Disk: examined(t, disk).Disk, To: imagefile.VHDX, Into: filepath.Join(t.TempDir(), "out"), MaxBytes: 1 << 30}
	check := func(what string, err error, kind fault.Kind) {
		t.Helper()
		if !fault.Is(err, kind) {
			t.Errorf("%s: %v should be %s", what, err, kind)
		}
		if _, err := os.Stat(job.Into); err == nil {
			t.Errorf("%s: a file is left behind", what)
		}
	}
	small := job
	small.MaxBytes = 1 << 20
	err := Convert(t.Context(), small)
	check("too large", err, fault.KindInvalid)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v does not say that it is too large", err)
	}
	lie := job
	lie.Disk.Format = imagefile.VDI
	check("not what it was said to be", Convert(t.Context(), lie), fault.KindInvalid)
	strange := job
	strange.Disk.Format = imagefile.OVA
	check("an archive", Convert(t.Context(), strange), fault.KindInternal)
	slow := explain(t.Context(), job, exec.Command("sh", "-c", "kill -XCPU $$").Run(), nil)
	check("too slow", slow, fault.KindInvalid)
	if !strings.Contains(slow.Error(), "too long") {
		t.Errorf("too slow: %v", slow)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := Convert(ended, job); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := CheckFormat("ova"); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("ova: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	check("no qemu-img", Convert(t.Context(), job), fault.KindUnavailable)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
}
