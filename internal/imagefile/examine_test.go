package imagefile

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

const sampleBytes = 9<<20 + 512*3

// sampleDisk is a raw disk with text, noise and holes, of a size that no format's blocks divide.
func sampleDisk(t testing.TB) string {
	t.Helper()
	disk := make([]byte, sampleBytes)
	noise := rand.NewChaCha8([32]byte{1})
	for _, at := range []int{0, 1<<20 + 4096, 5 << 20, sampleBytes - 2048} {
		_, _ = noise.Read(disk[at : at+2048])
	}
	path := filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(path, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// converted is the sample as qemu-img makes it in a format.
func converted(t testing.TB, disk string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	output, err := exec.Command("qemu-img", append(append([]string{"convert", "-f", "raw"}, args...), disk, path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("qemu-img (package qemu-utils): %v: %s", err, output)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

var foreignKinds = []struct {
	name, format string
	args         []string
}{
	{"vmdk", VMDK, []string{"-O", "vmdk"}},
	{"vmdk stream", VMDK, []string{"-O", "vmdk", "-o", "subformat=streamOptimized"}},
	{"vhdx", VHDX, []string{"-O", "vhdx"}},
	{"vhdx fixed", VHDX, []string{"-O", "vhdx", "-o", "subformat=fixed"}},
	{"vhdx small blocks", VHDX, []string{"-O", "vhdx", "-o", "block_size=1M"}},
	{"vdi", VDI, []string{"-O", "vdi"}},
	{"vdi static", VDI, []string{"-O", "vdi", "-o", "static=on"}},
	{"vhd", VHD, []string{"-O", "vpc", "-o", "force_size=on"}},
	{"vhd fixed", VHD, []string{"-O", "vpc", "-o", "subformat=fixed,force_size=on"}},
	{"vhd by geometry", VHD, []string{"-O", "vpc"}},
}

func examine(content []byte) (Finding, error) {
	return Examine(bytes.NewReader(content), int64(len(content)))
}

func TestExamineAcceptsWhatQEMUMakes(t *testing.T) {
	disk := sampleDisk(t)
	for _, each := range foreignKinds {
		t.Run(each.name, func(t *testing.T) {
			content := converted(t, disk, each.args...)
			found, err := examine(content)
			if err != nil || found.Format != each.format || found.Kept() || found.Disk.Offset != 0 || found.Disk.Bytes != int64(len(content)) {
				t.Fatalf("Examine = %+v, %v", found, err)
			}
			if found.Disk.VirtualBytes != sampleBytes && each.name != "vhd by geometry" {
				t.Errorf("the disk has %d bytes, not %d", found.Disk.VirtualBytes, sampleBytes)
			}
		})
	}
}

// What was cut is refused, unless only padding at the end is gone.
func TestExamineRefusesWhatWasCut(t *testing.T) {
	disk := sampleDisk(t)
	for _, each := range foreignKinds {
		t.Run(each.name, func(t *testing.T) {
			content := converted(t, disk, each.args...)
			for _, part := range []int{1, 2, 4, 8, 12} {
				cut := len(content) * part / 16
				_, err := examine(content[:cut])
				if !fault.Is(err, fault.KindInvalid) && !strings.HasPrefix(each.name, "vhd fixed") && len(bytes.Trim(content[cut:], "\x00")) > 0 {
					t.Errorf("cut to %d/16: %v", part, err)
				}
			}
			for _, length := range []int{8, 70, 511, 512, 600, 1024, 4096} {
				if _, err := examine(content[:length]); !fault.Is(err, fault.KindInvalid) && each.name != "vhd fixed" && each.name != "vhd by geometry" {
					t.Errorf("cut to %d bytes: %v", length, err)
				}
			}
		})
	}
}

// spoilt is a change to a sane image that must be refused, saying so.
type spoilt struct {
	name   string
	change func(image []byte) []byte
	says   string
}

func refusesAll(t *testing.T, sane []byte, cases []spoilt) {
	t.Helper()
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			_, err := examine(each.change(bytes.Clone(sane)))
			if !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), each.says) {
				t.Fatalf("error %v should be invalid and say %q", err, each.says)
			}
		})
	}
}

func little32(at int, value uint32) func([]byte) []byte {
	return func(image []byte) []byte {
		binary.LittleEndian.PutUint32(image[at:], value)
		return image
	}
}

func little64(at int, value uint64) func([]byte) []byte {
	return func(image []byte) []byte {
		binary.LittleEndian.PutUint64(image[at:], value)
		return image
	}
}

