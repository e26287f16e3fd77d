package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// What a VM has if nothing else is asked.
const (
	defaultCPUs              = 1
	defaultMemoryBytes int64 = 128 << 20
	defaultDiskBytes   int64 = 1 << 30
)

// CreateVMBody asks for a VM.
type CreateVMBody struct {
	Name        string `json:"name" example:"web-1" doc:"Also its host name: lower-case letters, digits and hyphens"`
	Description string `json:"description,omitempty" maxLength:"1000"`
	Image       string `json:"image" doc:"Name or ID of the image its disk is made from"`
	CPUs        *int   `json:"cpus,omitempty" doc:"Virtual CPUs; 1 if left out"`
	MemoryBytes *int64 `json:"memory_bytes,omitempty" doc:"128 MiB if left out"`
	DiskBytes   *int64 `json:"disk_bytes,omitempty" doc:"1 GiB, or the image's own size if that is more, if left out"`
	Pool        string `json:"pool,omitempty" doc:"Where to make the disk; the placement decides if left out"`
	Network     string `json:"network,omitempty" doc:"Name or ID; \"default\" if left out"`
	Host        string `json:"host,omitempty" doc:"Name or ID; the placement decides if left out"`
}

func (s *Server) vmChangeRoutes() {
	add(s, user, s.starts(huma.Operation{
		OperationID: "create-vm", Method: http.MethodPost, Path: "/vms", Tags: []string{"VMs"}, Summary: "Make a VM from an image and start it",
	}), s.createVM)
	s.powerRoutes()
	add(s, user, s.starts(huma.Operation{
		OperationID: "delete-vm", Method: http.MethodDelete, Path: "/vms/{vm}", Tags: []string{"VMs"},
		Summary: "Remove a VM with its disks and addresses; its backups stay",
	}), s.deleteVM)
	add(s, user, s.starts(huma.Operation{
		OperationID: "migrate-vm", Method: http.MethodPost, Path: "/vms/{vm}/migrate", Tags: []string{"VMs"},
		Summary: "Move a VM to another host, live or, while it is off, cold",
	}), s.migrateVM)
}

type createVMInput struct {
	Mutation
	Body CreateVMBody
}

func (s *Server) createVM(ctx context.Context, in *createVMInput) (*answer, error) {
	return s.accept(ctx, in.Mutation, in.Body, func(where reach) (intent, error) { return s.prepareVM(ctx, where, in.Body) })
}

// parts is what a new VM is made of, looked up and found to be there.
type parts struct {
	image   image.Image
	network network.Network
	spec    vm.Spec
	disk    int64
	choice  placement.Choice
	asked   id.Host
}

func (s *Server) prepareVM(ctx context.Context, where reach, body CreateVMBody) (intent, error) {
	if err := project.CheckName(body.Name); err != nil {
		return intent{}, err
	}
	if err := s.nameIsFree(ctx, where.project.ID, body.Name); err != nil {
		return intent{}, err
	}
	made, err := s.partsOf(ctx, where, body)
	if err != nil {
		return intent{}, err
	}
	machine, disk := id.New[id.VM](), id.New[id.Volume]()
	request := operation.ProvisionRequest{
		VM: machine, Volume: disk, Name: body.Name, Image: made.image.ID, Spec: made.spec, DiskBytes: made.disk,
		Pool: body.Pool, Network: made.network.ID, Host: made.asked,
	}
	return intent{
		kind: operation.Provision, subject: operation.Subject{Kind: "vm", ID: string(machine), Name: body.Name},
		request: request, host: made.choice.Host, notes: made.choice.Reasons,
		Acceptance: store.Acceptance{
			Operation: operation.Operation{Project: where.project.ID},
			Claims:    []string{string(machine)},
			NewVM: &vm.VM{
				ID: machine, Project: where.project.ID, Name: body.Name, Description: body.Description, State: vm.Provisioning,
				Image: made.image.ID, Spec: made.spec, Interfaces: []vm.Interface{{Network: made.network.ID}},
			},
			NewVolumes: []volume.Volume{{
				ID: disk, Project: where.project.ID, VM: machine, Device: firstDevice, Pool: made.choice.Pool,
				SizeBytes: made.disk, Image: made.image.ID, Format: "qcow2", State: volume.Creating,
			}},
		},
	}, nil
}

const firstDevice = "vda"

