package backuprepo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// WriteRequest asks for a backup of one disk.
type WriteRequest struct {
	Backup id.Backup
	Device string // such as vda; unique within the backup
	Source Source
	// Parent is an earlier backup of the same disk. With it the source may call ranges unchanged; without that it still
	// saves storing what is stored already. Never give one that is known to be damaged.
	Parent   *ManifestRef
	Progress Progress
}

// DiskResult is a finished backup of one disk.
type DiskResult struct {
	Manifest    ManifestRef
	SizeBytes   int64
	ReadBytes   int64 // from the source
	StoredBytes int64 // added to the repository
}

// WriteDisk backs up one disk. It is an ensure: a finished backup of that disk is found and returned, whatever an
// interrupted attempt left is cleared away, and of two attempts at the same time the one that began last wins and the
// other is told Conflict. NotFound: the parent is gone, begin again without it. Conflict with DamageOf: the parent is
// damaged, begin again without it.
func (r *Repository) WriteDisk(ctx context.Context, request WriteRequest) (DiskResult, error) {
	if err := checkNames(request.Backup, request.Device); err != nil {
		return DiskResult{}, err
	}
	if err := r.ready(ctx); err != nil {
		return DiskResult{}, err
	}
	if result, found, err := r.finished(ctx, request.Backup, request.Device); found || err != nil {
		return result, err
	}
	attempt, err := r.begin(ctx, request)
	if err != nil {
		return DiskResult{}, err
	}
	// An earlier attempt writes its manifest and then looks whether it was taken over; this one took over and now looks
	// for the manifest: one of the two sees the other.
	if result, found, err := r.finished(ctx, request.Backup, request.Device); found || err != nil {
		return result, err
	}
	if err := attempt.clear(ctx, request); err != nil {
		return DiskResult{}, err
	}
	work, err := makePlan(ctx, request.Source)
	if err != nil {
		return DiskResult{}, err
	}
	if err := attempt.adopt(work); err != nil {
		return DiskResult{}, err
	}
	if err := attempt.store(ctx, request.Source, work, newMeter(request.Progress, work.readBytes)); err != nil {
		return DiskResult{}, err
	}
	return attempt.finish(ctx)
}

// finished looks for the manifest of an earlier, complete attempt. One that is damaged or lacks a pack of its own counts
// as none: it is written again.
func (r *Repository) finished(ctx context.Context, backup id.Backup, device string) (DiskResult, bool, error) {
	key := manifestKey(backup, device)
	content, err := r.get(ctx, key)
	if fault.Is(err, fault.KindNotFound) {
		return DiskResult{}, false, nil
	}
	if err != nil {
		return DiskResult{}, false, err
	}
	head, _, err := decodeHeader(content)
	if err != nil {
		return DiskResult{}, false, nil
	}
	present, err := r.keys(ctx, packsPlace+string(backup)+"/")
	if err != nil {
		return DiskResult{}, false, err
	}
	for _, pack := range head.Packs {
		if _, found := slices.BinarySearch(present, pack); !found && backupIn(pack, packsPlace) == backup {
			return DiskResult{}, false, nil
		}
	}
	return resultOf(head, key, content), true, nil
}

func resultOf(head header, key string, content []byte) DiskResult {
	digest := sha256.Sum256(content)
	return DiskResult{
		Manifest: ManifestRef{Key: key, SHA256: hex.EncodeToString(digest[:])}, SizeBytes: head.SizeBytes,
		ReadBytes: head.ReadBytes, StoredBytes: head.StoredBytes + int64(len(content)),
	}
}

// run is the record of the attempt that may write a disk's backup, and of the backups whose packs it may use.
type run struct {
	Attempt string      `json:"attempt"`
	Owners  []id.Backup `json:"owners"`
}

// attempt is one run of WriteDisk.
type attempt struct {
	*Repository
	name   string
	list   *manifest          // being built
	parent *manifest          // nil without one
	owners []id.Backup        // of the packs that the parent uses, itself included
	known  map[[32]byte]entry // where chunks are stored already
	usable []bool             // of the parent's packs: it is there and whole
}

// begin takes the disk's backup over from any earlier attempt.
func (r *Repository) begin(ctx context.Context, request WriteRequest) (*attempt, error) {
	this := &attempt{
		Repository: r, name: rand.Text()[:12], known: make(map[[32]byte]entry),
		list: &manifest{header: header{
			Format: formatVersion, Backup: request.Backup, Device: request.Device, SizeBytes: request.Source.Size(), ChunkBytes: ChunkBytes,
		}},
	}
	if request.Parent != nil {
		if err := this.loadParent(ctx, *request.Parent); err != nil {
			return nil, err
		}
		this.owners = append(this.parent.owners(), this.parent.Backup)
	}
	record, err := json.Marshal(run{Attempt: this.name, Owners: this.owners})
	if err != nil {
		return nil, fault.Internal("a backup's record cannot be written").Because(err)
	}
	return this, r.put(ctx, runKey(request.Backup, request.Device), record)
}

