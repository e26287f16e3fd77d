package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// TestPeersThatHaveAnImage has one host with a disk of its own that stands on an image, and a volume of a shared pool.
func TestPeersThatHaveAnImage(t *testing.T) {
	s := newStage(t)
	base := s.addImage("base", 1<<30)
	ask := func(as string) (peers []host.Peer) {
		s.as(s.hosts[as].token).call("GET", "/hosts/self/images/"+string(base.ID)+"/peers", nil, 200).into(&peers)
		return peers
	}
	if found := ask("h2"); len(found) != 0 {
		t.Errorf("before anybody has it there are %+v", found)
	}
	home, machine, provision := s.hosts["h1"].id, id.New[id.VM](), id.New[id.Operation]()
	disk := func(device, pool string, on id.Host) volume.Volume {
		return volume.Volume{
			ID: id.New[id.Volume](), Project: s.installed.Project.ID, VM: machine, Device: device, Pool: pool, Host: on, Image: base.ID, SizeBytes: 1 << 30,
			Format: "qcow2", State: volume.Ready,
		}
	}
	_, err := s.store.Accept(t.Context(), store.Acceptance{
		Operation: operation.Operation{
			ID: provision, Project: s.installed.Project.ID, Kind: operation.Provision, Actor: "test", Request: json.RawMessage("{}"),
			Subject: operation.Subject{Kind: "vm", ID: string(machine), Name: "web"},
		},
		Claims: []string{string(machine)},
		NewVM: &vm.VM{
			ID: machine, Project: s.installed.Project.ID, Name: "web", State: vm.Provisioning, Spec: vm.Spec{CPUs: 1, MemoryBytes: 256 << 20},
			Interfaces: []vm.Interface{{Network: s.installed.Network.ID}},
		},
		NewVolumes: []volume.Volume{disk("vda", "local", home), disk("vdb", "shared", "")},
	})
	s.must(err)
	found := ask("h2")
	if len(found) != 1 || found[0].Address != hostFacts(0).MigrationAddress+":10811" {
		t.Fatalf("the peers are %+v", found)
	}
	key := auth.HashToken(s.hosts["h1"].token)
	if !auth.CheckTicket(key, string(base.ID), found[0].Ticket, time.Now()) || auth.CheckTicket(key, string(base.ID), found[0].Ticket, time.Now().Add(2*time.Hour)) {
		t.Error("the peer would not take the ticket, or takes it for ever")
	}
	if found := ask("h1"); len(found) != 0 {
		t.Errorf("a host is its own peer: %+v", found)
	}
	s.call("GET", "/hosts/self/images/"+string(base.ID)+"/peers", nil, 403)
}
