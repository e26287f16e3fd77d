package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/dir"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

// known writes a file that lets one into Swift.
func known(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "swift.json")
	must(t, os.WriteFile(path, []byte(content), mode))
	return path
}

const sound = `{"auth_url": "https://swift.example.org/auth/v1.0", "user": "novacron:server", "key": "k"}`

func TestPlacesOfImagesAndBackups(t *testing.T) {
	alone(t)
	settings, err := parsed("-database-url", "postgres:///novacron", "-swift", known(t, sound, 0o600), "-images", "swift:images", "-backups", "swift:backups")
	if err != nil {
		t.Fatal(err)
	}
	want := objectstore.SwiftPlace{AuthURL: "https://swift.example.org/auth/v1.0", User: "novacron:server", Key: "k", Container: "images"}
	if *settings.imagePlace.Swift != want || settings.backupPlace.Swift.Container != "backups" {
		t.Errorf("they are %+v and %+v", settings.imagePlace.Swift, settings.backupPlace.Swift)
	}
	settings, err = parsed("-database-url", "postgres:///novacron", "-images", "/srv/images")
	if err != nil || settings.imagePlace.Directory != "/srv/images" || settings.backupPlace.Known() {
		t.Errorf("they are %+v and %+v, %v", settings.imagePlace, settings.backupPlace, err)
	}
}

func TestPlacesThatAreRefused(t *testing.T) {
	alone(t)
	for says, args := range map[string][]string{
		"-swift, or set NOVACRON_SWIFT": {"-images", "swift:images"},
		"no such file":                  {"-images", "swift:images", "-swift", "/nowhere"},
		"chmod 600":                     {"-images", "swift:images", "-swift", known(t, sound, 0o644)},
		"not a JSON object":             {"-images", "swift:images", "-swift", known(t, "user = me", 0o600)},
		"unknown field":                 {"-images", "swift:images", "-swift", known(t, `{"username": "me"}`, 0o600)},
		"asks for the user's key":       {"-images", "swift:images", "-swift", known(t, `{"auth_url": "http://s/auth/v1.0", "user": "me"}`, 0o600)},
		"leave out the container":       {"-images", "swift:images", "-swift", known(t, `{"container": "images"}`, 0o600)},
		"name of a container":           {"-images", "swift:a/b", "-swift", known(t, sound, 0o600)},
		"the worker's -repository":      {"-backups", "/srv/backups"},
		"images are in that container":  {"-images", "swift:one", "-backups", "swift:one", "-swift", known(t, sound, 0o600)},
	} {
		_, err := parsed(append([]string{"-database-url", "postgres:///novacron"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), `"k"`) {
			t.Errorf("%v: %v", says, err)
		}
	}
}

func TestCopyingObjectsCanBeRepeated(t *testing.T) {
	from, to := fake.New(), fake.New()
	for key, content := range map[string]string{"images/a": "one", "images/b": "two and more", "c": ""} {
		must(t, from.Put(t.Context(), key, strings.NewReader(content), int64(len(content))))
	}
	must(t, to.Put(t.Context(), "images/b", strings.NewReader("half"), 4))
	for _, wanted := range []int{3, 0} {
		copied, bytes, err := copyAll(t.Context(), from, to)
		if err != nil || copied != wanted || wanted > 0 && bytes != 15 {
			t.Errorf("%d objects of %d bytes, %v", copied, bytes, err)
		}
	}
	if to.Bytes() != from.Bytes() || len(to.Keys()) != 3 {
		t.Errorf("there are %v", to.Keys())
	}
}

func TestCopyObjectsBetweenDirectories(t *testing.T) {
	alone(t)
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	flags := []string{"-database-url", "postgres:///novacron", "copy-objects"}
	if err := run(t.Context(), append(flags, from, to)); err == nil {
		t.Error("what is no store was copied")
	}
	must(t, dir.Init(from))
	store, err := dir.New(from)
	must(t, err)
	must(t, store.Put(t.Context(), "images/a", strings.NewReader("one"), 3))
	must(t, run(t.Context(), append(flags, from, to)))
	copied, err := dir.New(to)
	must(t, err)
	if found, err := copied.Stat(t.Context(), "images/a"); err != nil || found.SizeBytes != 3 {
		t.Errorf("it is %+v, %v", found, err)
	}
	if err := run(t.Context(), append(flags, from)); err == nil || !strings.Contains(err.Error(), "two places") {
		t.Errorf("one place: %v", err)
	}
}
