package dir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/dir"
	"github.com/novacron/novacron/internal/objectstore/objectstoretest"
)

func open(t *testing.T, root string) *dir.Store {
	t.Helper()
	store, err := dir.New(root)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func initialised(t *testing.T) (string, *dir.Store) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "repository")
	for range 2 {
		if err := dir.Init(root); err != nil {
			t.Fatal(err)
		}
	}
	return root, open(t, root)
}

func TestContract(t *testing.T) {
	objectstoretest.Run(t, func(t *testing.T) objectstore.Store {
		_, store := initialised(t)
		return store
	})
}

func TestMissingMountIsUnavailable(t *testing.T) {
	root := t.TempDir()
	store := open(t, root)
	if err := store.Put(t.Context(), "a", strings.NewReader("x"), 1); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("put into an empty mount point: %v", err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
	for _, bad := range []string{"", "relative", "/", "/a/../b"} {
		if _, err := dir.New(bad); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("directory %q: %v", bad, err)
		}
		if err := dir.Init(bad); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("init of %q: %v", bad, err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "homework"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := dir.Init(root); !fault.Is(err, fault.KindConflict) {
		t.Errorf("init of a directory with other files: %v", err)
	}
}

func TestInitOnce(t *testing.T) {
	root, memory := filepath.Join(t.TempDir(), "repository"), filepath.Join(t.TempDir(), "state", "repository")
	for range 2 {
		if err := dir.InitOnce(root, memory); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if err := dir.InitOnce(root, memory); err != nil {
		t.Fatal(err)
	}
	if err := open(t, root).Delete(t.Context(), "a"); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("a lost mount was taken for a new store: %v", err)
	}
	if err := dir.InitOnce("relative", memory+"2"); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a bad directory: %v", err)
	}
}

func TestNeverLeavesItsDirectory(t *testing.T) {
	root, store := initialised(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "objects", "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), "link", 0, -1); err == nil {
		t.Error("a symbolic link was followed")
	}
}

func TestKeyUnderAnObject(t *testing.T) {
	_, store := initialised(t)
	for key, kind := range map[string]fault.Kind{"a/b": "", "a": fault.KindConflict, "a/b/c": fault.KindConflict} {
		if key != "a/b" {
			if err := store.Put(t.Context(), "a/b", strings.NewReader("x"), 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.Put(t.Context(), key, strings.NewReader("x"), 1); fault.KindOf(err) != kind {
			t.Errorf("put %s: %v", key, err)
		}
	}
}

func TestUnfinishedObjectsAreSwept(t *testing.T) {
	root, store := initialised(t)
	old, fresh := filepath.Join(root, "incoming", "OLD"), filepath.Join(root, "incoming", "FRESH")
	for _, path := range []string{old, fresh} {
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), "a/b/c", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(root, "incoming"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "FRESH" {
		t.Errorf("left %v, %v", entries, err)
	}
	if err := store.Delete(t.Context(), "a/b/c"); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Join(root, "objects")); err != nil || len(entries) != 0 {
		t.Errorf("empty directories stayed: %v, %v", entries, err)
	}
}
