package imagefile

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

// qemuImage makes an image with the real qemu-img and returns its bytes' head, its length and its path.
func qemuImage(t *testing.T, args ...string) (head []byte, size int64, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "image")
	command := exec.Command("qemu-img", append([]string{"create", "-q"}, append(args[:len(args)-1:len(args)-1], path, args[len(args)-1])...)...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v: %s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content[:min(len(content), HeadBytes)], int64(len(content)), path
}

func TestIdentifyAcceptsWhatQEMUMakes(t *testing.T) {
	cases := map[string][]string{
		"version 3":      {"-f", "qcow2", "64M"},
		"version 2":      {"-f", "qcow2", "-o", "compat=0.10", "64M"},
		"zstd":           {"-f", "qcow2", "-o", "compression_type=zstd", "64M"},
		"extended l2":    {"-f", "qcow2", "-o", "extended_l2=on,cluster_size=128k", "64M"},
		"small clusters": {"-f", "qcow2", "-o", "cluster_size=512", "64M"},
		"large clusters": {"-f", "qcow2", "-o", "cluster_size=2M", "64M"},
		"raw":            {"-f", "raw", "64M"},
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			head, size, _ := qemuImage(t, args...)
			info, err := Identify(head, size)
			if err != nil || info.VirtualBytes != 64<<20 || info.Format != args[1] {
				t.Fatalf("Identify = %+v, %v", info, err)
			}
		})
	}
	head, size, _ := qemuImage(t, "-f", "qcow2", "64T")
	if info, err := Identify(head, size); err != nil || info.VirtualBytes != 64<<40 {
		t.Fatalf("64 TiB: %+v, %v", info, err)
	}
}

// refusal is a head that Identify must refuse, saying so.
type refusal struct {
	head []byte
	says string
}

// refusals spoils a sane qcow2 header in every way, and adds what is no disk image for us.
func refusals(sane []byte) map[string]refusal {
	with := func(change func(h []byte)) []byte {
		head := bytes.Clone(sane)
		change(head)
		return head
	}
	word := func(at int, value uint32) []byte {
		return with(func(h []byte) { binary.BigEndian.PutUint32(h[at:], value) })
	}
	long := func(at int, value uint64) []byte {
		return with(func(h []byte) { binary.BigEndian.PutUint64(h[at:], value) })
	}
	disk := func(prefix string, at int) []byte {
		head := make([]byte, 1024)
		copy(head[at:], prefix)
		return head
	}
	return map[string]refusal{
		"backing file":       {with(func(h []byte) { binary.BigEndian.PutUint64(h[8:], 512); binary.BigEndian.PutUint32(h[16:], 11) }), "backing file"},
		"external data bit":  {long(72, featureExternalData), "another file"},
		"external data name": {word(int(binary.BigEndian.Uint32(sane[100:])), extensionDataFile), "another file"},
		"encrypted":          {word(32, 2), "encrypted"},
		"corrupt":            {long(72, featureCorrupt), "corrupt"},
		"dirty":              {long(72, featureDirty), "not closed"},
		"unknown feature":    {long(72, 1<<40), "not known"},
		"no size":            {long(24, 0), "at least 512"},
		"65 TiB":             {long(24, 65<<40), "64 TiB"},
		"beyond int64":       {long(24, 1<<63), "impossible"},
		"odd size":           {long(24, 64<<20+1), "multiple of 512"},
		"cluster bits 8":     {word(20, 8), "cluster size"},
		"cluster bits 22":    {word(20, 22), "cluster size"},
		"version 1":          {word(4, 1), "version 1"},
		"version 4":          {word(4, 4), "version 4"},
		"refcount order":     {word(96, 7), "refcounts"},
		"header length":      {word(100, 99), "length"},
		"L1 outside":         {long(40, 1<<40), "L1"},
		"L1 unaligned":       {long(40, 65536*3+8), "L1"},
		"L1 too small":       {word(36, 0), "L1"},
		"L1 too large":       {word(36, 1<<30), "L1"},
		"refcount outside":   {long(48, 1<<40), "refcount table"},
		"refcount none":      {word(56, 0), "refcount table"},
		"too many snapshots": {word(60, 70000), "snapshots"},
		"snapshots outside":  {word(60, 3), "snapshot table"},
		"short v2":           {sane[:40], "not a whole"},
		"short v3":           {sane[:80], "too early"},
		"vmdk":               {disk("KDMV", 0), "VMDK"},
		"vhdx":               {disk("vhdxfile", 0), "VHDX"},
		"vdi":                {disk("\x7f\x10\xda\xbe", 64), "VDI"},
		"ova":                {disk("ustar", 257), "unpack"},
		"gzip":               {disk("\x1f\x8b\x08", 0), "unpack"},
		"empty":              {nil, "empty"},
		"raw, not whole":     {make([]byte, 700), "multiple of 512"},
		"text":               {[]byte("hello"), "multiple of 512"},
	}
}

