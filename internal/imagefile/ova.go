package imagefile

import (
	"archive/tar"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// Limits of an OVA: an appliance has an OVF, a manifest, a certificate and its disks.
const (
	ovaMaxMembers   = 200
	ovaMaxTextBytes = 4 << 20
	tarMagicAt      = 257
)

func isTar(head []byte) bool {
	return len(head) >= tarMagicAt+5 && string(head[tarMagicAt:tarMagicAt+5]) == "ustar"
}

// envelope is the part of an OVF that says which file is a disk.
type envelope struct {
	Files []ovfFile `xml:"References>File"`
	Disks []struct {
		File string `xml:"fileRef,attr"`
	} `xml:"DiskSection>Disk"`
}

type ovfFile struct {
	ID          string `xml:"id,attr"`
	Href        string `xml:"href,attr"`
	Compression string `xml:"compression,attr"`
	ChunkSize   string `xml:"chunkSize,attr"`
}

// member is a regular file in an archive.
type member struct {
	name      string
	at, bytes int64
}

// ova finds the one disk of an appliance and examines it where it lies.
func (s source) ova() (Disk, error) {
	members, err := s.members()
	if err != nil {
		return Disk{}, err
	}
	description, err := s.text(members, ".ovf")
	if err != nil {
		return Disk{}, err
	}
	if description == "" {
		return Disk{}, fault.Invalid("the file is an archive without an OVF description: unpack it and import the disk image inside")
	}
	named, err := diskOf(description)
	if err != nil {
		return Disk{}, err
	}
	for _, each := range members {
		if each.name != named {
			continue
		}
		inside := s.part(each.at, each.bytes)
		head, err := inside.upTo(0, HeadBytes)
		if err != nil {
			return Disk{}, err
		}
		found, err := inside.disk(head)
		if err != nil {
			return Disk{}, err
		}
		manifest, err := s.text(members, ".mf")
		found.Offset, found.Digest = each.at, digestIn(manifest, each.name)
		return found, err
	}
	return Disk{}, fault.Invalid("the OVA does not hold %.80q, which its OVF description names as its disk: export it again", named)
}

// members lists an archive's files; two of the same name are refused.
func (s source) members() ([]member, error) {
	section := io.NewSectionReader(s.file, 0, s.size)
	archive := tar.NewReader(section)
	var found []member
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fault.Invalid("the OVA is damaged: check that it was copied to the end, or export it again").Because(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		at, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fault.Internal("the image cannot be read back on this server").Because(err)
		}
		for key := range header.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse") {
				return nil, fault.Invalid("the OVA holds a sparse file, which no appliance has: export it again")
			}
		}
		if !s.holds(at, header.Size) {
			return nil, fault.Invalid("the OVA ends too early: check that it was copied to the end")
		}
		name := path.Clean(header.Name)
		for _, each := range found {
			if each.name == name {
				return nil, fault.Invalid("the OVA holds %.80q twice: export it again", name)
			}
		}
		if found = append(found, member{name: name, at: at, bytes: header.Size}); len(found) > ovaMaxMembers {
			return nil, fault.Invalid("the OVA holds more than %d files: unpack it and import the disk image inside", ovaMaxMembers)
		}
	}
}

// text reads the one member with that ending; "" if there is none.
func (s source) text(members []member, ending string) (string, error) {
	var found string
	for _, each := range members {
		if !strings.EqualFold(path.Ext(each.name), ending) {
			continue
		}
		if found != "" || each.bytes > ovaMaxTextBytes {
			return "", fault.Invalid("the OVA holds more than one %s file, or one that is too large: export it again", ending)
		}
		content, err := s.read("OVA", each.at, each.bytes)
		if err != nil {
			return "", err
		}
		found = string(content)
	}
	return found, nil
}

// diskOf is the name of the one file that an OVF description names as a disk.
func diskOf(description string) (string, error) {
	var described envelope
	if err := xml.Unmarshal([]byte(description), &described); err != nil {
		return "", fault.Invalid("the OVA's OVF description is not readable: export it again").Because(err)
	}
	var reference string
	for _, each := range described.Disks {
		if each.File == "" {
			continue // an empty disk, made when the appliance is deployed
		}
		if reference != "" {
			return "", fault.Invalid("the OVA has more than one disk: unpack it and import each disk image for itself")
		}
		reference = each.File
	}
	if reference == "" {
		return "", fault.Invalid("the OVA's OVF description names no disk: unpack it and import the disk image inside")
	}
	for _, each := range described.Files {
		switch {
		case each.ID != reference:
		case each.Compression != "" && each.Compression != "identity" || each.ChunkSize != "":
			return "", fault.Invalid("the OVA's disk is compressed or in pieces: unpack it and import the disk image inside")
		default:
			return path.Clean(each.Href), nil
		}
	}
	return "", fault.Invalid("the OVA's OVF description names a disk without a file: export it again")
}

// manifestLine is SHA256(disk.vmdk)= 0a1b…
var manifestLine = regexp.MustCompile(`(?m)^(SHA1|SHA256|SHA512)\s?\(([^)\n]*)\)\s?=\s*([0-9a-fA-F]+)\s*$`)

func digestIn(manifest, name string) Digest {
	for _, line := range manifestLine.FindAllStringSubmatch(manifest, -1) {
		if path.Clean(line[2]) == name {
			return Digest{Algorithm: strings.ToLower(line[1]), Hex: strings.ToLower(line[3])}
		}
	}
	return Digest{}
}
