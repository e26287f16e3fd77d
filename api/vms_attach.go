package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// AttachBody says which volume a VM is to have.
type AttachBody struct {
	Volume string     `json:"volume" doc:"Name or ID of a volume that belongs to no VM"`
	Bus    volume.Bus `json:"bus,omitempty" enum:"virtio,scsi" doc:"virtio if left out"`
}

type attachInput struct {
	Mutation
	VM   string `path:"vm" doc:"Name or ID of the VM"`
	Body AttachBody
}

// DetachBody says how a volume is to go.
type DetachBody struct {
	Name         string `json:"name,omitempty" doc:"By which the volume is known from then on; needed if it has none"`
	GraceSeconds *int   `json:"grace_seconds,omitempty" doc:"How long the guest may take to let go of it; 60 if left out"`
}

type detachInput struct {
	Mutation
	VM     string `path:"vm" doc:"Name or ID of the VM"`
	Device string `path:"device" doc:"The disk's device, such as vdb"`
	Body   *DetachBody
}

func (s *Server) attachRoutes() {
	add(s, user, s.starts(huma.Operation{
		OperationID: "attach-vm-disk", Method: http.MethodPost, Path: "/vms/{vm}/disks", Tags: []string{"VMs"},
		Summary: "Give a VM a volume, while the VM runs or while it is off",
	}), func(ctx context.Context, in *attachInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareAttach(ctx, where, in) })
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "detach-vm-disk", Method: http.MethodPost, Path: "/vms/{vm}/disks/{device}/detach", Tags: []string{"VMs"},
		Summary: "Take a volume from its VM, while the VM runs or while it is off; what is on it stays",
	}), func(ctx context.Context, in *detachInput) (*answer, error) {
		body := or(in.Body, DetachBody{})
		return s.accept(ctx, in.Mutation, body, func(where reach) (intent, error) { return s.prepareDetach(ctx, where, in.VM, in.Device, body) })
	})
}

func (s *Server) prepareAttach(ctx context.Context, where reach, in *attachInput) (intent, error) {
	found, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(vm.AttachVolume); err != nil {
		return intent{}, err
	}
	if in.Body.Volume == "" {
		return intent{}, fault.Invalid("say which volume the VM is to have").At("volume")
	}
	wanted, err := s.store.FindVolume(ctx, found.Project, in.Body.Volume)
	if err != nil {
		return intent{}, unknown(err, "volume", "volume", in.Body.Volume)
	}
	if err := wanted.Can(volume.Attach); err != nil {
		return intent{}, err
	}
	on, err := s.store.GetHost(ctx, string(found.Host))
	if err != nil {
		return intent{}, err
	}
	fact, has := on.Pool(wanted.Pool)
	if err := wanted.CheckReach(on.Name, has && fact.Available); err != nil {
		return intent{}, err
	}
	disks, err := s.store.VolumesOf(ctx, found.ID)
	if err != nil {
		return intent{}, err
	}
	device, err := volume.FreeDevice(cmp.Or(in.Body.Bus, volume.Virtio), devicesOf(disks))
	if err != nil {
		return intent{}, err
	}
	request := onVM(found, operation.AttachVolume, operation.AttachRequest{VM: found.ID, Volume: wanted.ID, Device: device})
	request.Claims = append(request.Claims, string(wanted.ID))
	request.notes = append(request.notes, "The VM sees it as disk "+device+".", "The next backup is a full one.")
	return request, nil
}

func (s *Server) prepareDetach(ctx context.Context, where reach, ref, device string, body DetachBody) (intent, error) {
	if grace := or(body.GraceSeconds, 1); grace < 1 || grace > longestGraceSeconds {
		return intent{}, fault.Invalid("grace_seconds is between 1 and %d", longestGraceSeconds).At("grace_seconds")
	}
	found, err := s.store.GetVM(ctx, where.toward(ref), ref)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(vm.DetachVolume); err != nil {
		return intent{}, err
	}
	disk, err := s.diskOf(ctx, found, device)
	if err != nil {
		return intent{}, err
	}
	if err := disk.Can(volume.Detach); err != nil {
		return intent{}, err
	}
	request := operation.DetachRequest{VM: found.ID, Volume: disk.ID, Name: disk.Name, Unnamed: disk.Name == "", Grace: or(body.GraceSeconds, 0)}
	switch {
	case disk.Name == "" && body.Name == "":
		return intent{}, fault.Invalid("disk %s has no name yet; say by which name the volume is to be known", device).At("name")
	case disk.Name == "":
		request.Name = body.Name
	case body.Name != "" && body.Name != disk.Name:
		return intent{}, fault.Invalid("volume %s has its name already; leave the name out", disk.Name).At("name")
	}
	if err := project.CheckName(request.Name); err != nil {
		return intent{}, err
	}
	if request.Unnamed {
		if err := s.volumeNameIsFree(ctx, found.Project, request.Name); err != nil {
			return intent{}, err
		}
	}
	wanted := onVM(found, operation.DetachVolume, request)
	wanted.Claims = append(wanted.Claims, string(disk.ID))
	wanted.notes = append(wanted.notes, "Unmount it in the guest first: the guest has to let go of it.", "The next backup is a full one.")
	return wanted, nil
}

func devicesOf(disks []volume.Volume) []string {
	devices := make([]string, 0, len(disks))
	for _, each := range disks {
		devices = append(devices, each.Device)
	}
	return devices
}