// describe replaces a VMDK's descriptor.
func describe(old, now string) func([]byte) []byte {
	return func(image []byte) []byte {
		text, _, _ := bytes.Cut(image[512:512+20*512], []byte{0})
		changed := strings.Replace(string(text), old, now, 1)
		clear(image[512 : 512+20*512])
		copy(image[512:], changed)
		return image
	}
}

func TestExamineRefusesHostileVMDK(t *testing.T) {
	disk := sampleDisk(t)
	stream := converted(t, disk, "-O", "vmdk", "-o", "subformat=streamOptimized")
	refusesAll(t, stream, []spoilt{
		{"no capacity", little64(12, 0), "names of other files"},
		{"descriptor elsewhere", little64(28, 40), "names of other files"},
		{"parent", describe("parentCID=ffffffff", "parentCID=12345678"), "stands on a parent"},
		{"parent's name", describe("ddb.", `parentFileNameHint="/etc/passwd"`+"\nddb."), "stands on a parent"},
		{"flat", describe("streamOptimized", "monolithicFlat"), "keeps its disk in other files"},
		{"no type", describe("createType", "otherType"), "descriptor is missing"},
		{"two extents", describe("RW ", "RW 100 SPARSE \"other.vmdk\"\nRW "), "names other files"},
		{"flat extent", describe(" SPARSE ", " FLAT "), "names other files"},
		{"path", describe(" SPARSE \"", " SPARSE \"/etc/"), "names other files"},
		{"version 4", little32(4, 4), "version 4"},
		{"65 TiB", little64(12, 65<<31), "64 TiB"},
		{"granularity", little64(20, 3), "impossible size"},
		{"huge grains", little64(20, 1<<21), "impossible size"},
		{"table entries", little32(44, 1), "impossible size"},
		{"too many tables", func(b []byte) []byte { return little64(20, 8)(little64(12, 64<<31)(b)) }, "too large"},
		{"directory outside", little64(56, 1<<40), "lies outside"},
		{"redundant outside", little64(48, 1<<62), "lies outside"},
		{"compression", func(b []byte) []byte { b[77] = 7; return b }, "compressed in a way"},
		{"no end", little64(56, ^uint64(0)), "end of the stream"},
	})
}

// A stream that was written in one go has its directory's place in a footer, as VMware's tools make it.
func TestExamineVMDKWithFooter(t *testing.T) {
	stream := converted(t, sampleDisk(t), "-O", "vmdk", "-o", "subformat=streamOptimized")
	stream = append(stream, make([]byte, (512-len(stream)%512)%512)...)
	footer := make([]byte, vmdkFooterBytes)
	binary.LittleEndian.PutUint64(footer, 1)
	binary.LittleEndian.PutUint32(footer[12:], vmdkFooterMarker)
	copy(footer[512:], stream[:512])
	whole := little64(56, ^uint64(0))(append(stream, footer...))
	found, err := examine(whole)
	if err != nil || found.Disk.VirtualBytes != sampleBytes {
		t.Fatalf("Examine = %+v, %v", found, err)
	}
	inFooter := len(whole) - 1024
	refusesAll(t, whole, []spoilt{
		{"another size", little64(inFooter+12, 0), "different sizes"},
		{"again at the end", little64(inFooter+56, ^uint64(0)), "lies outside"},
		{"cut", func(b []byte) []byte { return b[:len(b)-512] }, "end of the stream"},
	})
}

// summed changes a VHDX structure and makes its checksum right again.
func summed(at, length int, change func([]byte)) func([]byte) []byte {
	return func(image []byte) []byte {
		part := image[at : at+length]
		change(part)
		binary.LittleEndian.PutUint32(part[4:], 0)
		binary.LittleEndian.PutUint32(part[4:], crc32.Checksum(part, castagnoli))
		return image
	}
}

func both(changes ...func([]byte) []byte) func([]byte) []byte {
	return func(image []byte) []byte {
		for _, each := range changes {
			image = each(image)
		}
		return image
	}
}