func TestIdentifyRefuses(t *testing.T) {
	sane, size, _ := qemuImage(t, "-f", "qcow2", "64M")
	cases := refusals(sane)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			length := int64(len(c.head))
			if bytes.HasPrefix(c.head, qcow2Magic) {
				length = size
			}
			_, err := Identify(c.head, length)
			if !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v should be invalid and say %q", err, c.says)
			}
		})
	}
	if _, err := Identify(make([]byte, 512), MaxVirtualBytes+512); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a raw image above 64 TiB: %v", err)
	}
}

func TestIdentifyRefusesWhatConvertersMake(t *testing.T) {
	for _, format := range []string{"vmdk", "vhdx", "vdi", "vpc", "qed"} {
		head, size, _ := qemuImage(t, "-f", format, "64M")
		if _, err := Identify(head, size); !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), "qemu-img convert") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestReadQCOW2FindsBackingFile(t *testing.T) {
	_, _, base := qemuImage(t, "-f", "raw", "1M")
	_, _, overlay := qemuImage(t, "-f", "qcow2", "-b", base, "-F", "raw", "2M")
	for path, want := range map[string]string{overlay: base} {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		header, backing, err := ReadQCOW2(file)
		if err != nil || backing != want || header.VirtualBytes != 2<<20 {
			t.Fatalf("ReadQCOW2 = %+v, %q, %v", header, backing, err)
		}
	}
	head, size, _ := qemuImage(t, "-f", "qcow2", "-b", base, "-F", "raw", "2M")
	if _, err := Identify(head, size); !fault.Is(err, fault.KindInvalid) {
		t.Fatalf("an overlay was accepted: %v", err)
	}
	broken := bytes.Clone(head)
	binary.BigEndian.PutUint32(broken[16:], 5000)
	if _, _, err := ReadQCOW2(bytes.NewReader(broken)); !fault.Is(err, fault.KindInvalid) {
		t.Fatalf("an impossible name was accepted: %v", err)
	}
	binary.BigEndian.PutUint32(broken[16:], 20)
	binary.BigEndian.PutUint64(broken[8:], 1<<40)
	if _, _, err := ReadQCOW2(bytes.NewReader(broken)); !fault.Is(err, fault.KindInvalid) {
		t.Fatalf("a name outside the file was accepted: %v", err)
	}
}

func FuzzIdentify(f *testing.F) {
	head := make([]byte, 256)
	copy(head, qcow2Magic)
	binary.BigEndian.PutUint32(head[4:], 3)
	binary.BigEndian.PutUint32(head[20:], 16)
	binary.BigEndian.PutUint64(head[24:], 64<<20)
	binary.BigEndian.PutUint32(head[36:], 1)
	binary.BigEndian.PutUint64(head[40:], 65536*3)
	binary.BigEndian.PutUint64(head[48:], 65536)
	binary.BigEndian.PutUint32(head[56:], 1)
	binary.BigEndian.PutUint32(head[96:], 4)
	binary.BigEndian.PutUint32(head[100:], 104)
	f.Add(head, int64(65536*4))
	f.Add(head[:104], int64(104))
	f.Add([]byte("QFI\xfb"), int64(4))
	f.Add([]byte("KDMV"), int64(512))
	f.Add(make([]byte, 512), int64(512))
	f.Fuzz(func(t *testing.T, head []byte, size int64) {
		info, err := Identify(head, size)
		if err != nil {
			if !fault.Is(err, fault.KindInvalid) {
				t.Fatalf("error of kind %s: %v", fault.KindOf(err), err)
			}
			return
		}
		if info.VirtualBytes <= 0 || info.VirtualBytes%512 != 0 || info.VirtualBytes > MaxVirtualBytes {
			t.Fatalf("accepted %+v", info)
		}
		_, _, _ = ReadQCOW2(bytes.NewReader(head))
	})
}
