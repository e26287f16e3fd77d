package backuprepo

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore"
)

// Delete removes a backup, finished or not, and every pack that no other backup uses any more. A backup that is not
// there is fine, and so is a second call after an interrupted one. The caller sees to it that nobody is restoring it.
func (r *Repository) Delete(ctx context.Context, backup id.Backup) error {
	if _, err := id.Parse[id.Backup](string(backup)); err != nil {
		return err
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	owners, err := r.hide(ctx, backup)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if err := r.deleteAll(ctx, linksPlace+string(owner)+"/"+string(backup)+".", nil); err != nil {
			return err
		}
	}
	for _, owner := range append(owners, backup) {
		if err := r.collect(ctx, owner, backup); err != nil {
			return err
		}
	}
	// The record of whose packs it used goes last, so that an interrupted deletion can be gone on with.
	return r.deleteAll(ctx, runsPlace+string(backup)+"/", nil)
}

// hide removes the manifests: from then on the backup is gone for everyone who looks. It returns the backups whose packs
// this one may use.
func (r *Repository) hide(ctx context.Context, backup id.Backup) (owners []id.Backup, err error) {
	lagging, lags := r.store.(objectstore.Lagging)
	for {
		found, err := r.ownersOf(ctx, backup)
		if err != nil {
			return nil, err
		}
		owners = append(owners, found...)
		if err := r.deleteAll(ctx, manifestsPlace+string(backup)+"/", nil); err != nil || !lags {
			return owners, err
		}
		// Whoever found it before has noted by now that it uses packs of it. Lists must show those notes before packs may go,
		// and what of this backup itself they did not show yet.
		select {
		case <-time.After(lagging.ListLag()):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		lags = false
	}
}

// ownersOf returns the backups whose packs this one may use, from the records of its runs and from its manifests.
func (r *Repository) ownersOf(ctx context.Context, backup id.Backup) ([]id.Backup, error) {
	var owners []id.Backup
	records, err := r.keys(ctx, runsPlace+string(backup)+"/")
	if err != nil {
		return nil, err
	}
	for _, key := range records {
		content, err := r.get(ctx, key)
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return nil, err
		}
		var record run
		if err == nil && json.Unmarshal(content, &record) == nil {
			owners = append(owners, record.Owners...)
		}
	}
	manifests, err := r.keys(ctx, manifestsPlace+string(backup)+"/")
	if err != nil {
		return nil, err
	}
	for _, key := range manifests {
		content, err := r.get(ctx, key)
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return nil, err
		}
		if head, _, decodeErr := decodeHeader(content); err == nil && decodeErr == nil {
			owners = append(owners, head.owners()...)
		}
	}
	slices.Sort(owners)
	return slices.Compact(owners), nil
}

// collect removes an owner's packs that no backup uses, provided that the owner itself is gone or being deleted.
func (r *Repository) collect(ctx context.Context, owner, deleting id.Backup) error {
	if owner != deleting {
		alive, err := r.exists(ctx, owner)
		if alive || err != nil {
			return err
		}
	}
	used, certain, err := r.usedPacks(ctx, owner)
	if err != nil || !certain {
		return err
	}
	place := packsPlace + string(owner) + "/"
	if len(used) == 0 {
		if err := r.deleteAll(ctx, place, nil); err != nil {
			return err
		}
		return r.deleteAll(ctx, damageKey(place), nil)
	}
	if err := r.deleteAll(ctx, place, func(key string) bool { return used[key] }); err != nil {
		return err
	}
	return r.deleteAll(ctx, damageKey(place), func(key string) bool { return used[strings.TrimPrefix(key, damagedPlace)] })
}

// exists reports whether a backup is there, finished or not.
func (r *Repository) exists(ctx context.Context, backup id.Backup) (bool, error) {
	for _, place := range []string{runsPlace, manifestsPlace} {
		keys, err := r.keys(ctx, place+string(backup)+"/")
		if len(keys) > 0 || err != nil {
			return true, err
		}
	}
	return false, nil
}

// usedPacks returns the owner's packs that other backups use. certain is false if one of those is being written, and may
// yet use any, or cannot be read; then no pack may go.
func (r *Repository) usedPacks(ctx context.Context, owner id.Backup) (used map[string]bool, certain bool, err error) {
	links, err := r.keys(ctx, linksPlace+string(owner)+"/")
	if err != nil {
		return nil, false, err
	}
	used = make(map[string]bool)
	for _, link := range links {
		text, device, _ := strings.Cut(path.Base(link), ".")
		user := id.Backup(text)
		content, err := r.get(ctx, manifestKey(user, device))
		switch {
		case err == nil:
			head, _, err := decodeHeader(content)
			if err != nil {
				return nil, false, nil
			}
			for _, pack := range head.Packs {
				used[pack] = true
			}
		case !fault.Is(err, fault.KindNotFound):
			return nil, false, err
		default:
			writing, err := r.exists(ctx, user)
			if writing || err != nil {
				return nil, false, err
			}
			if err := r.store.Delete(ctx, link); err != nil {
				return nil, false, err
			}
		}
	}
	return used, true, nil
}

// Leak is what the repository holds for a backup that nobody knows. Delete removes it.
type Leak struct {
	Backup  id.Backup `json:"backup_id"`
	Objects int64     `json:"objects"`
	Bytes   int64     `json:"bytes"`
}

// Unreferenced finds what belongs to no known backup: backups that the inventory does not have, and packs of deleted
// backups that nobody uses any more. known is asked after the repository was looked at, so that a backup begun meanwhile
// is not taken for a leak; it returns every backup of the inventory, also those being made or deleted.
func (r *Repository) Unreferenced(ctx context.Context, known func(ctx context.Context) ([]id.Backup, error)) ([]Leak, error) {
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	found, alive := make(map[id.Backup]*Leak), make(map[id.Backup]bool)
	for _, place := range []string{runsPlace, manifestsPlace, packsPlace} {
		err := r.store.List(ctx, place, func(object objectstore.Object) error {
			backup := backupIn(object.Key, place)
			if found[backup] == nil {
				found[backup] = &Leak{Backup: backup}
			}
			found[backup].Objects++
			found[backup].Bytes += object.SizeBytes
			alive[backup] = alive[backup] || place != packsPlace
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	listed, err := known(ctx)
	if err != nil {
		return nil, err
	}
	for _, backup := range listed {
		delete(found, backup)
	}
	delete(found, "")
	var leaks []Leak
	for backup, leak := range found {
		if !alive[backup] {
			used, err := r.onlyUnused(ctx, backup, leak)
			if err != nil {
				return nil, err
			}
			if used {
				continue
			}
		}
		leaks = append(leaks, *leak)
	}
	slices.SortFunc(leaks, func(a, b Leak) int { return strings.Compare(string(a.Backup), string(b.Backup)) })
	return leaks, nil
}

// onlyUnused narrows a deleted backup's leak to the packs that nobody uses; none reports that there are none.
func (r *Repository) onlyUnused(ctx context.Context, owner id.Backup, leak *Leak) (none bool, err error) {
	used, certain, err := r.usedPacks(ctx, owner)
	if err != nil || !certain {
		return true, err
	}
	*leak = Leak{Backup: owner}
	err = r.store.List(ctx, packsPlace+string(owner)+"/", func(object objectstore.Object) error {
		if !used[object.Key] {
			leak.Objects++
			leak.Bytes += object.SizeBytes
		}
		return nil
	})
	return leak.Objects == 0, err
}
