package imagefile

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

var vmdkMagic = []byte("KDMV")

// What a VMDK's sparse header may hold here. QEMU reads the descriptor from the second sector, whatever the header says.
const (
	vmdkName           = "VMDK"
	vmdkHeaderBytes    = 512
	vmdkDescriptorAt   = 512
	vmdkDescriptorMax  = 20 * 512
	vmdkAtEnd          = ^uint64(0)
	vmdkFooterBytes    = 3 * 512 // a marker, the footer and the marker of the end
	vmdkFooterMarker   = 3
	vmdkEntriesOfTable = 512
	vmdkMaxTables      = 4 << 20
	vmdkMaxGrain       = 1 << 13 // sectors
	vmdkRedundant      = 1 << 1
	vmdkZeroed         = 1 << 2
	vmdkMarkers        = 1 << 17
	vmdkMarkerBytes    = 12
	vmdkDeflate        = 1
)

// vmdkHeader is a sparse extent's header, with sizes and places in sectors.
type vmdkHeader struct {
	version, flags, entries                                     uint32
	capacity, grain, descriptorAt, redundantAt, directoryAt, at uint64
	compression                                                 uint16
}

func parseVMDK(h []byte) vmdkHeader {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(h[at:]) }
	long := func(at int) uint64 { return binary.LittleEndian.Uint64(h[at:]) }
	return vmdkHeader{
		version: word(4), flags: word(8), capacity: long(12), grain: long(20), descriptorAt: long(28), entries: word(44),
		redundantAt: long(48), directoryAt: long(56), at: long(64), compression: binary.LittleEndian.Uint16(h[77:]),
	}
}

// vmdk examines a VMDK of one file, sparse or stream-optimised, and returns its disk's size.
func (s source) vmdk() (int64, error) {
	raw, err := s.read(vmdkName, 0, vmdkHeaderBytes)
	if err != nil {
		return 0, err
	}
	header := parseVMDK(raw)
	if header.capacity == 0 || header.descriptorAt != vmdkDescriptorAt/sectorBytes {
		return 0, fault.Invalid("the VMDK image has no disk in itself, only the names of other files: export it as one file (monolithicSparse or streamOptimized)")
	}
	if err := s.vmdkDescriptor(); err != nil {
		return 0, err
	}
	if header.directoryAt == vmdkAtEnd {
		footer, err := s.vmdkFooter()
		if err != nil {
			return 0, err
		}
		if footer.capacity != header.capacity {
			return 0, damaged(vmdkName, "its header and its footer tell different sizes")
		}
		header = footer
	}
	if err := header.check(s.size); err != nil {
		return 0, err
	}
	return int64(header.capacity) * sectorBytes, s.vmdkTables(header)
}

// vmdkFooter reads the header that a stream has at its end, where its tables' place is known.
func (s source) vmdkFooter() (vmdkHeader, error) {
	if s.size%sectorBytes != 0 { // QEMU counts sectors from the end
		return vmdkHeader{}, damaged(vmdkName, "the end of the stream is missing")
	}
	end, err := s.read(vmdkName, s.size-vmdkFooterBytes, vmdkFooterBytes)
	if err != nil {
		return vmdkHeader{}, err
	}
	footer, last := end[512:1024], end[1024:]
	if binary.LittleEndian.Uint32(end[12:]) != vmdkFooterMarker || !bytes.HasPrefix(footer, vmdkMagic) || !bytes.Equal(last[:16], make([]byte, 16)) {
		return vmdkHeader{}, damaged(vmdkName, "the end of the stream is missing")
	}
	return parseVMDK(footer), nil
}

func (h vmdkHeader) check(fileBytes int64) error {
	switch {
	case h.version < 1 || h.version > 3:
		return fault.Invalid("the VMDK image has version %d, which is not known here: convert it with qemu-img convert -O qcow2", h.version)
	case h.capacity > MaxVirtualBytes/sectorBytes:
		return fault.Invalid("the VMDK image's disk is larger than 64 TiB, the most a disk can have")
	case h.compression > vmdkDeflate:
		return fault.Invalid("the VMDK image is compressed in a way that is not known here: convert it with qemu-img convert -O qcow2")
	case h.entries != vmdkEntriesOfTable || h.grain < 8 || h.grain > vmdkMaxGrain || !powerOfTwo(int64(h.grain)):
		return damaged(vmdkName, "its grains or tables have an impossible size")
	case h.at > uint64(fileBytes)/sectorBytes:
		return damaged(vmdkName, "it ends too early")
	case h.tables() > vmdkMaxTables:
		return damaged(vmdkName, "its tables are too large")
	}
	return nil
}

