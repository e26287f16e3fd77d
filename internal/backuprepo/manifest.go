package backuprepo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// ManifestRef names the backup of one disk. It is what the inventory keeps (backup.Disk's manifest and sha256).
type ManifestRef struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

// names returns the backup and the device that the reference is about.
func (m ManifestRef) names() (id.Backup, string, error) {
	backup := backupIn(m.Key, manifestsPlace)
	_, device, _ := strings.Cut(strings.TrimPrefix(m.Key, manifestsPlace), "/")
	if backup == "" || !deviceForm.MatchString(device) || m.Key != manifestKey(backup, device) {
		return "", "", fault.Invalid("%q is not a backup's list of chunks", m.Key)
	}
	return backup, device, nil
}

const (
	manifestMagic    = "NVCMANI1"
	maxHeaderBytes   = 256 << 20
	maxSizeBytes     = 64 << 40
	entryPlainBytes  = 48       // about what an entry takes before compression
	minEntryBytes    = 4*1 + 32 // four numbers and a hash
	minDecoderBytes  = 64 << 20 // room for any window that the encoder may choose
	maxEntryBytes    = 4*5 + 32 // numbers have up to 32 bits
	manifestOverhead = len(manifestMagic) + 4 + sha256.Size
)

// header is the readable part of a manifest.
type header struct {
	Format      int       `json:"format"`
	Backup      id.Backup `json:"backup_id"`
	Device      string    `json:"device"`
	SizeBytes   int64     `json:"size_bytes"`
	ChunkBytes  int64     `json:"chunk_bytes"`
	Chunks      int64     `json:"chunks"` // that are not zero
	Parent      string    `json:"parent,omitempty"`
	ReadBytes   int64     `json:"read_bytes"`
	StoredBytes int64     `json:"stored_bytes"` // of packs that this run wrote
	Packs       []string  `json:"packs"`        // keys; entries name them by position
}

// entry is one chunk of a disk: where it is on the disk, and where its bytes are.
type entry struct {
	index  uint32 // chunk number on the disk
	pack   uint32 // position in the header's packs
	offset uint32 // in the pack
	length uint32 // in the pack; as long as the chunk itself if it is not compressed
	hash   [32]byte
}

// manifest is the list of a disk's chunks, by index.
type manifest struct {
	header
	entries []entry
}

// chunkLength is how long the chunk with that number is: the last one of a disk may be short.
func (h header) chunkLength(index uint32) int64 {
	return min(ChunkBytes, h.SizeBytes-int64(index)*ChunkBytes)
}

func (h header) chunkCount() int64 { return (h.SizeBytes + ChunkBytes - 1) / ChunkBytes }