func TestExamineRefusesHostileVHDX(t *testing.T) {
	sane := converted(t, sampleDisk(t), "-O", "vhdx")
	regions := func(change func([]byte)) func([]byte) []byte { return summed(vhdxRegionsAt, vhdxRegionsBytes, change) }
	logged := func(h []byte) { h[48] = 1 }
	metadata := bytes.Index(sane, []byte("metadata"))
	item := func(guid []byte) (entry, value int) {
		entry = metadata + bytes.Index(sane[metadata:], guid)
		return entry, metadata + int(binary.LittleEndian.Uint32(sane[entry+16:]))
	}
	parameters, parametersAt := item(vhdxParameters)
	_, sizeAt := item(vhdxSize)
	_, sectorAt := item(vhdxSector)
	refusesAll(t, sane, []spoilt{
		{"log", both(summed(64<<10, 4096, logged), summed(128<<10, 4096, logged)), "not closed properly"},
		{"no header", both(little32(64<<10, 0), little32(128<<10, 0)), "neither of its headers"},
		{"regions unsummed", little32(vhdxRegionsAt+4, 1), "table of regions"},
		{"too many regions", regions(func(r []byte) { binary.LittleEndian.PutUint32(r[8:], 5000) }), "table of regions"},
		{"region outside", regions(func(r []byte) { binary.LittleEndian.PutUint64(r[32:], 1<<50) }), "ends too early"},
		{"unknown region", regions(func(r []byte) { r[16] ^= 1 }), "not known"},
		{"no regions", regions(func(r []byte) { clear(r[8:12]) }), "region is missing"},
		{"has parent", little32(parametersAt+4, 2), "differencing"},
		{"parent locator", func(b []byte) []byte { copy(b[parameters:], vhdxParent); return b }, "differencing"},
		{"block size", little32(parametersAt, 3<<20), "impossible size"},
		{"sector size", little32(sectorAt, 0), "impossible size"},
		{"item outside", little32(parameters+16, 1<<31), "ends too early"},
		{"65 TiB", little64(sizeAt, 65<<40), "64 TiB"},
		{"64 TiB in a small table", little64(sizeAt, 64<<40), "table lies outside"},
	})
	block := bytes.LastIndex(sane, []byte("metadata")) // the table's place is in the first region table
	for i := range 2 {
		entry := sane[vhdxRegionsAt+16+32*i:]
		if bytes.HasPrefix(entry, vhdxBAT) {
			block = int(binary.LittleEndian.Uint64(entry[16:]))
		}
	}
	refusesAll(t, sane, []spoilt{
		{"block outside", little64(block, 1<<40|vhdxPresent), "behind its end"},
		{"block of a parent", little64(block, vhdxPartial), "differencing"},
	})
}

func TestExamineRefusesHostileVDI(t *testing.T) {
	sane := converted(t, sampleDisk(t), "-O", "vdi")
	table := int(binary.LittleEndian.Uint32(sane[340:]))
	refusesAll(t, sane, []spoilt{
		{"version", little32(68, 1), "version"},
		{"undo", little32(76, 3), "differencing"},
		{"differencing", little32(76, 4), "differencing"},
		{"parent", little32(440, 7), "differencing"},
		{"link", little32(424, 7), "differencing"},
		{"block size", little32(376, 4096), "makes no sense"},
		{"sector size", little32(360, 4096), "makes no sense"},
		{"65 TiB", little64(368, 65<<40), "64 TiB"},
		{"blocks", little32(384, 1<<26), "do not fit"},
		{"allocated", little32(388, 11), "do not fit"},
		{"data outside", little32(344, 1<<31), "ends too early"},
		{"table outside", little32(340, 1<<31), "lies outside"},
		{"block outside", little32(table, 1000), "behind its end"},
	})
}

// footed changes both footers of a VHD and makes their checksums right.
func footed(change func([]byte)) func([]byte) []byte {
	return func(image []byte) []byte {
		for _, footer := range [][]byte{image[:512], image[len(image)-512:]} {
			if bytes.HasPrefix(footer, vhdMagic) {
				change(footer)
				vhdSum(footer, 64)
			}
		}
		return image
	}
}

func vhdSum(raw []byte, at int) {
	clear(raw[at : at+4])
	var sum uint32
	for _, each := range raw {
		sum += uint32(each)
	}
	binary.BigEndian.PutUint32(raw[at:], ^sum)
}