func (h vmdkHeader) tables() int64 {
	covered := h.entries64() * h.grain
	return int64((h.capacity + covered - 1) / covered)
}

func (h vmdkHeader) entries64() uint64 { return uint64(h.entries) }

// vmdkTables walks the directory and its tables, all of which, and what they point at, must be inside the file.
func (s source) vmdkTables(header vmdkHeader) error {
	place := func(sector uint64) int64 { return int64(min(sector, 1<<53)) * sectorBytes }
	if header.flags&vmdkRedundant != 0 && !s.holds(place(header.redundantAt), header.tables()*4) {
		return damaged(vmdkName, "a table lies outside it")
	}
	return s.table(vmdkName, place(header.directoryAt), header.tables(), 4, func(index int64, entry []byte) error {
		table := binary.LittleEndian.Uint32(entry)
		if table == 0 {
			return nil
		}
		first := uint64(index) * header.entries64()
		return s.table(vmdkName, place(uint64(table)), vmdkEntriesOfTable, 4, func(index int64, entry []byte) error {
			grain := binary.LittleEndian.Uint32(entry)
			begins := (first + uint64(index)) * header.grain
			if grain == 0 || grain == 1 && header.flags&vmdkZeroed != 0 || begins >= header.capacity {
				return nil
			}
			length := int64(min(header.grain, header.capacity-begins)) * sectorBytes
			if header.compression != 0 {
				var err error
				if length, err = s.vmdkPacked(header, place(uint64(grain))); err != nil {
					return err
				}
			}
			if !s.holds(place(uint64(grain)), length) {
				return damaged(vmdkName, "a part of the disk lies behind its end")
			}
			return nil
		})
	})
}

// vmdkPacked is how long a compressed grain is with the marker in front of it, which tells that.
func (s source) vmdkPacked(header vmdkHeader, at int64) (int64, error) {
	if header.flags&vmdkMarkers == 0 {
		return sectorBytes, nil
	}
	marker, err := s.read(vmdkName, at, vmdkMarkerBytes)
	if err != nil {
		return 0, err
	}
	return vmdkMarkerBytes + int64(binary.LittleEndian.Uint32(marker[8:])), nil
}

// vmdkDescriptor reads the text that describes the disk. It may name one extent, which is the file itself, and no parent.
func (s source) vmdkDescriptor() error {
	text, err := s.upTo(vmdkDescriptorAt, vmdkDescriptorMax)
	if err != nil {
		return err
	}
	text, _, _ = bytes.Cut(text, []byte{0})
	if bytes.Contains(bytes.ToLower(text), []byte("parentfilenamehint")) {
		return vmdkHasParent()
	}
	extents, known := 0, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if fields := strings.Fields(line); len(fields) >= 4 && isExtent(fields) {
			extents++
			if fields[2] != "SPARSE" || strings.ContainsAny(line, `/\`) || strings.Count(line, `"`) != 2 {
				extents++ // it is another file's
			}
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "parentcid":
			if parent, err := strconv.ParseUint(value, 16, 32); err != nil || parent != 0xffffffff {
				return vmdkHasParent()
			}
		case "createtype":
			if known = value == "monolithicSparse" || value == "streamOptimized"; !known {
				return fault.Invalid("the VMDK image is of type %.40q, which keeps its disk in other files: export it as one file (monolithicSparse or streamOptimized)", value)
			}
		}
	}
	switch {
	case !known:
		return damaged(vmdkName, "its descriptor is missing")
	case extents != 1:
		return fault.Invalid("the VMDK image names other files, which would be files of the server: export it as one file (monolithicSparse or streamOptimized)")
	}
	return nil
}

func isExtent(fields []string) bool {
	return fields[0] == "RW" || fields[0] == "RDONLY" || fields[0] == "NOACCESS"
}

func vmdkHasParent() *fault.Error {
	return fault.Invalid("the VMDK image stands on a parent, which would be a file of the server: consolidate its snapshots and export it whole")
}
