package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/novacron/novacron/internal/fault"
)

func TestFaultsOfTheFileSystem(t *testing.T) {
	config := Config{Name: "pool"}
	for cause, kind := range map[error]fault.Kind{
		unix.ENOSPC: fault.KindExhausted, unix.EDQUOT: fault.KindExhausted, unix.EROFS: fault.KindUnavailable,
		unix.EIO: fault.KindUnavailable, unix.ESTALE: fault.KindUnavailable,
	} {
		err := config.ioFault("write to", &fs.PathError{Op: "write", Path: "/secret/place", Err: cause})
		if !fault.Is(err, kind) || !errors.Is(err, cause) {
			t.Errorf("%v became %v", cause, err)
		}
	}
	if err := config.ioFault("write to", context.Canceled); !errors.Is(err, context.Canceled) || config.ioFault("write to", nil) != nil {
		t.Errorf("an ended context became %v", err)
	}
}

func TestLocksAndNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if _, _, err := lockFile(path, false); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a missing file was locked: %v", err)
	}
	file, busy, err := lockFile(path, true)
	if err != nil || busy {
		t.Fatal(busy, err)
	}
	if _, busy, err := lockFile(path, true); err != nil || !busy {
		t.Fatalf("locked twice: %v", err)
	}
	file.Close()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lockFile(filepath.Join(dir, "link"), true); err == nil {
		t.Error("a symbolic link was followed")
	}
	if err := os.WriteFile(filepath.Join(dir, "b"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := publish(path, filepath.Join(dir, "b")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a finished file was replaced: %v", err)
	}
	if err := writeDurably(filepath.Join(dir, "none", "c"), nil); err == nil {
		t.Error("a file was written into a missing directory")
	}
}
