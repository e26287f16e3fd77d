package backuprepo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore"
)

// ChunkBytes is the grain of a backup: the part of a disk that is stored and checked as one. QEMU's dirty bitmaps have
// the same grain unless told otherwise.
const ChunkBytes = 64 << 10

const (
	formatVersion = 1
	formatKey     = "repository.json"

	defaultPackBytes = 16 << 20
)

// Repository is a repository of backups. It is safe for concurrent use.
type Repository struct {
	store     objectstore.Store
	checked   atomic.Bool
	workers   int
	packBytes int // a pack is closed once it is at least so long
}

// New is Open without a look at the store: the first call that needs it looks.
func New(store objectstore.Store) *Repository {
	return &Repository{store: store, workers: max(2, 2*runtime.GOMAXPROCS(0)), packBytes: defaultPackBytes}
}

// Open returns the repository in the store, laying down its mark in an empty one. A store that is not available now is
// no error: every call says so until it is. Conflict if the repository is of a later format.
func Open(ctx context.Context, store objectstore.Store) (*Repository, error) {
	repository := New(store)
	if err := repository.ready(ctx); err != nil && !fault.Is(err, fault.KindUnavailable) {
		return nil, err
	}
	return repository, nil
}

// ready makes sure that the store holds a repository of our format.
func (r *Repository) ready(ctx context.Context) error {
	if r.checked.Load() {
		return nil
	}
	var mark struct {
		Format int `json:"format"`
	}
	content, err := r.get(ctx, formatKey)
	if fault.Is(err, fault.KindNotFound) {
		content = []byte(`{"format":1}` + "\n")
		err = r.put(ctx, formatKey, content)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, &mark); err != nil || mark.Format != formatVersion {
		return fault.Conflict("the backup repository's format is not known to this version: use the version that made it, or another directory").Because(err)
	}
	r.checked.Store(true)
	return nil
}

func (r *Repository) get(ctx context.Context, key string) ([]byte, error) {
	reader, err := r.store.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	content, err := io.ReadAll(reader)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault.Unavailable("the backup repository broke off: try again").Because(err)
	}
	return content, nil
}

func (r *Repository) put(ctx context.Context, key string, content []byte) error {
	return r.store.Put(ctx, key, bytes.NewReader(content), int64(len(content)))
}

func (r *Repository) keys(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	err := r.store.List(ctx, prefix, func(object objectstore.Object) error {
		keys = append(keys, object.Key)
		return nil
	})
	return keys, err
}

func (r *Repository) deleteAll(ctx context.Context, prefix string, keep func(key string) bool) error {
	if clearer, able := r.store.(objectstore.Clearer); able && keep == nil {
		return clearer.Clear(ctx, prefix)
	}
	keys, err := r.keys(ctx, prefix)
	if err != nil {
		return err
	}
	if keep != nil {
		keys = slices.DeleteFunc(keys, keep)
	}
	return objectstore.DeleteAll(ctx, r.store, keys)
}

// The places of a backup's objects; each is a prefix or a key.
const (
	packsPlace     = "packs/"
	manifestsPlace = "manifests/"
	runsPlace      = "runs/"
	linksPlace     = "links/"
	damagedPlace   = "damaged/"
)

// damageKey notes that a pack was found damaged.
func damageKey(pack string) string { return damagedPlace + pack }

func manifestKey(backup id.Backup, device string) string {
	return manifestsPlace + string(backup) + "/" + device
}

func runKey(backup id.Backup, device string) string {
	return runsPlace + string(backup) + "/" + device
}

// linkKey notes that a disk of a backup uses packs that the owner, another backup, wrote.
func linkKey(owner, backup id.Backup, device string) string {
	return linksPlace + string(owner) + "/" + string(backup) + "." + device
}

// backupIn returns the backup whose ID is the segment after the place, "" if there is none.
func backupIn(key, place string) id.Backup {
	text, _, _ := strings.Cut(strings.TrimPrefix(key, place), "/")
	backup, err := id.Parse[id.Backup](text)
	if err != nil {
		return ""
	}
	return backup
}

var deviceForm = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

func checkNames(backup id.Backup, device string) error {
	if _, err := id.Parse[id.Backup](string(backup)); err != nil {
		return err
	}
	if !deviceForm.MatchString(device) {
		return fault.Invalid("a disk's device is 1 to 32 small letters and digits, not %q", device).At("device")
	}
	return nil
}
