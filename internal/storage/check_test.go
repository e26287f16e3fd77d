package storage

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

func TestSpecifications(t *testing.T) {
	sane := VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 1 << 20, Format: "qcow2", Base: id.New[id.Image]()}
	if err := sane.Check("qcow2", "raw"); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*VolumeSpec){
		"size_bytes": func(s *VolumeSpec) { s.SizeBytes = 1 },
		"format":     func(s *VolumeSpec) { s.Format = "raw" },
		"":           func(s *VolumeSpec) { s.Base = "x" },
	} {
		bad := sane
		change(&bad)
		found, ok := errors.AsType[*fault.Error](bad.Check("qcow2", "raw"))
		if !ok || found.Kind != fault.KindInvalid || found.Field != field {
			t.Errorf("%q: %+v", field, found)
		}
	}
	same := Volume{Volume: sane.Volume, Format: "qcow2", SizeBytes: 1 << 20, Base: sane.Base}
	if got, err := sane.Match(same, nil); err != nil || got != same {
		t.Errorf("the same volume: %v", err)
	}
	for _, other := range []Volume{
		{Format: "qcow2", SizeBytes: 2 << 20, Base: sane.Base}, {Format: "raw", SizeBytes: 1 << 20, Base: sane.Base}, {Format: "qcow2", SizeBytes: 1 << 20},
	} {
		if _, err := sane.Match(other, nil); !fault.Is(err, fault.KindConflict) {
			t.Errorf("%+v: %v", other, err)
		}
	}
	image := BaseImage{Image: sane.Base, SHA256: strings.Repeat("a", 64), Format: "raw", SizeBytes: 512}
	if err := image.Check(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*BaseImage){
		func(b *BaseImage) { b.Image = "x" }, func(b *BaseImage) { b.SHA256 = strings.Repeat("A", 64) },
		func(b *BaseImage) { b.Format = "" }, func(b *BaseImage) { b.SizeBytes = -1 },
	} {
		bad := image
		change(&bad)
		if err := bad.Check(); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
