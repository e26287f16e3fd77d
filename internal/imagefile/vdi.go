package imagefile

import (
	"bytes"
	"encoding/binary"

	"github.com/novacron/novacron/internal/fault"
)

// The layout of a VDI, version 1.1, as VirtualBox writes and QEMU reads it.
const (
	vdiName       = "VDI"
	vdiMagicAt    = 64
	vdiHeadBytes  = 512
	vdiVersion    = 0x00010001
	vdiDynamic    = 1
	vdiFixed      = 2
	vdiBlockBytes = 1 << 20
	vdiFreeBlock  = 0xfffffffe // this and the next: no block, or one of zeros
)

var vdiMagic = binary.LittleEndian.AppendUint32(nil, 0xbeda107f)

// vdi examines a VDI and returns its disk's size.
func (s source) vdi() (int64, error) {
	head, err := s.read(vdiName, 0, vdiHeadBytes)
	if err != nil {
		return 0, err
	}
	word := func(at int) int64 { return int64(binary.LittleEndian.Uint32(head[at:])) }
	kind, mapAt, dataAt, blocks, held := word(76), word(340), word(344), word(384), word(388)
	size := int64(min(binary.LittleEndian.Uint64(head[368:]), 1<<62))
	switch {
	case word(68) != vdiVersion:
		return 0, fault.Invalid("the VDI image has a version that is not known here: convert it with VBoxManage clonemedium")
	case kind != vdiDynamic && kind != vdiFixed, !bytes.Equal(head[424:456], make([]byte, 32)):
		return 0, fault.Invalid("the VDI image is a differencing or undo disk, whose parent would be a file of the server: clone it whole with VBoxManage clonemedium")
	case word(360) != sectorBytes || word(376) != vdiBlockBytes || word(380) != 0 || mapAt%sectorBytes != 0 || dataAt%sectorBytes != 0 || mapAt < vdiHeadBytes:
		return 0, damaged(vdiName, "its header makes no sense")
	}
	if err := checkVirtual(size); err != nil {
		return 0, err
	}
	// VirtualBox aligns disks to sectors; a last block may be begun only.
	if blocks != (size+vdiBlockBytes-1)/vdiBlockBytes || held > blocks || !s.holds(dataAt, vdiDataBytes(held, blocks, size)) {
		return 0, damaged(vdiName, "it ends too early, or its size and its blocks do not fit")
	}
	return size, s.table(vdiName, mapAt, blocks, 4, func(_ int64, entry []byte) error {
		if block := binary.LittleEndian.Uint32(entry); block < vdiFreeBlock && int64(block) >= held {
			return damaged(vdiName, "a part of the disk lies behind its end")
		}
		return nil
	})
}

// vdiDataBytes is how long the held blocks are at least: of a disk that holds all of them the last may be cut at its end.
func vdiDataBytes(held, blocks, size int64) int64 {
	if held == blocks {
		return size
	}
	return held * vdiBlockBytes
}
