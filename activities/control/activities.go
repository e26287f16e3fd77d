package control

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/imagestore"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// Starter starts and cancels the workflows of operations, and ends schedules.
type Starter interface {
	Start(ctx context.Context, of operation.Operation) error
	Cancel(ctx context.Context, of id.Operation) error
	DeleteSchedule(ctx context.Context, schedule id.Schedule) error
}

// Activities acts on the inventory.
type Activities struct {
	Store   *store.Store
	Images  *imagestore.Store
	Starter Starter
	Log     *slog.Logger
}

// Machine is all that a workflow needs to know of a VM.
type Machine struct {
	VM      vm.VM               `json:"vm"`
	Volumes []volume.Volume     `json:"volumes"`
	Images  []storage.BaseImage `json:"images,omitempty"`
	Ports   []fabric.PortPlan   `json:"ports"`
}

// ImageOf returns the image that a volume stands on; false if it stands on none.
func (m Machine) ImageOf(disk volume.Volume) (storage.BaseImage, bool) {
	for _, each := range m.Images {
		if each.Image == disk.Image {
			return each, disk.Image != ""
		}
	}
	return storage.BaseImage{}, false
}

// ReadVM reads a VM with its disks, images and networks.
func (a *Activities) ReadVM(ctx context.Context, machine id.VM) (Machine, error) {
	found, err := a.Store.GetVM(ctx, "", string(machine))
	if err != nil {
		return Machine{}, err
	}
	read := Machine{VM: found}
	if read.Volumes, err = a.Store.VolumesOf(ctx, machine); err != nil {
		return Machine{}, err
	}
	known := map[id.Image]bool{}
	for _, each := range read.Volumes {
		if each.Image == "" || known[each.Image] {
			continue
		}
		known[each.Image] = true
		image, err := a.Store.GetImage(ctx, "", string(each.Image))
		if err != nil {
			return Machine{}, err
		}
		read.Images = append(read.Images, storage.BaseImage{
			Image: image.ID, SHA256: image.SHA256, Format: image.Format, SizeBytes: image.SizeBytes,
		})
	}
	read.Ports, err = a.ports(ctx, found)
	return read, err
}

func (a *Activities) ports(ctx context.Context, of vm.VM) ([]fabric.PortPlan, error) {
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return nil, err
	}
	var plans []fabric.PortPlan
	for _, card := range of.Interfaces {
		net, err := a.Store.GetNetwork(ctx, "", string(card.Network))
		if err != nil {
			return nil, err
		}
		plans = append(plans, fabric.PortPlan{
			Network: NetworkFor(net, hosts),
			Port:    fabric.Port{VM: of.ID, Network: net.ID, Name: of.Name, MAC: card.MAC, IP: card.IP},
		})
	}
	return plans, nil
}

// NetworkFor is a network as a host needs to know it: with the tunnel addresses of all hosts.
func NetworkFor(net network.Network, hosts []host.Host) fabric.Network {
	wanted := fabric.Network{Network: net.ID, VNI: net.VNI, Range: net.Range, Gateway: net.Gateway(), MTU: net.MTU}
	for _, each := range hosts {
		if address, err := netip.ParseAddr(each.Facts.MigrationAddress); err == nil {
			wanted.Peers = append(wanted.Peers, address)
		}
	}
	return wanted
}

// Commit is what has become true of a VM.
type Commit struct {
	Operation id.Operation `json:"operation_id"`
	VM        id.VM        `json:"vm_id"`
	Host      id.Host      `json:"host_id"`
	State     vm.State     `json:"state"`
}

// CommitVM records a VM's state and host, and that its disks exist.
func (a *Activities) CommitVM(ctx context.Context, in Commit) error {
	volumes, err := a.Store.VolumesOf(ctx, in.VM)
	if err != nil {
		return err
	}
	for _, each := range volumes {
		if each.State != volume.Creating {
			continue
		}
		if err := a.Store.SetVolume(ctx, each.ID, store.VolumeChange{State: volume.Ready}); err != nil {
			return err
		}
	}
	return a.Store.SetVMState(ctx, in.VM, store.SetState{State: in.State, Host: &in.Host, Operation: in.Operation})
}

// MarkDeleting records that a VM is going.
func (a *Activities) MarkDeleting(ctx context.Context, in Commit) error {
	return a.Store.SetVMState(ctx, in.VM, store.SetState{State: vm.Deleting, Operation: in.Operation})
}

// ForgetVM removes a VM from the inventory; its name and addresses are free again. A missing one is fine.
func (a *Activities) ForgetVM(ctx context.Context, machine id.VM) error {
	return ignoreMissing(a.Store.DeleteVM(ctx, machine))
}

// ForgetVolumes removes disks from the inventory; missing ones are fine.
func (a *Activities) ForgetVolumes(ctx context.Context, volumes []id.Volume) error {
	for _, each := range volumes {
		if err := ignoreMissing(a.Store.DeleteVolume(ctx, each)); err != nil {
			return err
		}
	}
	return nil
}

// EndSchedules removes the backup schedules of a VM, with their timers.
func (a *Activities) EndSchedules(ctx context.Context, machine id.VM) error {
	schedules, err := a.Store.SchedulesOf(ctx, machine)
	if err != nil {
		return err
	}
	for _, each := range schedules {
		if err := a.Starter.DeleteSchedule(ctx, each.ID); err != nil {
			return err
		}
		if err := ignoreMissing(a.Store.DeleteSchedule(ctx, each.ID)); err != nil {
			return err
		}
	}
	return nil
}

// HostStanding is whether a host answers.
type HostStanding struct {
	Name    string `json:"name"`
	Answers bool   `json:"answers"`
}

// HostStanding says whether a host has reported lately.
func (a *Activities) HostStanding(ctx context.Context, of id.Host) (HostStanding, error) {
	found, err := a.Store.GetHost(ctx, string(of))
	if err != nil {
		return HostStanding{}, err
	}
	return HostStanding{Name: found.Name, Answers: found.StateAt(time.Now()) != host.Offline}, nil
}