// owners returns the backups that wrote the packs, without the one the manifest belongs to.
func (h header) owners() []id.Backup {
	var owners []id.Backup
	for _, pack := range h.Packs {
		if owner := backupIn(pack, packsPlace); owner != "" && owner != h.Backup {
			owners = append(owners, owner)
		}
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// compact drops packs that no entry uses and brings entries into order.
func (m *manifest) compact() {
	slices.SortFunc(m.entries, func(a, b entry) int { return cmp.Compare(a.index, b.index) })
	renumbered := make(map[uint32]uint32)
	var packs []string
	for i := range m.entries {
		number, seen := renumbered[m.entries[i].pack]
		if !seen {
			number = uint32(len(packs))
			renumbered[m.entries[i].pack] = number
			packs = append(packs, m.Packs[m.entries[i].pack])
		}
		m.entries[i].pack = number
	}
	m.Packs, m.Chunks = packs, int64(len(m.entries))
}

// encode writes the manifest as docs/backup-format.md lays down.
func (m *manifest) encode() ([]byte, error) {
	head, err := json.Marshal(m.header)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, 0, len(m.entries)*entryPlainBytes)
	next := uint64(0)
	for _, each := range m.entries {
		plain = binary.AppendUvarint(plain, uint64(each.index)-next)
		plain = binary.AppendUvarint(plain, uint64(each.pack))
		plain = binary.AppendUvarint(plain, uint64(each.offset))
		plain = binary.AppendUvarint(plain, uint64(each.length))
		next = uint64(each.index) + 1
	}
	for i := range m.entries {
		plain = append(plain, m.entries[i].hash[:]...)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	encoded := append([]byte(manifestMagic), binary.BigEndian.AppendUint32(nil, uint32(len(head)))...)
	encoded = encoder.EncodeAll(plain, append(encoded, head...))
	digest := sha256.Sum256(encoded)
	return append(encoded, digest[:]...), nil
}

var errManifest = errors.New("does not match its own hash")

// decodeHeader checks a manifest's own hash and reads its header; rest is the compressed list of entries.
func decodeHeader(content []byte) (head header, rest []byte, err error) {
	if len(content) < manifestOverhead || !bytes.HasPrefix(content, []byte(manifestMagic)) {
		return header{}, nil, errManifest
	}
	body, stored := content[:len(content)-sha256.Size], content[len(content)-sha256.Size:]
	if digest := sha256.Sum256(body); !bytes.Equal(digest[:], stored) {
		return header{}, nil, errManifest
	}
	rest = body[len(manifestMagic):]
	length := int64(binary.BigEndian.Uint32(rest))
	if length > maxHeaderBytes || length > int64(len(rest)-4) {
		return header{}, nil, errManifest
	}
	if err := json.Unmarshal(rest[4:4+length], &head); err != nil {
		return header{}, nil, err
	}
	if head.Format != formatVersion || head.ChunkBytes != ChunkBytes || head.SizeBytes <= 0 || head.SizeBytes > maxSizeBytes ||
		head.Chunks < 0 || head.Chunks > head.chunkCount() {
		return header{}, nil, errors.New("is of a form that this version does not know")
	}
	return head, rest[4+length:], nil
}

func decodeManifest(content []byte) (*manifest, error) {
	head, rest, err := decodeHeader(content)
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(head.Chunks*maxEntryBytes, minDecoderBytes))))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	plain, err := decoder.DecodeAll(rest, nil)
	if err != nil {
		return nil, err
	}
	if int64(len(plain)) < head.Chunks*minEntryBytes {
		return nil, errManifest
	}
	list := &manifest{header: head, entries: make([]entry, head.Chunks)}
	next := uint64(0)
	for i := range list.entries {
		var numbers [4]uint64
		for n := range numbers {
			value, size := binary.Uvarint(plain)
			if size <= 0 || value > 1<<32-1 {
				return nil, errManifest
			}
			numbers[n], plain = value, plain[size:]
		}
		index := next + numbers[0]
		if index >= uint64(head.chunkCount()) || numbers[1] >= uint64(len(head.Packs)) || numbers[3] == 0 ||
			numbers[3] > uint64(head.chunkLength(uint32(index))) {
			return nil, errManifest
		}
		list.entries[i] = entry{index: uint32(index), pack: uint32(numbers[1]), offset: uint32(numbers[2]), length: uint32(numbers[3])}
		next = index + 1
	}
	if len(plain) != len(list.entries)*32 {
		return nil, errManifest
	}
	for i := range list.entries {
		copy(list.entries[i].hash[:], plain[i*32:])
	}
	return list, nil
}

// load reads a manifest that the inventory knows; anything but exactly what was written is damage.
func (r *Repository) load(ctx context.Context, ref ManifestRef) (*manifest, error) {
	backup, device, err := ref.names()
	if err != nil {
		return nil, err
	}
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	damage := Damage{Backup: backup, Device: device, Offset: -1, Object: ref.Key}
	content, err := r.get(ctx, ref.Key)
	if fault.Is(err, fault.KindNotFound) {
		damage.Reason = "is missing"
		return nil, damage.fault()
	}
	if err != nil {
		return nil, err
	}
	if digest := sha256.Sum256(content); hex.EncodeToString(digest[:]) != ref.SHA256 {
		damage.Reason = "does not match its hash"
		return nil, damage.fault()
	}
	list, err := decodeManifest(content)
	if err != nil {
		damage.Reason = err.Error()
		return nil, damage.fault()
	}
	if list.Backup != backup || list.Device != device {
		damage.Reason = "belongs to another disk"
		return nil, damage.fault()
	}
	return list, nil
}
