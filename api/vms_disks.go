package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// MoveDiskBody says where to move a disk.
type MoveDiskBody struct {
	Pool      string `json:"pool" doc:"Name of the pool"`
	Bandwidth *int64 `json:"bandwidth_bytes_per_second,omitempty" doc:"The most that a live move may take; as much as there is if left out"`
}

type moveDiskInput struct {
	Mutation
	VM     string `path:"vm" doc:"Name or ID of the VM"`
	Device string `path:"device" doc:"The disk's device, such as vda"`
	Body   MoveDiskBody
}

// GrowDiskBody says how large a disk is to be.
type GrowDiskBody struct {
	SizeBytes int64 `json:"size_bytes" doc:"More than it has; a disk is never made smaller"`
}

type growDiskInput struct {
	Mutation
	VM     string `path:"vm" doc:"Name or ID of the VM"`
	Device string `path:"device" doc:"The disk's device, such as vda"`
	Body   GrowDiskBody
}

type limitDiskInput struct {
	Mutation
	VM     string `path:"vm" doc:"Name or ID of the VM"`
	Device string `path:"device" doc:"The disk's device, such as vda"`
	Body   volume.Limits
}

func (s *Server) diskRoutes() {
	add(s, user, huma.Operation{
		OperationID: "list-vm-disks", Method: http.MethodGet, Path: "/vms/{vm}/disks", Tags: []string{"VMs"}, Summary: "A VM's disks and the pools they are in",
	}, func(ctx context.Context, in *getVMInput) (*listed[volume.Volume], error) {
		found, _, err := s.findVM(ctx, in.Scope, in.VM)
		if err != nil {
			return nil, err
		}
		disks, err := s.store.VolumesOf(ctx, found.ID)
		return page(disks, ""), err
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "move-vm-disk", Method: http.MethodPost, Path: "/vms/{vm}/disks/{device}/move", Tags: []string{"VMs"},
		Summary: "Move a disk to another pool, while the VM runs or while it is off",
	}), func(ctx context.Context, in *moveDiskInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareDiskMove(ctx, where, in) })
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "limit-vm-disk", Method: http.MethodPut, Path: "/vms/{vm}/disks/{device}/limits", Tags: []string{"VMs"},
		Summary: "Limit what the VM may ask of a disk, while it runs or while it is off; an empty object takes the limits away",
	}), func(ctx context.Context, in *limitDiskInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareDiskLimits(ctx, where, in) })
	})
	add(s, user, s.starts(huma.Operation{
		OperationID: "grow-vm-disk", Method: http.MethodPost, Path: "/vms/{vm}/disks/{device}/grow", Tags: []string{"VMs"},
		Summary: "Make a disk larger, while the VM runs or while it is off",
	}), func(ctx context.Context, in *growDiskInput) (*answer, error) {
		return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareDiskGrowth(ctx, where, in) })
	})
}

func (s *Server) prepareDiskLimits(ctx context.Context, where reach, in *limitDiskInput) (intent, error) {
	if err := in.Body.Check(); err != nil {
		return intent{}, err
	}
	found, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(vm.LimitDisk); err != nil {
		return intent{}, err
	}
	disk, err := s.diskOf(ctx, found, in.Device)
	if err != nil {
		return intent{}, err
	}
	return onVM(found, operation.LimitDisk, operation.LimitDiskRequest{VM: found.ID, Volume: disk.ID, Limits: in.Body}), nil
}

