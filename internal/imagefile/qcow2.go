package imagefile

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/novacron/novacron/internal/fault"
)

var qcow2Magic = []byte("QFI\xfb")

// Incompatible feature bits of a version 3 header.
const (
	featureDirty        = 1 << 0
	featureCorrupt      = 1 << 1
	featureExternalData = 1 << 2
	featureCompression  = 1 << 3
	featureExtendedL2   = 1 << 4
	featuresKnown       = featureDirty | featureCorrupt | featureExternalData | featureCompression | featureExtendedL2
)

// Limits: those of QEMU's block/qcow2.h, within which it opens an image.
const (
	headerV2Bytes     = 72
	headerV3Bytes     = 104
	minClusterBits    = 9
	maxClusterBits    = 21
	maxL1Bytes        = 32 << 20
	maxRefcountBytes  = 8 << 20
	maxSnapshots      = 65536
	maxBackingName    = 1023
	maxRefcountOrder  = 6
	maxHeaderBytes    = 4096
	extensionEnd      = 0
	extensionDataFile = 0x44415441
)

// Header is what the header of a qcow2 image says.
type Header struct {
	Version          int
	VirtualBytes     int64
	ClusterBits      int
	BackingOffset    int64 // of the backing file's name; 0 for none
	BackingLength    int
	CryptMethod      uint32
	L1Entries        int64
	L1Offset         int64
	RefcountOffset   int64
	RefcountClusters int64
	Snapshots        int64
	SnapshotsOffset  int64
	Incompatible     uint64
	HeaderBytes      int64
}

// ParseQCOW2 reads the header at the beginning of head. It checks that the header can be read, not that the image is
// fit to be a base; the error is fault.Invalid.
func ParseQCOW2(head []byte) (Header, error) {
	if len(head) < headerV2Bytes || string(head[:4]) != string(qcow2Magic) {
		return Header{}, fault.Invalid("the image is not a whole qcow2 image: check that it was copied to the end")
	}
	word := func(at int) uint32 { return binary.BigEndian.Uint32(head[at:]) }
	long := func(at int) uint64 { return binary.BigEndian.Uint64(head[at:]) }
	version := word(4)
	if version != 2 && version != 3 {
		return Header{}, fault.Invalid("the image is qcow version %d: convert it with qemu-img convert -O qcow2 to version 3", version)
	}
	// Offsets and sizes above 2^63 do not fit int64; they are absurd in any case.
	for _, at := range []int{8, 24, 40, 48, 64} {
		if long(at) > 1<<62 {
			return Header{}, damagedHeader("it holds an impossible offset")
		}
	}
	header := Header{
		Version: int(version), BackingOffset: int64(long(8)), BackingLength: int(word(16)), ClusterBits: int(word(20)),
		VirtualBytes: int64(long(24)), CryptMethod: word(32), L1Entries: int64(word(36)), L1Offset: int64(long(40)),
		RefcountOffset: int64(long(48)), RefcountClusters: int64(word(56)), Snapshots: int64(word(60)),
		SnapshotsOffset: int64(long(64)), HeaderBytes: headerV2Bytes,
	}
	if header.ClusterBits < minClusterBits || header.ClusterBits > maxClusterBits {
		return Header{}, damagedHeader("its cluster size is outside 512 bytes to 2 MiB")
	}
	if version == 2 {
		return header, nil
	}
	if len(head) < headerV3Bytes {
		return Header{}, damagedHeader("it ends too early")
	}
	header.Incompatible = long(72)
	header.HeaderBytes = int64(word(100))
	if order := word(96); order > maxRefcountOrder {
		return Header{}, damagedHeader("its refcounts are wider than 64 bits")
	}
	if header.HeaderBytes < headerV3Bytes || header.HeaderBytes%8 != 0 || header.HeaderBytes > maxHeaderBytes {
		return Header{}, damagedHeader("its length makes no sense")
	}
	return header, nil
}

