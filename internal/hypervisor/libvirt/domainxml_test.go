//go:build cgo

package libvirt

import (
	"encoding/xml"
	"reflect"
	"strings"
	"testing"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

var inCeph = volume.RBD{
	Monitors: []string{"10.0.0.1:3300", "[fd00::2]:3300"}, Pool: "vms", Image: "vol_01JD3M8Q7X2C4W9V6T5R1N0KZR",
	User: "novacron", Secret: "6f3c1f0e-33f0-4a41-9d3c-5a3f7b0c2d11",
}

func sampleDefinition() hypervisor.Definition {
	return hypervisor.Definition{
		VM: "vm_01JD3M8Q7X2C4W9V6T5R1N0KZP", Name: "web <1>", Spec: vm.Spec{CPUs: 2, MemoryBytes: 256 << 20},
		Disks: []hypervisor.Disk{
			{Volume: "vol_01JD3M8Q7X2C4W9V6T5R1N0KZP", Device: "vda", Path: "/pool/a", Format: "qcow2", Shared: true},
			{Volume: "vol_01JD3M8Q7X2C4W9V6T5R1N0KZQ", Device: "vdb", Path: "/pool/b", Format: "raw"},
			{Volume: "vol_01JD3M8Q7X2C4W9V6T5R1N0KZR", Device: "vdc", Path: inCeph.Location(), Format: "raw", Shared: true},
		},
		Interfaces: []hypervisor.BridgedCard{{MAC: "52:54:00:12:34:56", Bridge: "nbr100", MTU: 1450}},
	}
}

func TestDomainXML(t *testing.T) {
	definition := sampleDefinition()
	for acceleration, want := range map[Acceleration][]string{
		TCG: {`<domain type="qemu">`, `<tb-cache unit="MiB">64</tb-cache>`},
		KVM: {`<domain type="kvm">`, `mode="host-model"`},
	} {
		text, err := domainXML(definition, acceleration)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want,
			"<name>vm_01JD3M8Q7X2C4W9V6T5R1N0KZP</name>", "<title>web &lt;1&gt;</title>", `<memory unit="b">268435456</memory>`,
			`cache="none"`, `discard="unmap"`, `<listen type="socket"`, `<bridge`, `org.qemu.guest_agent.0`, `<mtu size="1450">`,
			`type="usb"`, `model="none"`, `<stats period="5">`,
		)
		for _, part := range want {
			if !strings.Contains(text, part) && !strings.Contains(text, strings.ReplaceAll(part, "<bridge", `bridge="nbr100"`)) {
				t.Errorf("%s: %s is missing from\n%s", acceleration, part, text)
			}
		}
		found, err := describe(text)
		if err != nil {
			t.Fatal(err)
		}
		if found.name != string(definition.VM) || found.title != definition.Name || !reflect.DeepEqual(found.disks, definition.Disks) {
			t.Errorf("read back: %+v", found)
		}
		note, err := noteOf(definition)
		if err != nil || found.digest != note.Digest {
			t.Errorf("digest %q, want %q, %v", found.digest, note.Digest, err)
		}
	}
}

func TestSeedIsNoDisk(t *testing.T) {
	definition := sampleDefinition()
	before, err := noteOf(definition)
	if err != nil {
		t.Fatal(err)
	}
	definition.Seed = "/var/lib/novacron/seeds/vm.iso"
	text, err := domainXML(definition, TCG)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`device="cdrom"`, `file="/var/lib/novacron/seeds/vm.iso"`, "<readonly>", `dev="sdaa" bus="scsi"`, `model="virtio-scsi"`, `target="1"`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is missing from\n%s", part, text)
		}
	}
	found, err := describe(text)
	if err != nil || !reflect.DeepEqual(found.disks, definition.Disks) {
		t.Errorf("the disks are %+v, %v", found.disks, err)
	}
	if found.digest == before.Digest {
		t.Error("a definition with a seed counts as the one without")
	}
}

func TestNamespacesAreRefused(t *testing.T) {
	definition, location := sampleDefinition(), inCeph
	if err := checkDefinition(definition); err != nil {
		t.Fatal(err)
	}
	location.Namespace = "tenant"
	definition.Disks[2].Path = location.Location()
	if err := checkDefinition(definition); !fault.Is(err, fault.KindInvalid) || !strings.Contains(err.Error(), "namespace") {
		t.Errorf("a namespace is answered with %v", err)
	}
}

