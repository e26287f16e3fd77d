package imagefile

import (
	"bytes"
	"errors"
	"io"

	"github.com/novacron/novacron/internal/fault"
)

// The formats that are converted to qcow2 when they come in.
const (
	VMDK = "vmdk"
	VHDX = "vhdx"
	VDI  = "vdi"
	VHD  = "vhd"
	OVA  = "ova"
)

// Disk is a disk in a file. It fills the file unless the file is an OVA.
type Disk struct {
	Format       string // any but OVA
	Offset       int64  // in the file
	Bytes        int64  // in the file
	VirtualBytes int64
	Digest       Digest // that the file claims for it; zero if it claims none
}

// Digest is what an archive says its member hashes to.
type Digest struct {
	Algorithm string // sha1, sha256 or sha512
	Hex       string
}

// Finding is what a file turned out to be.
type Finding struct {
	Format string // any
	Disk   Disk
}

// Kept reports whether the file can be kept as it is.
func (f Finding) Kept() bool { return f.Format == QCOW2 || f.Format == Raw }

// Examine finds out what a file of that many bytes is, and refuses one that reaches outside itself, is cut short, or
// whose tables make no sense. The error is fault.Invalid, or fault.Internal if the file cannot be read.
func Examine(file io.ReaderAt, fileBytes int64) (Finding, error) {
	from := source{file: file, size: fileBytes}
	head, err := from.upTo(0, HeadBytes)
	if err != nil {
		return Finding{}, err
	}
	if isTar(head) {
		disk, err := from.ova()
		return Finding{Format: OVA, Disk: disk}, err
	}
	disk, err := from.disk(head)
	return Finding{Format: disk.Format, Disk: disk}, err
}

// disk examines a file that is no archive.
func (s source) disk(head []byte) (Disk, error) {
	found := Disk{Bytes: s.size}
	var err error
	switch {
	case bytes.HasPrefix(head, vmdkMagic):
		found.Format = VMDK
		found.VirtualBytes, err = s.vmdk()
	case bytes.HasPrefix(head, vhdxMagic):
		found.Format = VHDX
		found.VirtualBytes, err = s.vhdx()
	case len(head) >= vdiMagicAt+len(vdiMagic) && bytes.HasPrefix(head[vdiMagicAt:], vdiMagic):
		found.Format = VDI
		found.VirtualBytes, err = s.vdi()
	case s.isVHD(head):
		found.Format = VHD
		found.VirtualBytes, err = s.vhd()
	default:
		var info Info
		info, err = Identify(head, s.size)
		found.Format, found.VirtualBytes = info.Format, info.VirtualBytes
		return found, err
	}
	if err == nil {
		err = checkVirtual(found.VirtualBytes)
	}
	return found, err
}

func checkVirtual(size int64) error {
	switch {
	case size < sectorBytes || size > MaxVirtualBytes:
		return fault.Invalid("the image's disk has %d bytes; a disk has at least 512 bytes and at most 64 TiB", size)
	case size%sectorBytes != 0:
		return fault.Invalid("the image's disk has %d bytes, which is no multiple of 512: resize it with qemu-img resize", size)
	}
	return nil
}

// source is a file of a known length, or a part of one.
type source struct {
	file io.ReaderAt
	size int64
}

// part is length bytes of the source, which must hold them.
func (s source) part(at, length int64) source {
	return source{file: io.NewSectionReader(s.file, at, length), size: length}
}

// holds reports whether length bytes from at on are inside.
func (s source) holds(at, length int64) bool {
	return at >= 0 && length >= 0 && length <= s.size && at <= s.size-length
}

// read reads exactly length bytes; the format names the file's kind for people.
func (s source) read(format string, at, length int64) ([]byte, error) {
	if !s.holds(at, length) {
		return nil, damaged(format, "it ends too early")
	}
	got, err := s.upTo(at, length)
	if err == nil && int64(len(got)) < length {
		return nil, damaged(format, "it ends too early")
	}
	return got, err
}

// upTo reads length bytes, or what is left.
func (s source) upTo(at, length int64) ([]byte, error) {
	buffer := make([]byte, max(0, min(length, s.size-at)))
	count, err := s.file.ReadAt(buffer, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.Internal("the image cannot be read back on this server").Because(err)
	}
	return buffer[:count], nil
}

// tableChunk is how much of a table is in memory at a time.
const tableChunk = 64 << 10

// table calls visit for each entry of a table that lies inside the file, until it returns an error.
func (s source) table(format string, at, entries, entryBytes int64, visit func(index int64, entry []byte) error) error {
	if entries < 0 || entries > s.size/entryBytes || !s.holds(at, entries*entryBytes) {
		return damaged(format, "a table lies outside it")
	}
	for first := int64(0); first < entries; {
		count := min(entries-first, tableChunk/entryBytes)
		chunk, err := s.read(format, at+first*entryBytes, count*entryBytes)
		if err != nil {
			return err
		}
		for i := range count {
			if err := visit(first+i, chunk[i*entryBytes:(i+1)*entryBytes]); err != nil {
				return err
			}
		}
		first += count
	}
	return nil
}

func damaged(format, why string) *fault.Error {
	return fault.Invalid("the %s image is damaged (%s): check that it was copied to the end, or export it again", format, why)
}

func powerOfTwo(number int64) bool { return number > 0 && number&(number-1) == 0 }