func TestExamineRefusesHostileVHD(t *testing.T) {
	sane := converted(t, sampleDisk(t), "-O", "vpc", "-o", "force_size=on")
	dynamic := func(change func([]byte)) func([]byte) []byte {
		return func(image []byte) []byte {
			change(image[512:1536])
			vhdSum(image[512:1536], 36)
			return image
		}
	}
	refusesAll(t, sane, []spoilt{
		{"differencing", footed(func(f []byte) { f[63] = 4 }), "differencing"},
		{"type 9", footed(func(f []byte) { f[63] = 9 }), "type that is not known"},
		{"fixed with a copy", footed(func(f []byte) { f[63] = 2 }), "do not agree"},
		{"two sizes", func(b []byte) []byte { b[50] = 1; vhdSum(b[:512], 64); return b }, "do not agree"},
		{"copy unsummed", func(b []byte) []byte { b[100] = 1; return b }, "do not agree"},
		{"no footer", func(b []byte) []byte { return b[:len(b)-512] }, "footer is missing"},
		{"65 TiB", footed(func(f []byte) { binary.BigEndian.PutUint64(f[48:], 65<<40) }), "64 TiB"},
		{"64 TiB in a small table", footed(func(f []byte) { binary.BigEndian.PutUint64(f[48:], 64<<40) }), "too small"},
		{"header outside", footed(func(f []byte) { binary.BigEndian.PutUint64(f[16:], 1<<60) }), "ends too early"},
		{"header unsummed", func(b []byte) []byte { b[600] ^= 1; return b }, "not whole"},
		{"block size", dynamic(func(h []byte) { binary.BigEndian.PutUint32(h[32:], 5000) }), "impossible size"},
		{"table outside", dynamic(func(h []byte) { binary.BigEndian.PutUint64(h[16:], 1<<60) }), "lies outside"},
		{"huge table", dynamic(func(h []byte) { binary.BigEndian.PutUint32(h[28:], 1<<31) }), "lies outside"},
		{"block outside", func(b []byte) []byte { binary.BigEndian.PutUint32(b[1536:], 1<<30); return b }, "behind its end"},
	})
	fixed := converted(t, sampleDisk(t), "-O", "vpc", "-o", "subformat=fixed,force_size=on")
	refusesAll(t, fixed, []spoilt{
		{"cut in the middle", func(b []byte) []byte { return append(b[:1<<20], b[len(b)-512:]...) }, "size is not the one"},
	})
}

const sampleOVF = `<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References><File ovf:href="web-disk1.vmdk" ovf:id="file1" ovf:size="1"/><File ovf:href="web.nvram" ovf:id="file2"/></References>
  <DiskSection><Info>Disks</Info><Disk ovf:capacity="10" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/></DiskSection>
</Envelope>`