// partsOf finds everything that the body names and checks that some host can take it. Faults are located at the fields.
func (s *Server) partsOf(ctx context.Context, where reach, body CreateVMBody) (made parts, err error) {
	made.spec = vm.Spec{CPUs: or(body.CPUs, defaultCPUs), MemoryBytes: or(body.MemoryBytes, defaultMemoryBytes)}
	if err := made.spec.Check(); err != nil {
		return made, err
	}
	if body.Image == "" {
		return made, fault.Invalid("an image is needed; name one of the list of images").At("image")
	}
	if made.image, err = s.store.GetImage(ctx, where.toward(body.Image), body.Image); err != nil {
		return made, unknown(err, "image", "image", body.Image)
	}
	if made.disk, err = diskFor(body.DiskBytes, made.image); err != nil {
		return made, err
	}
	if made.network, err = s.networkFor(ctx, where, body.Network); err != nil {
		return made, err
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return made, err
	}
	if made.asked, err = s.hostFor(hosts, body.Host, "host"); err != nil {
		return made, err
	}
	if err := poolExists(hosts, body.Pool); err != nil {
		return made, err
	}
	if err := fitsSomewhere(hosts, made.spec); err != nil {
		return made, err
	}
	made.choice, err = placement.Choose(placement.Request{
		Spec: made.spec, DiskBytes: made.disk, Pool: body.Pool, Host: made.asked,
	}, hosts, s.now())
	return made, err
}

func (s *Server) nameIsFree(ctx context.Context, in id.Project, name string) error {
	_, err := s.store.GetVM(ctx, in, name)
	switch {
	case err == nil:
		return fault.Conflict("there is a VM named %s already; choose another name", name).At("name")
	case fault.Is(err, fault.KindNotFound):
		return nil
	}
	return err
}

func diskFor(asked *int64, from image.Image) (int64, error) {
	if asked == nil {
		return max(defaultDiskBytes, from.VirtualBytes), nil
	}
	if err := vm.CheckDisk(*asked); err != nil {
		return 0, err
	}
	if *asked < from.VirtualBytes {
		return 0, fault.Invalid("image %s describes a disk of %d bytes, so the VM's disk needs at least that many; ask for more or leave disk_bytes out", from.Name, from.VirtualBytes).At("disk_bytes")
	}
	return *asked, nil
}

func (s *Server) networkFor(ctx context.Context, where reach, ref string) (network.Network, error) {
	if ref == "" {
		ref = "default"
	}
	found, err := s.store.GetNetwork(ctx, where.toward(ref), ref)
	return found, unknown(err, "network", "network", ref)
}

// hostFor finds the host that a request names by name or ID and sees that it could take a VM now.
func (s *Server) hostFor(hosts []host.Host, ref, field string) (id.Host, error) {
	if ref == "" {
		return "", nil
	}
	for _, found := range hosts {
		if found.Name != ref && string(found.ID) != ref {
			continue
		}
		switch found.StateAt(s.now()) {
		case host.Offline:
			return "", fault.Conflict("host %s does not answer; choose another one, or see why it is down", found.Name).At(field)
		case host.Cordoned:
			return "", fault.Conflict("host %s is cordoned and takes no VMs; uncordon it or choose another one", found.Name).At(field)
		}
		return found.ID, nil
	}
	return "", fault.Invalid("there is no host %q; name one of the list of hosts, or leave the choice to the placement", ref).At(field)
}

// fitsSomewhere refuses what no host could ever give, whatever state the hosts are in now.
func fitsSomewhere(hosts []host.Host, spec vm.Spec) error {
	cpus, memory := 0, int64(0)
	for _, each := range hosts {
		cpus = max(cpus, each.Facts.CPUs*host.CPUOvercommit)
		memory = max(memory, each.Facts.MemoryBytes-host.ReservedMemoryBytes)
	}
	switch {
	case len(hosts) == 0:
		return nil // the placement says what to do
	case spec.CPUs > cpus:
		return fault.Invalid("no host can give a VM %d CPUs; the largest gives %d", spec.CPUs, cpus).At("cpus")
	case spec.MemoryBytes > memory:
		return fault.Invalid("no host can give a VM %d MiB of memory; the largest gives %d MiB", spec.MemoryBytes>>20, memory>>20).At("memory_bytes")
	}
	return nil
}

func poolExists(hosts []host.Host, name string) error {
	if name == "" {
		return nil
	}
	for _, each := range hosts {
		if _, found := each.Pool(name); found {
			return nil
		}
	}
	return fault.Invalid("there is no pool %q; name one of the list of pools, or leave the choice to the placement", name).At("pool")
}

// unknown turns NotFound for something that a body names into Invalid at its field: the address asked for is there, its
// body is wrong.
func unknown(err error, field, what, ref string) error {
	if fault.Is(err, fault.KindNotFound) {
		return fault.Invalid("there is no %s %q; name one of the list of %ss", what, ref, what).At(field)
	}
	return err
}

func or[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}
