//go:build cgo

package libvirt

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"

	virt "libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// The namespaces of our metadata in a domain. The wish is apart from the definition, as it changes while a VM runs.
const (
	definitionNamespace = "https://novacron.dev/libvirt/definition/1"
	wishNamespace       = "https://novacron.dev/libvirt/wish/1"
)

// definitionNote is our element in a domain's metadata: what was asked for.
type definitionNote struct {
	XMLName xml.Name   `xml:"https://novacron.dev/libvirt/definition/1 vm"`
	VM      string     `xml:"id,attr"`
	Name    string     `xml:"name,attr"`
	Digest  string     `xml:"digest,attr"` // of the definition, to tell whether another one is the same
	Disks   []diskNote `xml:"disk"`
}

type diskNote struct {
	Device string `xml:"device,attr"`
	Volume string `xml:"volume,attr"`
	Shared bool   `xml:"shared,attr"`
}

// wishNote says that the VM was switched on and never asked to go off: if it is off all the same, it crashed. libvirt
// forgets why a domain is off when its daemon or its host restarts.
type wishNote struct {
	XMLName xml.Name `xml:"https://novacron.dev/libvirt/wish/1 wish"`
	On      bool     `xml:"on,attr"`
}

func noteOf(definition hypervisor.Definition) (definitionNote, error) {
	text, err := json.Marshal(definition)
	if err != nil {
		return definitionNote{}, fault.Internal("the definition of VM %s cannot be written down", definition.VM).Because(err)
	}
	note := definitionNote{VM: string(definition.VM), Name: definition.Name, Digest: fmt.Sprintf("%x", sha256.Sum256(text))}
	for _, disk := range definition.Disks {
		note.Disks = append(note.Disks, diskNote{Device: disk.Device, Volume: string(disk.Volume), Shared: disk.Shared})
	}
	return note, nil
}

// notes are what a domain's <metadata> holds of ours.
type notes struct {
	Definition *definitionNote `xml:"https://novacron.dev/libvirt/definition/1 vm"`
	Wish       *wishNote       `xml:"https://novacron.dev/libvirt/wish/1 wish"`
}

func readNotes(metadata string) (notes, error) {
	var found notes
	if err := xml.Unmarshal([]byte("<metadata>"+metadata+"</metadata>"), &found); err != nil {
		return notes{}, fault.Internal("the metadata of a VM on this host cannot be read").Because(err)
	}
	return found, nil
}

// uuidOf derives a domain's UUID from the VM's ID: the same on every host, version 8 of RFC 9562.
func uuidOf(vm id.VM) string {
	sum := sha256.Sum256([]byte("novacron:" + vm))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// vmNamed returns the VM whose domain has that name; false for other people's domains.
func vmNamed(name string) (id.VM, bool) {
	vm, err := id.Parse[id.VM](name)
	return vm, err == nil
}

// onDomain looks a VM's domain up and lets use work on it; NotFound if it is not defined here.
func onDomain[T any](connection *virt.Connect, vm id.VM, use func(*virt.Domain) (T, error)) (T, error) {
	var zero T
	domain, err := connection.LookupDomainByName(string(vm))
	if codeOf(err) == virt.ERR_NO_DOMAIN {
		return zero, fault.NotFound("VM %s is not defined on this host", vm).Because(err)
	}
	if err != nil {
		return zero, err
	}
	defer func() { _ = domain.Free() }()
	return use(domain)
}

// wish records whether the VM is meant to be on, on the definition that survives a restart.
func wish(domain *virt.Domain, on bool) error {
	text, err := xml.Marshal(wishNote{On: on})
	if err != nil {
		return err
	}
	return domain.SetMetadata(virt.DOMAIN_METADATA_ELEMENT, string(text), "novacron-wish", wishNamespace, virt.DOMAIN_AFFECT_CONFIG)
}

// noteDisks changes what the domain's metadata say of its disks, in the running domain and in the one that is kept.
func noteDisks(domain *virt.Domain, change func([]diskNote) []diskNote) error {
	text, err := domain.GetXMLDesc(0)
	if err != nil {
		return err
	}
	var parsed libvirtxml.Domain
	if err := parsed.Unmarshal(text); err != nil || parsed.Metadata == nil {
		return fault.Internal("the definition of a VM on this host cannot be read").Because(err)
	}
	noted, err := readNotes(parsed.Metadata.XML)
	if err != nil {
		return err
	}
	if noted.Definition == nil {
		return fault.Internal("a VM on this host has lost what NovaCron noted of it; define it anew")
	}
	note := *noted.Definition
	note.Disks = change(note.Disks)
	note.Digest = "" // it is no longer as it was defined: the next definition takes its place
	written, err := xml.Marshal(note)
	if err != nil {
		return fault.Internal("the metadata of a VM cannot be written down").Because(err)
	}
	flags := virt.DOMAIN_AFFECT_CONFIG
	if active, err := domain.IsActive(); err != nil {
		return err
	} else if active {
		flags |= virt.DOMAIN_AFFECT_LIVE
	}
	return domain.SetMetadata(virt.DOMAIN_METADATA_ELEMENT, string(written), "novacron", definitionNamespace, flags)
}
