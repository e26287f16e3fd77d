//go:build lab

package swift_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/novacron/deploy/lab"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/objectstoretest"
	"github.com/novacron/novacron/internal/objectstore/swift"
)

// script runs deploy/lab/swift.sh beside the lab that the tests share.
func script(t *testing.T, words ...string) string {
	t.Helper()
	output, err := lab.Server(t.Context(), "swift", words...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// settings starts the server if it does not run.
var settings = sync.OnceValues(func() (map[string]string, error) { return lab.ServerUp(context.Background(), "swift") })

func config(t *testing.T) swift.Config {
	t.Helper()
	known, err := settings()
	if err != nil {
		t.Fatal(err)
	}
	return swift.Config{SegmentBytes: 256 << 10, SwiftPlace: objectstore.SwiftPlace{
		AuthURL: known["SWIFT_AUTH_URL"], User: known["SWIFT_USER"], Key: known["SWIFT_KEY"],
		Container: "test-" + strings.ToLower(string(id.New[id.Volume]())),
	}}
}

func open(t *testing.T, config swift.Config) *swift.Store {
	t.Helper()
	store, err := swift.New(config)
	if err == nil {
		err = store.Init(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func random(size int, seed byte) []byte {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(content)
	return content
}

func keys(t *testing.T, store *swift.Store) (all []string) {
	t.Helper()
	err := store.List(t.Context(), "", func(object objectstore.Object) error {
		all = append(all, object.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// count is how many keys there are, once the list no longer lags behind what is wanted.
func count(t *testing.T, store *swift.Store, wanted int) int {
	t.Helper()
	for deadline := time.Now().Add(store.ListLag()); ; time.Sleep(100 * time.Millisecond) {
		if found := len(keys(t, store)); found == wanted || time.Now().After(deadline) {
			return found
		}
	}
}

// segmentsOf opens the container that an object's segments are in as a store of its own.
func segmentsOf(t *testing.T, config swift.Config) *swift.Store {
	t.Helper()
	config.Container += "_segments"
	return open(t, config)
}

func read(t *testing.T, store *swift.Store, key string, offset, length int64) []byte {
	t.Helper()
	reader, err := store.Get(t.Context(), key, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestContract(t *testing.T) {
	objectstoretest.Run(t, func(t *testing.T) objectstore.Store { return open(t, config(t)) })
}

func TestObjectsOfManySegments(t *testing.T) {
	wanted := config(t)
	store, segments := open(t, wanted), segmentsOf(t, wanted)
	first, second := random(3<<20+17, 1), random(1<<20+1, 2)
	for _, content := range [][]byte{first, second} { // the second takes the place of the first
		if err := store.Put(t.Context(), "images/a", bytes.NewReader(content), int64(len(content))); err != nil {
			t.Fatal(err)
		}
		if got := read(t, store, "images/a", 0, -1); !bytes.Equal(got, content) {
			t.Error("it does not read as it was stored")
		}
		if got := read(t, store, "images/a", 256<<10-3, 10); !bytes.Equal(got, content[256<<10-3:][:10]) {
			t.Error("a range over the seam of two segments is wrong")
		}
		found, err := store.Stat(t.Context(), "images/a")
		if err != nil || found.SizeBytes != int64(len(content)) {
			t.Errorf("stat says %+v, %v", found, err)
		}
		listed := int64(-1)
		if err := store.List(t.Context(), "", func(object objectstore.Object) error { listed = object.SizeBytes; return nil }); err != nil || listed != found.SizeBytes {
			t.Errorf("the list says %d bytes, %v", listed, err)
		}
		wanted := (len(content) + 256<<10 - 1) / (256 << 10)
		if found := count(t, segments, wanted); found != wanted {
			t.Errorf("there are %d segments of %d bytes", found, len(content))
		}
	}
	if err := store.Put(t.Context(), "images/a", strings.NewReader("small"), 5); err != nil || count(t, segments, 0) != 0 {
		t.Errorf("a small object left the segments of the large one: %v, %v", keys(t, segments), err)
	}
	for _, key := range []string{"images/a", "images/b", "c"} {
		if err := store.Put(t.Context(), key, bytes.NewReader(second), int64(len(second))); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Delete(t.Context(), "c"); err != nil || count(t, store, 2) != 2 {
		t.Errorf("delete: %v", err)
	}
	for range 2 {
		if err := store.DeleteAll(t.Context(), []string{"images/a", "images/b", "never/there"}); err != nil {
			t.Error(err)
		}
	}
	if count(t, store, 0)+count(t, segments, 0) != 0 {
		t.Errorf("left: %v, %v", keys(t, store), keys(t, segments))
	}
}

func TestFailedUploadsLeaveNothing(t *testing.T) {
	wanted := config(t)
	store, segments := open(t, wanted), segmentsOf(t, wanted)
	content := random(1<<20, 3)
	for doing, put := range map[string]error{
		"short":  store.Put(t.Context(), "a", bytes.NewReader(content), 2<<20),
		"long":   store.Put(t.Context(), "a", bytes.NewReader(content), 1<<20-1),
		"broken": store.Put(t.Context(), "a", io.MultiReader(bytes.NewReader(content), broken{}), 2<<20),
	} {
		if put == nil {
			t.Errorf("an upload that is %s was stored", doing)
		}
	}
	if count(t, store, 0)+count(t, segments, 0) != 0 {
		t.Errorf("left: %v, %v", keys(t, store), keys(t, segments))
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestSweep lays down what an upload leaves whose process was killed.
func TestSweep(t *testing.T) {
	wanted := config(t)
	store, segments := open(t, wanted), segmentsOf(t, wanted)
	whole := random(600<<10, 4)
	if err := store.Put(t.Context(), "packs/whole", bytes.NewReader(whole), int64(len(whole))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"packs/whole/OTHERUPLOAD/00000000", "packs/never/UPLOAD/00000000", "packs/never/UPLOAD/00000001"} {
		if err := segments.Put(t.Context(), name, strings.NewReader("orphan"), 6); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Sweep(t.Context(), time.Hour); err != nil || count(t, segments, 6) != 6 {
		t.Errorf("what is young was swept: %v, %v", keys(t, segments), err)
	}
	time.Sleep(time.Second) // the listing tells whole times, the clock goes on
	for range 2 {
		if err := store.Sweep(t.Context(), 0); err != nil || count(t, segments, 3) != 3 {
			t.Errorf("after the sweep there are %v, %v", keys(t, segments), err)
		}
	}
	if !bytes.Equal(read(t, store, "packs/whole", 0, -1), whole) {
		t.Error("the sweep damaged an object")
	}
}

// TestNothingIsLeftOfKilledUploads removes what an object's upload and others below a prefix left, and nothing else.
func TestNothingIsLeftOfKilledUploads(t *testing.T) {
	wanted := config(t)
	store, segments := open(t, wanted), segmentsOf(t, wanted)
	for _, name := range []string{"images/a/UPLOAD/00000000", "images/a/b/UPLOAD/00000000", "packs/1/x/UPLOAD/00000000", "packs/2/x/UPLOAD/00000000"} {
		if err := segments.Put(t.Context(), name, strings.NewReader("orphan"), 6); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Delete(t.Context(), "images/a"); err != nil || count(t, segments, 3) != 3 {
		t.Errorf("left are %v, %v", keys(t, segments), err)
	}
	if err := store.Clear(t.Context(), "packs/1/"); err != nil || count(t, segments, 2) != 2 {
		t.Errorf("left are %v, %v", keys(t, segments), err)
	}
}

func TestWrongCredentials(t *testing.T) {
	wanted := config(t)
	open(t, wanted)
	wanted.Key = "wrong"
	store, err := swift.New(wanted)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = store.Stat(t.Context(), "a")
	if !fault.Is(err, fault.KindDenied) || strings.Contains(fmt.Sprint(err), "wrong") || time.Since(began) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestContainerThatIsGone(t *testing.T) {
	wanted := config(t)
	store, err := swift.New(wanted) // and no Init
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), "a", strings.NewReader("x"), 1); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("put: %v", err)
	}
}

// TestProxyDiesMeanwhile kills the proxy in the middle of an upload and of a download, which go on when it is back.
func TestProxyDiesMeanwhile(t *testing.T) {
	store := open(t, config(t))
	content := random(8<<20, 5)
	dying := func() io.Reader {
		half := bytes.NewReader(content[:4<<20])
		return io.MultiReader(half, &deed{do: func() {
			script(t, "kill", "proxy")
			time.AfterFunc(time.Second, func() { script(t, "up") })
		}}, bytes.NewReader(content[4<<20:]))
	}
	if err := store.Put(t.Context(), "a", dying(), int64(len(content))); err != nil {
		t.Fatal(err)
	}
	reader, err := store.Get(t.Context(), "a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	got := make([]byte, 1<<20)
	if _, err := io.ReadFull(reader, got); err != nil {
		t.Fatal(err)
	}
	script(t, "kill", "proxy")
	revived := make(chan struct{})
	time.AfterFunc(time.Second, func() { script(t, "up"); close(revived) })
	rest, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(append(got, rest...), content) {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
	<-revived
}

// deed does something when it is read, and is empty.
type deed struct {
	do   func()
	done bool
}

func (d *deed) Read([]byte) (int, error) {
	if !d.done {
		d.done = true
		d.do()
	}
	return 0, io.EOF
}

func TestEndedContextInTheMiddle(t *testing.T) {
	store := open(t, config(t))
	ending, end := context.WithCancel(t.Context())
	content := random(4<<20, 6)
	err := store.Put(ending, "a", io.MultiReader(bytes.NewReader(content[:1<<20]), &deed{do: end}, bytes.NewReader(content[1<<20:])), int64(len(content)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
}
