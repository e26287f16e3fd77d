package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/network"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/placement"
	"github.com/novacron/novacron/internal/pool"
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
	Image       string `json:"image,omitempty" doc:"Name or ID of the image its disk is made from, if not from a template"`
	Template    string `json:"template,omitempty" example:"web:3" doc:"Name or ID of a template, whose current version is taken, or of a version of it"`
	CPUs        *int   `json:"cpus,omitempty" doc:"Virtual CPUs; if left out what the template says, else 1"`
	MemoryBytes *int64 `json:"memory_bytes,omitempty" doc:"If left out what the template says, else 128 MiB"`
	DiskBytes   *int64 `json:"disk_bytes,omitempty" doc:"If left out what the template says, else 1 GiB, or the image's own size if that is more"`
	Pool        string `json:"pool,omitempty" doc:"Where to make the disk; the placement decides if left out"`
	Network     string `json:"network,omitempty" doc:"Name or ID; if left out what the template says, else \"default\""`
	Host        string `json:"host,omitempty" doc:"Name or ID; the placement decides if left out"`

	CloudInit *cloudinit.CloudInit `json:"cloud_init,omitempty" doc:"What its guest is told at its first start; kept sealed"`
}

func (s *Server) vmChangeRoutes() {
	add(s, user, s.starts(huma.Operation{
		OperationID: "create-vm", Method: http.MethodPost, Path: "/vms", Tags: []string{"VMs"}, Summary: "Make a VM from an image or a template and start it",
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
	source
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
	told, err := s.sealCloudInit(body.CloudInit, "cloud_init")
	if err != nil {
		return intent{}, err
	}
	machine, disk := id.New[id.VM](), id.New[id.Volume]()
	request := operation.ProvisionRequest{
		VM: machine, Volume: disk, Name: body.Name, Image: made.image.ID, Template: made.origin.Label, Spec: made.spec, DiskBytes: made.disk,
		Pool: body.Pool, Network: made.network.ID, Host: made.asked,
	}
	wanted := intent{
		kind: operation.Provision, subject: operation.Subject{Kind: "vm", ID: string(machine), Name: body.Name},
		request: request, host: made.choice.Host, notes: append(made.notes, made.choice.Reasons...),
		Acceptance: store.Acceptance{
			Operation: operation.Operation{Project: where.project.ID},
			Claims:    []string{string(machine)},
			NewVM: &vm.VM{
				ID: machine, Project: where.project.ID, Name: body.Name, Description: body.Description, State: vm.Provisioning,
				Image: made.image.ID, Template: made.origin, Spec: made.spec, Interfaces: []vm.Interface{{Network: made.network.ID}},
			},
			NewVolumes: []volume.Volume{{
				ID: disk, Project: where.project.ID, VM: machine, Device: firstDevice, Pool: made.choice.Pool,
				SizeBytes: made.disk, Image: made.image.ID, State: volume.Creating, // its pool gives it its format
			}},
		},
	}
	wanted.tell(told)
	return wanted, nil
}

const firstDevice = "vda"

// partsOf finds everything that the body names and checks that some host can take it. Faults are located at the fields.
func (s *Server) partsOf(ctx context.Context, where reach, body CreateVMBody) (made parts, err error) {
	if made.source, err = s.sourceOf(ctx, where, body); err != nil {
		return made, err
	}
	made.spec = vm.Spec{
		CPUs:        or(body.CPUs, cmp.Or(made.defaults.CPUs, defaultCPUs)),
		MemoryBytes: or(body.MemoryBytes, cmp.Or(made.defaults.MemoryBytes, defaultMemoryBytes)),
	}
	if err := made.spec.Check(); err != nil {
		return made, err
	}
	if made.disk, err = diskFor(body.DiskBytes, cmp.Or(made.defaults.DiskBytes, defaultDiskBytes), made.image); err != nil {
		return made, err
	}
	if made.network, err = s.networkFor(ctx, where, cmp.Or(body.Network, string(made.defaults.Network))); err != nil {
		return made, err
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return made, err
	}
	if made.asked, err = s.hostFor(hosts, body.Host, "host"); err != nil {
		return made, err
	}
	if err := s.poolExists(ctx, body.Pool); err != nil {
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

func diskFor(asked *int64, otherwise int64, from image.Image) (int64, error) {
	if asked == nil {
		return max(otherwise, from.VirtualBytes), nil
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

func (s *Server) poolExists(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	found, err := s.store.GetPool(ctx, name)
	switch {
	case err != nil:
		return unknown(err, "pool", "pool", name)
	case found.Name != name:
		return fault.Invalid("a VM's pool is given by its name, which is %q", found.Name).At("pool")
	case found.State == pool.Removing:
		return fault.Conflict("pool %s is being removed; take another one", name).At("pool")
	}
	return nil
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
