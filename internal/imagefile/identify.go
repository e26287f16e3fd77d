package imagefile

import (
	"bytes"
	"encoding/binary"

	"github.com/novacron/novacron/internal/fault"
)

// The formats that NovaCron keeps.
const (
	QCOW2 = "qcow2"
	Raw   = "raw"
)

// HeadBytes is how much of an image's beginning Identify wants to see; a shorter image is given whole.
const HeadBytes = 64 << 10

// MaxVirtualBytes is the largest disk an image may describe.
const MaxVirtualBytes = 64 << 40

const sectorBytes = 512

// Info is what an image is.
type Info struct {
	Format       string // QCOW2 or Raw
	VirtualBytes int64  // bytes of the disk that it describes
}

// Identify looks at an image's first HeadBytes and its length in bytes. It returns what the image is if it can be a base
// for VMs' disks, and fault.Invalid that says what to do about it otherwise.
func Identify(head []byte, fileBytes int64) (Info, error) {
	if fileBytes <= 0 || len(head) == 0 {
		return Info{}, fault.Invalid("the image is empty: send the bytes of a qcow2 or raw disk image")
	}
	if bytes.HasPrefix(head, qcow2Magic) {
		header, err := ParseQCOW2(head)
		if err != nil {
			return Info{}, err
		}
		if err := header.checkBase(head, fileBytes); err != nil {
			return Info{}, err
		}
		return Info{Format: QCOW2, VirtualBytes: header.VirtualBytes}, nil
	}
	if err := refuseForeign(head); err != nil {
		return Info{}, err
	}
	if fileBytes%sectorBytes != 0 {
		return Info{}, fault.Invalid("the image is neither qcow2 nor raw: a raw image is a multiple of %d bytes and this one has %d; check that it was copied whole", sectorBytes, fileBytes)
	}
	if fileBytes > MaxVirtualBytes {
		return Info{}, fault.Invalid("the image is larger than 64 TiB, the most a disk can have")
	}
	return Info{Format: Raw, VirtualBytes: fileBytes}, nil
}

// signature is a magic number of a format that is not kept as it is.
type signature struct {
	offset int
	magic  []byte
	name   string
	packed bool // an archive or a compressed file, not a disk format
}

// The magic numbers are those that each format's specification or file(1)'s database gives.
var foreign = []signature{
	{0, []byte("KDMV"), "VMDK", false},
	{0, []byte("COWD"), "VMDK", false},
	{0, []byte("# Disk DescriptorFile"), "VMDK descriptor", false},
	{0, []byte("vhdxfile"), "VHDX", false},
	{0, []byte("conectix"), "VHD", false},
	{0, []byte("QED\x00"), "QED", false},
	{64, binary.LittleEndian.AppendUint32(nil, 0xbeda107f), "VDI", false},
	{257, []byte("ustar"), "OVA or tar", true},
	{0, []byte{0x1f, 0x8b}, "gzip", true},
	{0, []byte("\xfd7zXZ\x00"), "xz", true},
	{0, []byte{0x28, 0xb5, 0x2f, 0xfd}, "zstd", true},
	{0, []byte("BZh"), "bzip2", true},
	{0, []byte("PK\x03\x04"), "zip", true},
	{0, []byte("7z\xbc\xaf\x27\x1c"), "7z", true},
}

func refuseForeign(head []byte) error {
	for _, known := range foreign {
		end := known.offset + len(known.magic)
		if len(head) < end || !bytes.Equal(head[known.offset:end], known.magic) {
			continue
		}
		if known.packed {
			return fault.Invalid("the image is a %s file: unpack it and import the disk image inside (convert that with qemu-img convert -O qcow2 if it is neither qcow2 nor raw)", known.name)
		}
		return fault.Invalid("the image's format is %s: convert it first with qemu-img convert -O qcow2", known.name)
	}
	return nil
}