func (s *Server) prepareDiskGrowth(ctx context.Context, where reach, in *growDiskInput) (intent, error) {
	found, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(vm.GrowDisk); err != nil {
		return intent{}, err
	}
	disk, err := s.diskOf(ctx, found, in.Device)
	if err != nil {
		return intent{}, err
	}
	if err := vm.CheckDisk(in.Body.SizeBytes); err != nil {
		return intent{}, relocated(err, "disk_bytes", "size_bytes")
	}
	if in.Body.SizeBytes <= disk.SizeBytes {
		return intent{}, fault.Invalid("disk %s of VM %s has %d bytes, and %d is not more; a disk is never made smaller", disk.Device, found.Name, disk.SizeBytes, in.Body.SizeBytes).At("size_bytes")
	}
	on, err := s.store.GetHost(ctx, string(found.Host))
	if err != nil {
		return intent{}, err
	}
	if _, err := placement.FitsPool(on, disk.Pool, in.Body.SizeBytes-disk.SizeBytes); err != nil {
		return intent{}, relocated(err, "pool", "size_bytes")
	}
	wanted := onVM(found, operation.GrowDisk, operation.GrowDiskRequest{VM: found.ID, Volume: disk.ID, SizeBytes: in.Body.SizeBytes})
	wanted.notes = append(wanted.notes, "What is new on the disk is for the guest to use: it has to enlarge its partition and file system.")
	return wanted, nil
}

// leastBandwidth is where a limit is more likely a slip than a wish.
const leastBandwidth = 64 << 10

func (s *Server) prepareDiskMove(ctx context.Context, where reach, in *moveDiskInput) (intent, error) {
	if limit := or(in.Body.Bandwidth, leastBandwidth); limit < leastBandwidth {
		return intent{}, fault.Invalid("a move may take at least %d bytes a second, not %d; leave the limit out for none", leastBandwidth, limit).At("bandwidth_bytes_per_second")
	}
	found, err := s.store.GetVM(ctx, where.toward(in.VM), in.VM)
	if err != nil {
		return intent{}, err
	}
	if err := found.Can(vm.MoveDisk); err != nil {
		return intent{}, err
	}
	disk, err := s.diskOf(ctx, found, in.Device)
	if err != nil {
		return intent{}, err
	}
	if in.Body.Pool == "" {
		return intent{}, fault.Invalid("say which pool to move the disk to").At("pool")
	}
	if err := s.poolExists(ctx, in.Body.Pool); err != nil {
		return intent{}, err
	}
	if in.Body.Pool == disk.Pool {
		return intent{}, fault.Invalid("disk %s of VM %s is in pool %s already; name another one", disk.Device, found.Name, disk.Pool).At("pool")
	}
	on, err := s.store.GetHost(ctx, string(found.Host))
	if err != nil {
		return intent{}, err
	}
	if _, err := placement.FitsPool(on, in.Body.Pool, disk.SizeBytes); err != nil {
		return intent{}, err
	}
	target, err := s.store.GetPool(ctx, in.Body.Pool)
	if err != nil {
		return intent{}, err
	}
	request := operation.MoveDiskRequest{
		VM: found.ID, Volume: disk.ID, New: id.New[id.Volume](), Pool: in.Body.Pool, BandwidthBytes: or(in.Body.Bandwidth, 0),
	}
	wanted := onVM(found, operation.MoveDisk, request)
	wanted.Shared = []string{string(target.ID)}
	wanted.NewVolumes = []volume.Volume{{
		ID: request.New, Project: found.Project, Device: disk.Device, Pool: request.Pool, SizeBytes: disk.SizeBytes, State: volume.Creating,
	}}
	if disk.Image != "" {
		wanted.notes = append(wanted.notes, "The disk no longer stands on its image: all of it is copied.")
	}
	return wanted, nil
}

func (s *Server) diskOf(ctx context.Context, machine vm.VM, device string) (volume.Volume, error) {
	disks, err := s.store.VolumesOf(ctx, machine.ID)
	if err != nil {
		return volume.Volume{}, err
	}
	at := slices.IndexFunc(disks, func(disk volume.Volume) bool { return disk.Device == device })
	if at >= 0 {
		return disks[at], nil
	}
	return volume.Volume{}, fault.NotFound("VM %s has no disk %s; it has %s", machine.Name, device, strings.Join(devicesOf(disks), ", "))
}
