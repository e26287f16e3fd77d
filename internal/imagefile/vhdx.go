package imagefile

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/novacron/novacron/internal/fault"
)

var vhdxMagic = []byte("vhdxfile")

// The places and limits of MS-VHDX. Both headers and both region tables have a fixed place; QEMU reads the first table.
const (
	vhdxName          = "VHDX"
	vhdxHeaderBytes   = 4 << 10
	vhdxRegionsAt     = 192 << 10
	vhdxRegionsBytes  = 64 << 10
	vhdxMetadataBytes = 64 << 10
	vhdxMaxEntries    = 2047
	vhdxMinBlock      = 1 << 20
	vhdxMaxBlock      = 256 << 20
	vhdxHasParent     = 1 << 1
	vhdxStateMask     = 7
	vhdxPresent       = 6
	vhdxPartial       = 7
)

var vhdxHeadersAt = []int64{64 << 10, 128 << 10}

// GUIDs as they lie in the file: the first three groups are little-endian.
var (
	vhdxBAT        = []byte("\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08")
	vhdxMetadata   = []byte("\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e")
	vhdxParameters = []byte("\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b")
	vhdxSize       = []byte("\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8")
	vhdxSector     = []byte("\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f")
	vhdxParent     = []byte("\x2d\x5f\xd3\xa8\x0b\xb3\x4d\x45\xab\xf7\xd3\xd8\x48\x34\xab\x0c")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// vhdxSummed reports whether a structure's checksum, its second word, is that of its bytes.
func vhdxSummed(raw []byte) bool {
	sum := crc32.Update(0, castagnoli, raw[:4])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	return crc32.Update(sum, castagnoli, raw[8:]) == binary.LittleEndian.Uint32(raw[4:])
}

// vhdx examines a VHDX and returns its disk's size.
func (s source) vhdx() (int64, error) {
	if err := s.vhdxHeader(); err != nil {
		return 0, err
	}
	table, metadata, err := s.vhdxRegions()
	if err != nil {
		return 0, err
	}
	disk, err := metadata.vhdxItems()
	if err != nil {
		return 0, err
	}
	return disk.size, s.vhdxBlocks(disk, table)
}

// vhdxHeader refuses an image whose log was not written back: only who may write to the image could do that.
func (s source) vhdxHeader() error {
	var current []byte
	for _, at := range vhdxHeadersAt {
		raw, err := s.read(vhdxName, at, vhdxHeaderBytes)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(raw, []byte("head")) || !vhdxSummed(raw) {
			continue
		}
		if current == nil || binary.LittleEndian.Uint64(raw[8:]) > binary.LittleEndian.Uint64(current[8:]) {
			current = raw
		}
	}
	switch {
	case current == nil:
		return damaged(vhdxName, "neither of its headers is whole")
	case !bytes.Equal(current[48:64], make([]byte, 16)):
		return fault.Invalid("the VHDX image was not closed properly: open it once where it was made, or repair it with qemu-img check -r all")
	}
	return nil
}

// vhdxRegions finds the table of blocks and the metadata.
func (s source) vhdxRegions() (table, metadata source, err error) {
	raw, err := s.read(vhdxName, vhdxRegionsAt, vhdxRegionsBytes)
	if err != nil {
		return table, metadata, err
	}
	count := int64(binary.LittleEndian.Uint32(raw[8:]))
	if !bytes.HasPrefix(raw, []byte("regi")) || !vhdxSummed(raw) || count > vhdxMaxEntries {
		return table, metadata, damaged(vhdxName, "its table of regions is not whole")
	}
	for i := range count {
		entry := raw[16+i*32:]
		at, length := binary.LittleEndian.Uint64(entry[16:]), int64(binary.LittleEndian.Uint32(entry[24:]))
		if at > uint64(s.size) || !s.holds(int64(at), length) {
			return table, metadata, damaged(vhdxName, "it ends too early")
		}
		switch {
		case bytes.HasPrefix(entry, vhdxBAT) && table.file == nil:
			table = s.part(int64(at), length)
		case bytes.HasPrefix(entry, vhdxMetadata) && metadata.file == nil:
			metadata = s.part(int64(at), length)
		default:
			return table, metadata, damaged(vhdxName, "it holds a region that is not known, or one twice")
		}
	}
	if table.file == nil || metadata.file == nil {
		return table, metadata, damaged(vhdxName, "a region is missing")
	}
	return table, metadata, nil
}

// vhdxDisk is what the metadata says of the disk, in bytes.
type vhdxDisk struct{ size, block, sector int64 }

// vhdxItems reads the metadata, which the source is.
func (s source) vhdxItems() (vhdxDisk, error) {
	var disk vhdxDisk
	raw, err := s.read(vhdxName, 0, vhdxMetadataBytes)
	if err != nil {
		return disk, err
	}
	count := int64(binary.LittleEndian.Uint16(raw[10:]))
	if !bytes.HasPrefix(raw, []byte("metadata")) || count > vhdxMaxEntries-1 {
		return disk, damaged(vhdxName, "its metadata is not whole")
	}
	for i := range count {
		entry := raw[32+i*32:]
		item := func(length int64) ([]byte, error) {
			return s.read(vhdxName, int64(binary.LittleEndian.Uint32(entry[16:])), length)
		}
		var value []byte
		switch {
		case bytes.HasPrefix(entry, vhdxParent):
			return disk, vhdxHasAParent()
		case bytes.HasPrefix(entry, vhdxParameters):
			if value, err = item(8); err == nil {
				disk.block = int64(binary.LittleEndian.Uint32(value))
				if binary.LittleEndian.Uint32(value[4:])&vhdxHasParent != 0 {
					return disk, vhdxHasAParent()
				}
			}
		case bytes.HasPrefix(entry, vhdxSize):
			if value, err = item(8); err == nil {
				disk.size = int64(min(binary.LittleEndian.Uint64(value), 1<<62))
			}
		case bytes.HasPrefix(entry, vhdxSector):
			if value, err = item(4); err == nil {
				disk.sector = int64(binary.LittleEndian.Uint32(value))
			}
		}
		if err != nil {
			return disk, err
		}
	}
	return disk, disk.check()
}

func (d vhdxDisk) check() error {
	switch {
	case d.sector != 512 && d.sector != 4096, d.block < vhdxMinBlock || d.block > vhdxMaxBlock || !powerOfTwo(d.block):
		return damaged(vhdxName, "its blocks or sectors have an impossible size")
	case d.size%d.sector != 0:
		return damaged(vhdxName, "its size is no whole number of sectors")
	}
	return checkVirtual(d.size)
}

// vhdxBlocks walks the table of blocks: what it says is present must be inside the file. Every so many entries the table
// has one for a bitmap of sectors, which only differencing disks use.
func (s source) vhdxBlocks(disk vhdxDisk, table source) error {
	blocks := (disk.size + disk.block - 1) / disk.block
	every := (1<<23)*disk.sector/disk.block + 1
	return table.table(vhdxName, 0, blocks+(blocks-1)/(every-1), 8, func(index int64, entry []byte) error {
		value := binary.LittleEndian.Uint64(entry)
		state := value & vhdxStateMask
		switch {
		case index%every == every-1:
			return nil
		case state == vhdxPartial:
			return vhdxHasAParent()
		case state == vhdxPresent && !s.holds(int64(value>>20)<<20, disk.block):
			return damaged(vhdxName, "a part of the disk lies behind its end")
		}
		return nil
	})
}

func vhdxHasAParent() *fault.Error {
	return fault.Invalid("the VHDX image is a differencing disk, whose parent would be a file of the server: merge it into its parent and export that")
}