// appliance packs files, given as name and content in turn.
func appliance(t testing.TB, files ...string) []byte {
	t.Helper()
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	for i := 0; i < len(files); i += 2 {
		if err := archive.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o600, Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		_, _ = archive.Write([]byte(files[i+1]))
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestExamineOVA(t *testing.T) {
	disk := string(converted(t, sampleDisk(t), "-O", "vmdk", "-o", "subformat=streamOptimized"))
	manifest := "SHA256(web.ovf)= aa\nSHA256(web-disk1.vmdk)= 0AbC\n"
	packed := appliance(t, "web.ovf", sampleOVF, "web.mf", manifest, "web-disk1.vmdk", disk, "web.nvram", "x")
	found, err := examine(packed)
	want := Disk{
		Format: VMDK, Offset: int64(bytes.Index(packed, []byte("KDMV"))), Bytes: int64(len(disk)), VirtualBytes: sampleBytes,
		Digest: Digest{Algorithm: "sha256", Hex: "0abc"},
	}
	if err != nil || found.Format != OVA || found.Disk != want {
		t.Fatalf("Examine = %+v, %v, not %+v", found, err, want)
	}
	change := func(old, now string) []byte {
		return appliance(t, "web.ovf", strings.Replace(sampleOVF, old, now, 1), "web-disk1.vmdk", disk)
	}
	second := `<Disk ovf:fileRef="file2" ovf:diskId="b"/></DiskSection>`
	refusals := map[string]spoilt{
		"tar without ovf":  {says: "without an OVF", change: func([]byte) []byte { return appliance(t, "a.vmdk", disk) }},
		"two disks":        {says: "more than one disk", change: func([]byte) []byte { return change("</DiskSection>", second) }},
		"no disk":          {says: "names no disk", change: func([]byte) []byte { return change(`ovf:fileRef="file1"`, "") }},
		"unknown file":     {says: "without a file", change: func([]byte) []byte { return change(`fileRef="file1"`, `fileRef="file9"`) }},
		"missing":          {says: "does not hold", change: func([]byte) []byte { return change("web-disk1.vmdk", "../../etc/passwd") }},
		"compressed":       {says: "compressed", change: func([]byte) []byte { return change(`ovf:size`, `ovf:compression="gzip" ovf:size`) }},
		"in pieces":        {says: "in pieces", change: func([]byte) []byte { return change(`ovf:size`, `ovf:chunkSize="7" ovf:size`) }},
		"no XML":           {says: "not readable", change: func([]byte) []byte { return change("<Envelope", "<<") }},
		"two descriptions": {says: "more than one .ovf", change: func([]byte) []byte { return appliance(t, "a.ovf", sampleOVF, "b.ovf", sampleOVF) }},
		"a name twice":     {says: "twice", change: func([]byte) []byte { return appliance(t, "a.ovf", sampleOVF, "./a.ovf", sampleOVF) }},
		"cut":              {says: "OVA", change: func(b []byte) []byte { return b[:len(b)/2] }},
		"the disk is an OVA": {says: "unpack it", change: func(b []byte) []byte {
			return appliance(t, "web.ovf", sampleOVF, "web-disk1.vmdk", string(b))
		}},
		"the disk is hostile": {says: "stands on a parent", change: func([]byte) []byte {
			return appliance(t, "web.ovf", sampleOVF, "web-disk1.vmdk", string(describe("parentCID=ffffffff", "parentCID=1")([]byte(disk))))
		}},
		"too many files": {says: "more than 200", change: func([]byte) []byte {
			var files []string
			for i := range 201 {
				files = append(files, fmt.Sprintf("f%d", i), "")
			}
			return appliance(t, files...)
		}},
	}
	for name, each := range refusals {
		refusesAll(t, packed, []spoilt{{name, each.change, each.says}})
	}
}

func TestExamineKeepsOwnFormats(t *testing.T) {
	disk := sampleDisk(t)
	for _, args := range [][]string{{"-O", "raw"}, {"-O", "qcow2"}} {
		found, err := examine(converted(t, disk, args...))
		if err != nil || !found.Kept() || found.Disk.VirtualBytes != sampleBytes {
			t.Errorf("%v: %+v, %v", args, found, err)
		}
	}
	for name, head := range map[string][]byte{"esx": []byte("COWD"), "descriptor": []byte("# Disk DescriptorFile\n"), "xz": []byte("\xfd7zXZ\x00")} {
		if _, err := examine(append(head, make([]byte, 1024-len(head))...)); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// garbled is an image with a patch over it.
type garbled struct {
	image, patch []byte
	at           int64
}

func (g garbled) ReadAt(buffer []byte, at int64) (int, error) {
	count, err := bytes.NewReader(g.image).ReadAt(buffer, at)
	for i := range g.patch {
		if place := g.at + int64(i) - at; place >= 0 && place < int64(count) {
			buffer[place] = g.patch[i]
		}
	}
	return count, err
}

// However an image is garbled or cut, Examine says so with a fault, or what it accepts lies inside the file.
func FuzzExamine(f *testing.F) {
	disk := filepath.Join(f.TempDir(), "small.raw")
	if err := os.WriteFile(disk, bytes.Repeat([]byte("novacron"), 512), 0o600); err != nil {
		f.Fatal(err)
	}
	var images [][]byte
	for _, each := range foreignKinds {
		images = append(images, converted(f, disk, each.args...))
		if each.name == "vmdk stream" {
			images = append(images, appliance(f, "web.ovf", sampleOVF, "web-disk1.vmdk", string(images[len(images)-1])))
		}
	}
	for kind, image := range images {
		for _, at := range []uint32{0, 64, 512, 1536, 64 << 10, 192 << 10, uint32(len(image)) - 512} {
			f.Add(uint8(kind), at, []byte{0xff, 0xff, 0xff, 0xff}, uint32(0))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, at uint32, patch []byte, cut uint32) {
		image := images[int(kind)%len(images)]
		image = image[:max(0, len(image)-int(cut))]
		found, err := Examine(garbled{image: image, patch: patch, at: int64(at)}, int64(len(image)))
		if err != nil {
			if !fault.Is(err, fault.KindInvalid) {
				t.Fatalf("error of kind %s: %v", fault.KindOf(err), err)
			}
			return
		}
		disk := found.Disk
		if checkVirtual(disk.VirtualBytes) != nil || disk.Format == OVA || disk.Offset < 0 || disk.Bytes <= 0 || disk.Offset+disk.Bytes > int64(len(image)) {
			t.Fatalf("accepted %+v", found)
		}
	})
}