// clear removes what an earlier attempt left, and notes at each owner of packs that this backup may use them. Delete
// removes a manifest before it looks for such notes, and the parent is looked for after they were made: one of the two
// sees the other.
func (a *attempt) clear(ctx context.Context, request WriteRequest) error {
	if err := a.deleteAll(ctx, a.packPrefix(), nil); err != nil {
		return err
	}
	for _, owner := range a.owners {
		if err := a.put(ctx, linkKey(owner, request.Backup, request.Device), []byte("{}\n")); err != nil {
			return err
		}
	}
	if request.Parent == nil {
		return nil
	}
	_, err := a.Repository.store.Stat(ctx, request.Parent.Key)
	if fault.Is(err, fault.KindNotFound) {
		return fault.NotFound("backup %s was deleted: take a full backup", a.parent.Backup)
	}
	if err != nil {
		return err
	}
	return a.checkPacks(ctx)
}

func (a *attempt) loadParent(ctx context.Context, ref ManifestRef) error {
	parent, err := a.load(ctx, ref)
	if err != nil {
		return err
	}
	if parent.Backup == a.list.Backup {
		return fault.Invalid("a backup cannot be its own parent")
	}
	a.parent, a.list.Parent, a.list.Packs = parent, ref.Key, slices.Clone(parent.Packs)
	return nil
}

// checkPacks finds out which of the parent's packs are there, long enough and not known to be damaged: a new backup must
// not rely on others.
func (a *attempt) checkPacks(ctx context.Context) error {
	needed := make([]int64, len(a.parent.Packs))
	for _, each := range a.parent.entries {
		needed[each.pack] = max(needed[each.pack], int64(each.offset)+int64(each.length))
	}
	a.usable = make([]bool, len(needed))
	for number, pack := range a.parent.Packs {
		object, err := a.Repository.store.Stat(ctx, pack)
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		a.usable[number] = err == nil && object.SizeBytes >= needed[number]
	}
	for _, owner := range a.owners {
		damaged, err := a.keys(ctx, damageKey(packsPlace+string(owner)+"/"))
		if err != nil {
			return err
		}
		for _, key := range damaged {
			if number := slices.Index(a.parent.Packs, strings.TrimPrefix(key, damagedPlace)); number >= 0 {
				a.usable[number] = false
			}
		}
	}
	return nil
}

// adopt takes over the parent's entries for what is unchanged and remembers all it has stored.
func (a *attempt) adopt(work *plan) error {
	if a.parent == nil {
		if slices.Contains(work.unchanged, true) {
			return fault.Invalid("a backup without a parent cannot leave out what is unchanged")
		}
		return nil
	}
	if slices.Contains(work.unchanged, true) && a.parent.SizeBytes != a.list.SizeBytes {
		return fault.Conflict("disk %s has %d bytes and had %d in backup %s: take a full backup",
			a.list.Device, a.list.SizeBytes, a.parent.SizeBytes, a.parent.Backup)
	}
	for _, each := range a.parent.entries {
		adopted := int(each.index) < len(work.unchanged) && work.unchanged[each.index]
		if !a.usable[each.pack] {
			if adopted {
				return Damage{
					Backup: a.parent.Backup, Device: a.parent.Device, Offset: int64(each.index) * ChunkBytes,
					Object: a.parent.Packs[each.pack], Reason: "is missing, too short or was found damaged",
				}.fault()
			}
			continue
		}
		a.known[each.hash] = each
		if adopted {
			a.list.entries = append(a.list.entries, each)
		}
	}
	return nil
}

func (a *attempt) packPrefix() string {
	return packsPlace + string(a.list.Backup) + "/" + a.list.Device + "-"
}

func (a *attempt) packKey(number int) string {
	return fmt.Sprintf("%s%s-%06d", a.packPrefix(), a.name, number)
}

// finish writes the manifest, unless another attempt has taken over meanwhile, and clears away what that or an earlier
// one may have written late.
func (a *attempt) finish(ctx context.Context) (DiskResult, error) {
	a.list.compact()
	content, err := a.list.encode()
	if err != nil {
		return DiskResult{}, fault.Internal("a backup's list of chunks cannot be written").Because(err)
	}
	if err := a.fence(ctx); err != nil {
		return DiskResult{}, err
	}
	key := manifestKey(a.list.Backup, a.list.Device)
	if err := a.put(ctx, key, content); err != nil {
		return DiskResult{}, err
	}
	if err := a.fence(ctx); err != nil {
		return DiskResult{}, err
	}
	own := a.packPrefix() + a.name + "-"
	if err := a.deleteAll(ctx, a.packPrefix(), func(key string) bool { return strings.HasPrefix(key, own) }); err != nil {
		return DiskResult{}, err
	}
	return resultOf(a.list.header, key, content), nil
}

// fence is a Conflict if this attempt is no longer the one that may write.
func (a *attempt) fence(ctx context.Context) error {
	content, err := a.get(ctx, runKey(a.list.Backup, a.list.Device))
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	var current run
	if err != nil || json.Unmarshal(content, &current) != nil || current.Attempt != a.name {
		return fault.Conflict("the backup of disk %s was taken over by a later attempt or deleted: look at backup %s again", a.list.Device, a.list.Backup)
	}
	return nil
}
