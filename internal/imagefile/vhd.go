package imagefile

import (
	"bytes"
	"encoding/binary"

	"github.com/novacron/novacron/internal/fault"
)

var (
	vhdMagic    = []byte("conectix")
	vhdDynMagic = []byte("cxsparse")
)

// The layout of Microsoft's Virtual Hard Disk Image Format 1.0. A footer ends every image; a dynamic one begins with a copy.
const (
	vhdName         = "VHD"
	vhdFooterBytes  = 512
	vhdDynamicBytes = 1024
	vhdFixed        = 2
	vhdDynamic      = 3
	vhdDifferencing = 4
	vhdUnused       = 0xffffffff
	vhdMaxBlock     = 256 << 20
)

// isVHD reports whether the file begins or ends with a footer. A fixed image is a raw one but for its footer.
func (s source) isVHD(head []byte) bool {
	if bytes.HasPrefix(head, vhdMagic) {
		return true
	}
	if s.size < vhdFooterBytes {
		return false
	}
	end, err := s.upTo(s.size-vhdFooterBytes, vhdFooterBytes)
	return err == nil && len(end) == vhdFooterBytes && bytes.HasPrefix(end, vhdMagic) && vhdSummed(end, 64)
}

// vhdSummed reports whether a structure's checksum is the complement of the sum of its other bytes.
func vhdSummed(raw []byte, at int) bool {
	var sum uint32
	for i, each := range raw {
		if i < at || i >= at+4 {
			sum += uint32(each)
		}
	}
	return ^sum == binary.BigEndian.Uint32(raw[at:])
}

// vhd examines a VHD and returns its disk's size.
func (s source) vhd() (int64, error) {
	end, err := s.read(vhdName, s.size-vhdFooterBytes, vhdFooterBytes)
	if err != nil {
		return 0, err
	}
	// QEMU counts sectors from the end.
	if s.size%sectorBytes != 0 || !bytes.HasPrefix(end, vhdMagic) || !vhdSummed(end, 64) {
		return 0, damaged(vhdName, "its footer is missing")
	}
	first, err := s.read(vhdName, 0, vhdFooterBytes)
	if err != nil {
		return 0, err
	}
	kind := binary.BigEndian.Uint32(end[60:])
	// QEMU believes the copy where there is one.
	copied := bytes.HasPrefix(first, vhdMagic)
	size := int64(min(binary.BigEndian.Uint64(end[48:]), 1<<62))
	switch {
	case kind == vhdDifferencing:
		return 0, fault.Invalid("the VHD image is a differencing disk, whose parent would be a file of the server: merge it into its parent and export that")
	case kind != vhdFixed && kind != vhdDynamic:
		return 0, fault.Invalid("the VHD image is of a type that is not known here: convert it to a fixed or dynamic disk")
	case copied != (kind == vhdDynamic), copied && !vhdCopies(first, end):
		return 0, damaged(vhdName, "its first sector and its footer do not agree")
	}
	if err := checkVirtual(size); err != nil {
		return 0, err
	}
	if kind == vhdFixed {
		if size != s.size-vhdFooterBytes {
			return 0, damaged(vhdName, "its size is not the one that its footer tells")
		}
		return size, nil
	}
	return size, s.vhdBlocks(size, int64(min(binary.BigEndian.Uint64(first[16:]), 1<<62)))
}

// vhdCopies reports whether the copy in front tells the same as the footer: size, type and identity.
func vhdCopies(first, end []byte) bool {
	return vhdSummed(first, 64) && bytes.Equal(first[48:56], end[48:56]) && bytes.Equal(first[60:64], end[60:64]) && bytes.Equal(first[68:84], end[68:84])
}

// vhdBlocks walks the table of a dynamic image's blocks, each of which has a bitmap of its sectors in front.
func (s source) vhdBlocks(size, headerAt int64) error {
	header, err := s.read(vhdName, headerAt, vhdDynamicBytes)
	if err != nil {
		return err
	}
	tableAt := int64(min(binary.BigEndian.Uint64(header[16:]), 1<<62))
	entries, block := int64(binary.BigEndian.Uint32(header[28:])), int64(binary.BigEndian.Uint32(header[32:]))
	switch {
	case !bytes.HasPrefix(header, vhdDynMagic) || !vhdSummed(header, 36):
		return damaged(vhdName, "the header of its blocks is not whole")
	case block < sectorBytes*8 || block > vhdMaxBlock || !powerOfTwo(block):
		return damaged(vhdName, "its blocks have an impossible size")
	case entries < (size+block-1)/block:
		return damaged(vhdName, "its table of blocks is too small for its size")
	}
	bitmap := (block/sectorBytes/8 + sectorBytes - 1) / sectorBytes * sectorBytes
	return s.table(vhdName, tableAt, entries, 4, func(_ int64, entry []byte) error {
		at := binary.BigEndian.Uint32(entry)
		if at != vhdUnused && !s.holds(int64(at)*sectorBytes, bitmap+block) {
			return damaged(vhdName, "a part of the disk lies behind its end")
		}
		return nil
	})
}
