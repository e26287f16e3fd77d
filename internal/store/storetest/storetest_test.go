package storetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

func TestWithDatabase(t *testing.T) {
	for _, each := range []struct{ dsn, want string }{
		{"host=/run dbname=postgres", "host=/run dbname=postgres dbname=x"},
		{"postgres://me@/postgres?host=/run", "postgres://me@/x?host=/run"},
		{"postgres://me:secret@db:5432/postgres", "postgres://me:secret@db:5432/x"},
		{"postgres://db", "postgres://db/x"},
	} {
		if got := withDatabase(each.dsn, "x"); got != each.want {
			t.Errorf("%s: got %s, want %s", each.dsn, got, each.want)
		}
	}
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	first, second := DSN(t), DSN(t)
	if first == second {
		t.Errorf("both are %s", first)
	}
	if err := New(t).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// childVariable tells this binary that it runs as a child of TestAKilledBinaryLeavesNothing.
const childVariable = "NOVACRON_STORETEST_CHILD"

func TestChild(t *testing.T) {
	directory := os.Getenv(childVariable)
	if directory == "" {
		return
	}
	dsn, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, "ready"), []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
}

func TestAKilledBinaryLeavesNothing(t *testing.T) {
	directory := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run", "^TestChild$")
	child.Env = append(os.Environ(), childVariable+"="+directory)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var dsn []byte
	eventually(t, "the child's server", func() bool {
		var err error
		dsn, err = os.ReadFile(filepath.Join(directory, "ready"))
		return err == nil && len(dsn) > 0
	})
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed, as it says
	socket, _, _ := strings.Cut(strings.TrimPrefix(string(dsn), "host="), " ")
	eventually(t, "the end of its server", func() bool {
		_, err := os.Stat(socket)
		return os.IsNotExist(err)
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	const nowhere = "host=/nowhere user=postgres"
	if _, err := makeTemplate(nowhere); err == nil {
		t.Error("a template was made nowhere")
	}
	if err := (&template{server: nowhere}).execute("select 1"); err == nil {
		t.Error("a statement ran nowhere")
	}
	plain := errors.New("plain")
	if explain(plain) != plain {
		t.Error("an error without a cause is explained")
	}
	if explained := explain(fault.Unavailable("away").Because(plain)); !errors.Is(explained, plain) {
		t.Errorf("%v does not name its cause", explained)
	}
}

func TestTwoBinariesMakeOneTemplate(t *testing.T) {
	ready, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	again, err := makeTemplate(ready.server)
	if err != nil || *again != *ready {
		t.Errorf("got %v, %v; want %v", again, err, ready)
	}
}