func TestDigestTellsDefinitionsApart(t *testing.T) {
	one, other := sampleDefinition(), sampleDefinition()
	other.Disks[1].Path = "/pool/c"
	first, err := noteOf(one)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := noteOf(sampleDefinition())
	second, _ := noteOf(other)
	if first.Digest != again.Digest || first.Digest == second.Digest {
		t.Errorf("%s, %s, %s", first.Digest, again.Digest, second.Digest)
	}
}

func TestDescribeLiveDomain(t *testing.T) {
	wished, err := xml.Marshal(wishNote{On: true})
	if err != nil {
		t.Fatal(err)
	}
	// As libvirt writes them: namespaces have prefixes there.
	text := `<domain type='qemu' id='1'><name>other</name><metadata>
		<novacron-wish:wish xmlns:novacron-wish="` + wishNamespace + `" on="true"/></metadata><devices>
		<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
		<graphics type='vnc' socket='/run/vnc.sock'><listen type='socket' socket='/run/vnc.sock'/></graphics>
		<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
		</devices></domain>`
	found, err := describe(text)
	if err != nil || !found.wish || found.screen != "/run/vnc.sock" || len(found.disks) != 0 {
		t.Errorf("%+v, %v (ours is written as %s)", found, err, wished)
	}
	for _, broken := range []string{"<domain", "<domain><metadata><a></metadata></domain>"} {
		if _, err := describe(broken); err == nil {
			t.Errorf("%q was understood", broken)
		}
	}
	if found, err = describe("<domain><name>bare</name></domain>"); err != nil || found.name != "bare" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestIdentity(t *testing.T) {
	one, other := uuidOf("vm_01JD3M8Q7X2C4W9V6T5R1N0KZP"), uuidOf("vm_01JD3M8Q7X2C4W9V6T5R1N0KZQ")
	if one == other || len(one) != 36 || one[14] != '8' || one != uuidOf("vm_01JD3M8Q7X2C4W9V6T5R1N0KZP") {
		t.Errorf("%s, %s", one, other)
	}
	if found, ours := vmNamed("vm_01JD3M8Q7X2C4W9V6T5R1N0KZP"); !ours || found != id.VM("vm_01JD3M8Q7X2C4W9V6T5R1N0KZP") {
		t.Error(found, ours)
	}
	if _, ours := vmNamed("debian12"); ours {
		t.Error("somebody else's domain was taken for ours")
	}
}

func TestExportXML(t *testing.T) {
	definition := sampleDefinition()
	request := hypervisor.Export{VM: definition.VM, Checkpoint: "two", Since: "one"}
	backup, checkpoint, err := exportXML(definition.Disks, request, "/exports/x", "/exports/x/nbd.sock")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<domainbackup mode="pull">`, `<incremental>one</incremental>`, `<server transport="unix" socket="/exports/x/nbd.sock">`,
		`exportname="vda" exportbitmap="changes"`, `file="/exports/x/vda.scratch.qcow2"`, `name="vdb" backup="yes" backupmode="full"`,
	} {
		if !strings.Contains(backup, want) {
			t.Errorf("%s is missing from\n%s", want, backup)
		}
	}
	var parsed libvirtxml.DomainCheckpoint
	if err := parsed.Unmarshal(checkpoint); err != nil || parsed.Name != "two" || parsed.Disks.Disks[0].Checkpoint != "bitmap" || parsed.Disks.Disks[1].Checkpoint != "no" {
		t.Errorf("%s, %v", checkpoint, err)
	}
	if _, checkpoint, err = exportXML(definition.Disks[1:], request, "/x", "/x/s"); err != nil || checkpoint != "" {
		t.Errorf("raw disks have no checkpoint: %s, %v", checkpoint, err)
	}
}

func TestReparent(t *testing.T) {
	const definition = `<domaincheckpoint><name>b</name><parent><name>a</name></parent><domain><name>d</name></domain></domaincheckpoint>`
	orphan, err := reparent(definition, nil)
	if err != nil || strings.Contains(orphan, "<parent>") || strings.Contains(orphan, "<domain>") {
		t.Errorf("%s, %v", orphan, err)
	}
	child, err := reparent(definition, []string{"x", "y"})
	if err != nil || !strings.Contains(child, "<name>y</name>") {
		t.Errorf("%s, %v", child, err)
	}
	if _, err := reparent("<", nil); err == nil {
		t.Error("nonsense was understood")
	}
}
