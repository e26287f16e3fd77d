//go:build cgo

package libvirt

import (
	"encoding/xml"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/volume"
)

const (
	agentChannel = "org.qemu.guest_agent.0"
	// balloonSeconds is how often the guest's balloon driver reports its memory.
	balloonSeconds = 5
	// translationCacheMiB bounds QEMU's cache of translated code, 1 GiB by default, when there is no KVM.
	translationCacheMiB = 64
)

// domainXML writes the domain of a definition. Nothing in it is particular to a host: paths and bridges are the same
// everywhere, and what is not, such as the socket of the screen, libvirt makes up afresh on each host.
func domainXML(definition hypervisor.Definition, acceleration Acceleration) (string, error) {
	note, err := noteOf(definition)
	if err != nil {
		return "", err
	}
	metadata, err := xml.Marshal(note)
	if err != nil {
		return "", fault.Internal("the definition of VM %s cannot be written down", definition.VM).Because(err)
	}
	domain := libvirtxml.Domain{
		Type: "kvm", Name: string(definition.VM), UUID: uuidOf(definition.VM), Title: definition.Name,
		Metadata: &libvirtxml.DomainMetadata{XML: string(metadata)},
		Memory:   &libvirtxml.DomainMemory{Value: uint(definition.Spec.MemoryBytes), Unit: "b"},
		VCPU:     &libvirtxml.DomainVCPU{Value: uint(definition.Spec.CPUs)},
		OS: &libvirtxml.DomainOS{
			Type: &libvirtxml.DomainOSType{Arch: "x86_64", Machine: "pc", Type: "hvm"},
		},
		Features:   &libvirtxml.DomainFeatureList{ACPI: &libvirtxml.DomainFeature{}, APIC: &libvirtxml.DomainFeatureAPIC{}},
		OnPoweroff: "destroy", OnReboot: "restart", OnCrash: "destroy",
		Devices: devices(definition),
	}
	switch acceleration {
	case TCG:
		domain.Type = "qemu"
		domain.Features.TCG = &libvirtxml.DomainFeatureTCG{
			TBCache: &libvirtxml.DomainFeatureTCGTBCache{Unit: "MiB", Size: translationCacheMiB},
		}
	case KVM:
		domain.CPU = &libvirtxml.DomainCPU{Mode: "host-model"}
	}
	text, err := domain.Marshal()
	if err != nil {
		return "", fault.Internal("the definition of VM %s cannot be written down", definition.VM).Because(err)
	}
	return text, nil
}

func devices(definition hypervisor.Definition) *libvirtxml.DomainDeviceList {
	console := uint(0)
	list := &libvirtxml.DomainDeviceList{
		Controllers: []libvirtxml.DomainController{{Type: "usb", Model: "none"}},
		Serials: []libvirtxml.DomainSerial{{
			Source: &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}},
			Target: &libvirtxml.DomainSerialTarget{Port: &console},
		}},
		Channels: []libvirtxml.DomainChannel{{
			Source: &libvirtxml.DomainChardevSource{UNIX: &libvirtxml.DomainChardevSourceUNIX{}},
			Target: &libvirtxml.DomainChannelTarget{VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: agentChannel}},
		}},
		MemBalloon: &libvirtxml.DomainMemBalloon{Model: "virtio", Stats: &libvirtxml.DomainMemBalloonStats{Period: balloonSeconds}},
		Graphics: []libvirtxml.DomainGraphic{{VNC: &libvirtxml.DomainGraphicVNC{
			Listeners: []libvirtxml.DomainGraphicListener{{Socket: &libvirtxml.DomainGraphicListenerSocket{}}},
		}}},
		Videos: []libvirtxml.DomainVideo{{Model: libvirtxml.DomainVideoModel{Type: "vga", VRam: 16 << 10}}},
	}
	for at, disk := range definition.Disks {
		list.Disks = append(list.Disks, pluggedDisk(disk))
		if at == 0 {
			list.Disks[0].Boot = &libvirtxml.DomainDeviceBoot{Order: 1} // whatever libvirt thinks of the order of buses
		}
		if bus, _ := volume.BusOf(disk.Device); bus == volume.SCSI && len(list.Controllers) == 1 {
			list.Controllers = append(list.Controllers, scsiController)
		}
	}
	if definition.Seed != "" {
		list.Disks = append(list.Disks, seedDisk(definition.Seed))
		if len(list.Controllers) == 1 {
			list.Controllers = append(list.Controllers, scsiController)
		}
	}
	for _, card := range definition.Interfaces {
		added := libvirtxml.DomainInterface{
			MAC:    &libvirtxml.DomainInterfaceMAC{Address: card.MAC},
			Source: &libvirtxml.DomainInterfaceSource{Bridge: &libvirtxml.DomainInterfaceSourceBridge{Bridge: card.Bridge}},
			Model:  &libvirtxml.DomainInterfaceModel{Type: "virtio"},
			ROM:    &libvirtxml.DomainROM{Enabled: "no"}, // VMs boot from their disks; the option ROM costs a second
		}
		if card.MTU > 0 {
			added.MTU = &libvirtxml.DomainInterfaceMTU{Size: uint(card.MTU)}
		}
		list.Interfaces = append(list.Interfaces, added)
	}
	return list
}