// ReadQCOW2 reads the header of a qcow2 image that is already in use here, and the name of its backing file ("" for
// none). Nothing is refused but what cannot be read: this is for files that we made ourselves.
func ReadQCOW2(file io.ReaderAt) (Header, string, error) {
	head := make([]byte, headerV3Bytes)
	count, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Header{}, "", err
	}
	header, err := ParseQCOW2(head[:count])
	if err != nil || header.BackingOffset == 0 {
		return header, "", err
	}
	if header.BackingLength < 1 || header.BackingLength > maxBackingName {
		return header, "", damagedHeader("its backing file's name has an impossible length")
	}
	name := make([]byte, header.BackingLength)
	if _, err := file.ReadAt(name, header.BackingOffset); err != nil {
		return header, "", damagedHeader("its backing file's name lies outside it").Because(err)
	}
	return header, string(name), nil
}

// checkBase refuses whatever would let the image reach outside itself, and sizes that no image has.
func (h Header) checkBase(head []byte, fileBytes int64) error {
	switch {
	case h.BackingOffset != 0 || h.BackingLength != 0:
		return fault.Invalid("the image stands on a backing file, which would be a file of the host: flatten it with qemu-img convert -O qcow2")
	case h.Incompatible&featureExternalData != 0 || h.hasDataFileName(head):
		return fault.Invalid("the image keeps its data in another file: bring both together with qemu-img convert -O qcow2")
	case h.CryptMethod != 0:
		return fault.Invalid("the image is encrypted: decrypt it with qemu-img convert before importing it")
	case h.Incompatible&featureCorrupt != 0:
		return fault.Invalid("the image is marked as corrupt: repair it with qemu-img check -r all before importing it")
	case h.Incompatible&featureDirty != 0:
		return fault.Invalid("the image was not closed properly: repair it with qemu-img check -r all before importing it")
	case h.Incompatible&^featuresKnown != 0:
		return fault.Invalid("the image uses features of qcow2 that are not known here: convert it with qemu-img convert -O qcow2 -o compat=1.1")
	case h.VirtualBytes <= 0 || h.VirtualBytes > MaxVirtualBytes:
		return fault.Invalid("the image's disk has %d bytes; a disk has at least 512 bytes and at most 64 TiB", h.VirtualBytes)
	case h.VirtualBytes%sectorBytes != 0:
		return fault.Invalid("the image's disk has %d bytes, which is no multiple of 512: resize it with qemu-img resize", h.VirtualBytes)
	}
	return h.checkTables(fileBytes)
}

func (h Header) checkTables(fileBytes int64) error {
	cluster := int64(1) << h.ClusterBits
	entryBytes := int64(8)
	if h.Incompatible&featureExtendedL2 != 0 {
		entryBytes = 16
	}
	coveredByL1 := cluster * (cluster / entryBytes)
	needed := (h.VirtualBytes + coveredByL1 - 1) / coveredByL1
	inside := func(offset, length int64) bool {
		return offset >= cluster && offset%cluster == 0 && length <= fileBytes && offset <= fileBytes-length
	}
	switch {
	case h.L1Entries < needed || h.L1Entries > maxL1Bytes/8 || !inside(h.L1Offset, h.L1Entries*8):
		return damagedHeader("its L1 table lies outside it or does not fit its size")
	case h.RefcountClusters < 1 || h.RefcountClusters<<h.ClusterBits > max(maxRefcountBytes, cluster) || !inside(h.RefcountOffset, cluster):
		return damagedHeader("its refcount table lies outside it or does not fit its size")
	case h.Snapshots > maxSnapshots:
		return damagedHeader("it claims more snapshots than qcow2 allows")
	// A snapshot's entry has at least 40 bytes.
	case h.Snapshots > 0 && !inside(h.SnapshotsOffset, h.Snapshots*40):
		return damagedHeader("its snapshot table lies outside it")
	}
	return nil
}

// hasDataFileName walks the header's extensions in search of an external data file's name, as far as head reaches.
func (h Header) hasDataFileName(head []byte) bool {
	for at := h.HeaderBytes; at+8 <= int64(len(head)); {
		kind, length := binary.BigEndian.Uint32(head[at:]), int64(binary.BigEndian.Uint32(head[at+4:]))
		if kind == extensionEnd {
			return false
		}
		if kind == extensionDataFile {
			return true
		}
		at += 8 + (length+7)&^7
	}
	return false
}

func damagedHeader(why string) *fault.Error {
	return fault.Invalid("the image's qcow2 header is damaged (%s): export it again, or rebuild it with qemu-img convert -O qcow2", why)
}
