package storage

import (
	"slices"
	"strings"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

const sectorBytes = 512

// Check says whether a volume of that kind can be made by a pool whose volumes have one of these formats, of which the first
// is that of volumes that stand on an image; the error is fault.Invalid at the field in question.
func (s VolumeSpec) Check(formats ...string) error {
	if _, err := id.Parse[id.Volume](string(s.Volume)); err != nil {
		return err
	}
	switch {
	case s.SizeBytes <= 0 || s.SizeBytes%sectorBytes != 0:
		return fault.Invalid("a volume is a positive multiple of %d bytes, not %d", sectorBytes, s.SizeBytes).At("size_bytes")
	case !slices.Contains(formats, s.Format):
		return fault.Invalid("a volume of this pool is %s, not %q", strings.Join(formats, " or "), s.Format).At("format")
	case s.Base != "" && s.Format != formats[0]:
		return fault.Invalid("a volume of this pool that stands on an image is %s, not %s", formats[0], s.Format).At("format")
	}
	if s.Base == "" {
		return nil
	}
	_, err := id.Parse[id.Image](string(s.Base))
	return err
}

// Match passes on a volume that was found under the ID (and the error of looking), or a Conflict if it is not the one
// that the specification describes.
func (s VolumeSpec) Match(found Volume, err error) (Volume, error) {
	switch {
	case err != nil:
		return Volume{}, err
	case found.SizeBytes != s.SizeBytes:
		return Volume{}, fault.Conflict("volume %s exists with %d bytes, not %d: delete it or use another ID", s.Volume, found.SizeBytes, s.SizeBytes)
	case found.Format != s.Format:
		return Volume{}, fault.Conflict("volume %s exists as %s, not %s: delete it or use another ID", s.Volume, found.Format, s.Format)
	case found.Base != s.Base:
		return Volume{}, fault.Conflict("volume %s exists and stands on another image: delete it or use another ID", s.Volume)
	}
	return found, nil
}

// Grows says whether a volume is to be made larger: false if it is so large already, a Conflict if it is larger.
func (v Volume) Grows(bytes int64) (bool, error) {
	switch {
	case bytes%sectorBytes != 0:
		return false, fault.Invalid("a volume is a multiple of %d bytes, not %d", sectorBytes, bytes).At("size_bytes")
	case v.SizeBytes > bytes:
		return false, fault.Conflict("volume %s has %d bytes already; a volume is never made smaller", v.Volume, v.SizeBytes).At("size_bytes")
	}
	return v.SizeBytes < bytes, nil
}

// Check says whether the description of an image makes sense; the error is fault.Invalid at the field in question.
func (b BaseImage) Check() error {
	if _, err := id.Parse[id.Image](string(b.Image)); err != nil {
		return err
	}
	switch {
	case len(b.SHA256) != 64 || strings.Trim(b.SHA256, "0123456789abcdef") != "":
		return fault.Invalid("an image's hash is 64 digits of lower-case hexadecimal").At("sha256")
	case b.Format != "qcow2" && b.Format != "raw":
		return fault.Invalid("an image's format is qcow2 or raw, not %q", b.Format).At("format")
	case b.SizeBytes <= 0:
		return fault.Invalid("an image has at least one byte").At("size_bytes")
	}
	return nil
}