// scsiController is what disks on the SCSI bus are plugged into; libvirt by itself would take an older one.
var scsiController = libvirtxml.DomainController{Type: "scsi", Model: "virtio-scsi"}

// pluggedDisk is a disk as a domain has it.
func pluggedDisk(disk hypervisor.Disk) libvirtxml.DomainDisk {
	bus, _ := volume.BusOf(disk.Device)
	plugged := libvirtxml.DomainDisk{
		Device: "disk",
		Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: disk.Format, Cache: "none", Discard: "unmap"},
		Source: sourceOf(disk.Path),
		Target: &libvirtxml.DomainDiskTarget{Dev: disk.Device, Bus: string(bus)},
	}
	if disk.Limits != (volume.Limits{}) {
		plugged.IOTune = &libvirtxml.DomainDiskIOTune{TotalIopsSec: uint64(disk.Limits.IOPS), TotalBytesSec: uint64(disk.Limits.BytesPerSecond)}
	}
	return plugged
}

// described is what a domain's XML says of it.
type described struct {
	name   string
	title  string
	digest string
	disks  []hypervisor.Disk
	wish   bool
	agent  bool   // an agent is connected
	screen string // the VNC socket, while it is on
}

func describe(text string) (described, error) {
	var domain libvirtxml.Domain
	if err := domain.Unmarshal(text); err != nil {
		return described{}, fault.Internal("the definition of a VM on this host cannot be read").Because(err)
	}
	found := described{name: domain.Name, title: domain.Title}
	var noted notes
	if domain.Metadata != nil {
		var err error
		if noted, err = readNotes(domain.Metadata.XML); err != nil {
			return described{}, err
		}
	}
	volumes := map[string]diskNote{}
	if noted.Definition != nil {
		found.title, found.digest = noted.Definition.Name, noted.Definition.Digest
		for _, disk := range noted.Definition.Disks {
			volumes[disk.Device] = disk
		}
	}
	found.wish = noted.Wish != nil && noted.Wish.On
	if domain.Devices == nil {
		return found, nil
	}
	for _, disk := range domain.Devices.Disks {
		if disk.Device == seedDevice {
			continue
		}
		if place, ok := diskOf(disk, volumes); ok {
			found.disks = append(found.disks, place)
		}
	}
	for _, channel := range domain.Devices.Channels {
		if target := channel.Target; target != nil && target.VirtIO != nil && target.VirtIO.Name == agentChannel {
			found.agent = target.VirtIO.State == "connected"
		}
	}
	found.screen = screenOf(domain.Devices.Graphics)
	return found, nil
}

func diskOf(disk libvirtxml.DomainDisk, volumes map[string]diskNote) (hypervisor.Disk, bool) {
	if disk.Target == nil || disk.Source == nil || disk.Driver == nil {
		return hypervisor.Disk{}, false
	}
	location, ok := locationOf(disk.Source)
	if !ok {
		return hypervisor.Disk{}, false
	}
	noted := volumes[disk.Target.Dev]
	found := hypervisor.Disk{
		Volume: id.Volume(noted.Volume), Device: disk.Target.Dev, Path: location,
		Format: disk.Driver.Type, Shared: noted.Shared,
	}
	if tuned := disk.IOTune; tuned != nil {
		found.Limits = volume.Limits{IOPS: int64(tuned.TotalIopsSec), BytesPerSecond: int64(tuned.TotalBytesSec)}
	}
	return found, true
}

func screenOf(graphics []libvirtxml.DomainGraphic) string {
	for _, graphic := range graphics {
		if graphic.VNC == nil {
			continue
		}
		for _, listener := range graphic.VNC.Listeners {
			if listener.Socket != nil && listener.Socket.Socket != "" {
				return listener.Socket.Socket
			}
		}
		if graphic.VNC.Socket != "" {
			return graphic.VNC.Socket
		}
	}
	return ""
}
