package iso9660

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// File is one file of an image.
type File struct {
	Name    string // such as user-data: up to 28 lower-case letters, digits and hyphens
	Content []byte
}

const (
	sectorBytes = 2048
	// The first sectors belong to whoever boots from it (ECMA-119 6.2.1).
	primaryAt    = 16
	terminatorAt = 17
	littleAt     = 18 // the path table, in both orders of bytes
	bigAt        = 19
	rootAt       = 20
	extensionAt  = 21 // the Rock Ridge extension's name, which is too long for a directory record
	contentAt    = 22

	labelBytes    = 32
	madeAt        = "\x50\x01\x01\x00\x00\x00\x00" // the first of January 1980, for all files alike (ECMA-119 9.1.5)
	fileMode      = 0o100444
	directoryMode = 0o040555
)

var namePattern = regexp.MustCompile(`^[a-z0-9-]{1,28}$`)

// Image returns an image with that volume label and those files. It panics for a label or a name that no image can have: they
// are the program's own, not a user's.
func Image(label string, files []File) []byte {
	if label == "" || len(label) > labelBytes {
		panic(fmt.Sprintf("BUG: %q is no label of a volume", label))
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	starts, sectors := layOut(files)
	image := make([]byte, sectors*sectorBytes)
	at := func(sector int) []byte { return image[sector*sectorBytes:] }

	root := record("\x00", rootAt, sectorBytes, true, nil)
	copy(at(primaryAt), primary(label, sectors, root))
	copy(at(terminatorAt), "\xffCD001\x01")
	copy(at(littleAt), pathTable(binary.LittleEndian))
	copy(at(bigAt), pathTable(binary.BigEndian))
	copy(at(rootAt), directory(files, starts))
	copy(at(extensionAt), extension())
	for i, each := range files {
		copy(at(starts[i]), each.Content)
	}
	return image
}

// layOut says in which sector each file begins, and how many sectors there are.
func layOut(files []File) (starts []int, sectors int) {
	next := contentAt
	for _, each := range files {
		if !namePattern.MatchString(each.Name) {
			panic(fmt.Sprintf("BUG: %q is no name of a file in an image", each.Name))
		}
		starts = append(starts, next)
		next += (len(each.Content) + sectorBytes - 1) / sectorBytes
	}
	return starts, next
}

// primary is the primary volume descriptor (ECMA-119 8.4). Its dates are "not specified".
func primary(label string, sectors int, root []byte) []byte {
	sector := make([]byte, sectorBytes)
	copy(sector, "\x01CD001\x01")
	fill(sector[8:40], "") // system
	fill(sector[40:72], label)
	both32(sector[80:], sectors)
	both16(sector[120:], 1) // a set of one volume,
	both16(sector[124:], 1) // of which this is the first
	both16(sector[128:], sectorBytes)
	both32(sector[132:], pathTableBytes)
	binary.LittleEndian.PutUint32(sector[140:], littleAt)
	binary.BigEndian.PutUint32(sector[148:], bigAt)
	copy(sector[156:190], root)
	fill(sector[190:813], "") // who published and prepared it, and files that would say so
	for at := 813; at < 881; at += 17 {
		fill(sector[at:at+16], "")
		copy(sector[at:at+16], "0000000000000000")
	}
	sector[881] = 1 // version of the structure
	return sector
}

const pathTableBytes = 10

// pathTable has the root only (ECMA-119 9.4).
func pathTable(order binary.ByteOrder) []byte {
	table := make([]byte, pathTableBytes)
	table[0] = 1
	order.PutUint32(table[2:], rootAt)
	order.PutUint16(table[6:], 1)
	return table
}

// directory holds the records of the root itself, of its parent, which is itself, and of the files.
func directory(files []File, starts []int) []byte {
	mode := posix(directoryMode, 2)
	own := append([]byte("SP\x07\x01\xbe\xef\x00"), mode...) // the first entry of all: there are extensions
	own = append(own, continued()...)
	all := record("\x00", rootAt, sectorBytes, true, own)
	all = append(all, record("\x01", rootAt, sectorBytes, true, mode)...)
	for i, each := range files {
		name := append([]byte{'N', 'M', byte(5 + len(each.Name)), 1, 0}, each.Name...)
		entry := record(strings.ToUpper(each.Name)+".;1", starts[i], len(each.Content), false, append(name, posix(fileMode, 1)...))
		all = append(all, entry...)
	}
	if len(all) > sectorBytes {
		panic(fmt.Sprintf("BUG: %d files do not fit into an image's directory", len(files)))
	}
	return all
}

// record is a directory record (ECMA-119 9.1) with the system use entries of SUSP.
func record(name string, start, bytes int, isDirectory bool, system []byte) []byte {
	length := 33 + len(name) + (len(name)+1)%2 // of even length
	made := make([]byte, length+len(system)+len(system)%2)
	made[0] = byte(len(made))
	both32(made[2:], start)
	both32(made[10:], bytes)
	copy(made[18:], madeAt)
	if isDirectory {
		made[25] = 2
	}
	both16(made[28:], 1)
	made[32] = byte(len(name))
	copy(made[33:], name)
	copy(made[length:], system)
	return made
}

// posix is the PX entry (Rock Ridge 4.1.1): mode, links, and the owner, who is root.
func posix(mode, links int) []byte {
	entry := make([]byte, 36)
	copy(entry, "PX\x24\x01")
	both32(entry[4:], mode)
	both32(entry[12:], links)
	return entry
}

// continued is the CE entry (SUSP 5.1) that points to the extension's name.
func continued() []byte {
	entry := make([]byte, 28)
	copy(entry, "CE\x1c\x01")
	both32(entry[4:], extensionAt)
	both32(entry[20:], len(extension()))
	return entry
}

// extension is the ER entry (SUSP 5.5) that says which extensions there are, in the words of Rock Ridge 4.3.
func extension() []byte {
	const (
		name        = "RRIP_1991A"
		description = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
		source      = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION."
	)
	entry := []byte{'E', 'R', 0, 1, byte(len(name)), byte(len(description)), byte(len(source)), 1}
	entry = append(entry, name+description+source...)
	entry[2] = byte(len(entry))
	return entry
}

// fill writes text and then blanks.
func fill(into []byte, text string) {
	for at := copy(into, text); at < len(into); at++ {
		into[at] = ' '
	}
}

// both32 and both16 write a number in both orders of bytes (ECMA-119 7.3.3 and 7.2.3).
func both32(into []byte, number int) {
	binary.LittleEndian.PutUint32(into, uint32(number))
	binary.BigEndian.PutUint32(into[4:], uint32(number))
}

func both16(into []byte, number int) {
	binary.LittleEndian.PutUint16(into, uint16(number))
	binary.BigEndian.PutUint16(into[2:], uint16(number))
}
