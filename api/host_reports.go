package api

import (
	"context"
	"net/http"
	"net/netip"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// hostTags is where the OpenAPI document shows what hosts themselves call.
var hostTags = []string{"Host workers"}

// maxSampleBytes leaves room for some thousand VMs in one report.
const maxSampleBytes = 8 << 20

// maxSamples is the most VMs one host may report.
const maxSamples = 10_000

// Bodies of hosts are not checked field by field: a worker that is newer than its server may say more than the server
// knows, and must not be cut off for that. What matters is checked by hand.
func (s *Server) hostReportRoutes() {
	add(s, machine, huma.Operation{
		OperationID: "put-host-facts", Method: http.MethodPut, Path: "/hosts/self/facts", Tags: hostTags,
		Summary: "Report what this host has", SkipValidateBody: true,
	}, s.putFacts)
	add(s, machine, huma.Operation{
		OperationID: "post-host-samples", Method: http.MethodPost, Path: "/hosts/self/samples", Tags: hostTags,
		Summary: "Report what is in use; also the sign that the host answers", SkipValidateBody: true, MaxBodyBytes: maxSampleBytes,
	}, s.postSamples)
	add(s, machine, huma.Operation{
		OperationID: "host-networks", Method: http.MethodGet, Path: "/hosts/self/networks", Tags: hostTags,
		Summary: "The networks this host should have, and its peers",
	}, s.hostNetworks)
	add(s, machine, huma.Operation{
		OperationID: "host-vms", Method: http.MethodGet, Path: "/hosts/self/vms", Tags: hostTags,
		Summary: "What the inventory believes is on this host",
	}, s.hostVMs)
	add(s, machine, huma.Operation{
		OperationID: "post-host-observations", Method: http.MethodPost, Path: "/hosts/self/observations", Tags: hostTags,
		Summary: "Report the machines that are on this host; differences become events", SkipValidateBody: true,
	}, s.observeHost)
}

type factsInput struct {
	Body host.Facts
}

func (s *Server) putFacts(ctx context.Context, in *factsInput) (*struct{}, error) {
	if err := checkFacts(in.Body, ""); err != nil {
		return nil, err
	}
	return nil, s.store.SetHostFacts(ctx, principalOf(ctx).Host, in.Body)
}

// checkFacts refuses what would break placement or networks. Its fields lie under prefix.
func checkFacts(facts host.Facts, prefix string) error {
	switch {
	case facts.CPUs < 1:
		return fault.Invalid("a host has at least one CPU, not %d", facts.CPUs).At(prefix + "cpus")
	case facts.MemoryBytes < 1:
		return fault.Invalid("a host has memory; %d bytes make no sense", facts.MemoryBytes).At(prefix + "memory_bytes")
	}
	if _, err := netip.ParseAddr(facts.MigrationAddress); err != nil {
		return fault.Invalid("the migration address must be an IP address at which other hosts reach this one, not %q; set NOVACRON_MIGRATION_ADDRESS", facts.MigrationAddress).At(prefix + "migration_address")
	}
	return nil
}

type samplesInput struct {
	Body store.Samples
}

func (s *Server) postSamples(ctx context.Context, in *samplesInput) (*struct{}, error) {
	if len(in.Body.VMs) > maxSamples {
		return nil, fault.Invalid("one report holds at most %d VMs; send several", maxSamples).At("vms")
	}
	return nil, s.store.RecordSamples(ctx, principalOf(ctx).Host, in.Body)
}

func (s *Server) hostNetworks(ctx context.Context, _ *struct{}) (*plain[[]fabric.Network], error) {
	networks, err := s.store.ListNetworks(ctx, "")
	if err != nil {
		return nil, err
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return nil, err
	}
	peers := make([]netip.Addr, 0, len(hosts))
	for _, each := range hosts {
		address, err := netip.ParseAddr(each.Facts.MigrationAddress)
		if err == nil && each.ID != principalOf(ctx).Host {
			peers = append(peers, address)
		}
	}
	wanted := make([]fabric.Network, 0, len(networks))
	for _, each := range networks {
		wanted = append(wanted, fabric.Network{
			Network: each.ID, VNI: each.VNI, Range: each.Range, Gateway: each.Gateway(), MTU: each.MTU, Peers: slices.Clone(peers),
		})
	}
	return &plain[[]fabric.Network]{Body: wanted}, nil
}

// HostVM is a VM as its host needs to know it.
type HostVM struct {
	VM          id.VM           `json:"vm_id"`
	Name        string          `json:"name"`
	State       vm.State        `json:"state"`
	Operation   id.Operation    `json:"operation_id,omitempty"`
	OperationOf string          `json:"operation_kind,omitempty"`
	Spec        vm.Spec         `json:"spec"`
	Interfaces  []vm.Interface  `json:"interfaces"`
	Volumes     []volume.Volume `json:"volumes"`
}

func (s *Server) hostVMs(ctx context.Context, _ *struct{}) (*plain[[]HostVM], error) {
	self := principalOf(ctx).Host
	machines, err := s.store.VMsOnHost(ctx, self)
	if err != nil {
		return nil, err
	}
	volumes, err := s.store.VolumesOnHost(ctx, self)
	if err != nil {
		return nil, err
	}
	disks := map[id.VM][]volume.Volume{}
	for _, each := range volumes {
		disks[each.VM] = append(disks[each.VM], each)
	}
	believed := make([]HostVM, 0, len(machines))
	for _, each := range machines {
		each = shown(each)
		entry := HostVM{
			VM: each.ID, Name: each.Name, State: each.State, Operation: each.Operation, OperationOf: each.OperationOf,
			Spec: each.Spec, Interfaces: each.Interfaces, Volumes: disks[each.ID],
		}
		if entry.Volumes == nil {
			entry.Volumes = []volume.Volume{}
		}
		believed = append(believed, entry)
	}
	return &plain[[]HostVM]{Body: believed}, nil
}
