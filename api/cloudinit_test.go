package api_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

const (
	secret    = "correct-horse-battery-staple"
	publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGUPkJgmCKbH7PiFnFQ0yyAhGv6VK1oCUQYdKXjDcBLr ada@home"
)

// TestCloudInitIsTheUsersSecret follows a secret in user data: to whom it belongs it is shown, and it is nowhere else.
func TestCloudInitIsTheUsersSecret(t *testing.T) {
	s := newStage(t)
	want := cloudinit.CloudInit{UserData: "#cloud-config\npassword: " + secret + "\n", SSHKeys: []string{publicKey}}
	body := map[string]any{"name": "web", "image": "tiny", "cloud_init": want}
	planned := s.call("POST", "/vms?dry_run=true", body, 200)
	accepted := s.as(s.token).with("Idempotency-Key", "k").call("POST", "/vms", body, 202)
	s.as(s.token).with("Idempotency-Key", "k").call("POST", "/vms", body, 202)
	var made vm.VM
	shown := s.call("GET", "/vms/web", nil, 200)
	shown.into(&made)
	if made.CloudInit == "" {
		t.Fatalf("the VM is told nothing: %+v", made)
	}
	var told cloudinit.CloudInit
	s.call("GET", "/vms/web/cloud-init", nil, 200).into(&told)
	if told.UserData != want.UserData || len(told.SSHKeys) != 1 || told.SSHKeys[0] != publicKey {
		t.Errorf("told %+v", told)
	}
	sealed, err := s.store.GetCloudInit(t.Context(), made.CloudInit)
	s.must(err)
	events := s.call("GET", "/events?after=0&limit=500", nil, 200)
	operations := s.call("GET", "/operations?limit=500", nil, 200)
	for place, content := range map[string][]byte{
		"plan": planned.body, "answer": accepted.body, "VM": shown.body, "events": events.body, "operations": operations.body,
		"inventory": sealed.Sealed, "log": []byte(s.log.String()),
	} {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("the secret is in the %s: %s", place, content)
		}
	}

	s.addVM("plain", "h1", vm.Running)
	s.call("GET", "/vms/plain/cloud-init", nil, 404).problem("was made without cloud-init data")
	s.call("GET", "/vms/none/cloud-init", nil, 404)
}

// TestHostsAreToldOfTheirOwn proves that a host reads what a guest is told only where it has to make a seed of it.
func TestHostsAreToldOfTheirOwn(t *testing.T) {
	s := newStage(t)
	s.call("POST", "/vms", map[string]any{"name": "web", "image": "tiny", "cloud_init": map[string]any{"user_data": "#!/bin/sh\n"}}, 202)
	var made vm.VM
	s.call("GET", "/vms/web", nil, 200).into(&made)
	h1, h2 := s.as(s.hosts["h1"].token), s.as(s.hosts["h2"].token)
	path := "/hosts/self/vms/" + string(made.ID) + "/cloud-init"
	h1.call("GET", path, nil, 404).problem("is not on this host")
	on := s.hosts["h1"].id
	s.must(s.store.SetVMState(t.Context(), made.ID, store.SetState{State: vm.Running, Host: &on}))
	var told cloudinit.Instance
	h1.call("GET", path, nil, 200).into(&told)
	if told.VM != made.ID || told.Name != "web" || told.CloudInit.UserData != "#!/bin/sh\n" {
		t.Errorf("told %+v", told)
	}
	s.must(s.store.EndOperation(t.Context(), made.Operation, store.Ending{State: operation.Succeeded}))
	h2.call("GET", path, nil, 404)
	s.call("POST", "/vms/web/migrate", map[string]any{"to": "h2"}, 202)
	h2.call("GET", path, nil, 200)
	h1.call("GET", "/hosts/self/vms/"+string(id.New[id.VM]())+"/cloud-init", nil, 404)
}

func TestBadInputForCloudInit(t *testing.T) {
	s := newStage(t)
	told := func(field string, value any) map[string]any {
		return map[string]any{"name": "new", "image": "tiny", "cloud_init": map[string]any{field: value}}
	}
	s.refuses(t, []refusal{
		{"text", "POST", "/vms", told("user_data", "hello"), 422, "cloud_init.user_data", "line 1 of the user data must be #cloud-config"},
		{"broken YAML", "POST", "/vms", told("user_data", "#cloud-config\na: [\n"), 422, "cloud_init.user_data", "this is no YAML"},
		{"too much", "POST", "/vms", told("user_data", "#!"+strings.Repeat("x", cloudinit.MaxUserData)), 422, "cloud_init.user_data", "at most 65536"},
		{"a third version", "POST", "/vms", told("network_config", "version: 3\n"), 422, "cloud_init.network_config", "no version \"3\""},
		{"no key", "POST", "/vms", told("ssh_keys", []string{publicKey, "x"}), 422, "cloud_init.ssh_keys[1]", "no public SSH key"},
		{"an unknown field", "POST", "/vms", told("vendor_data", "x"), 422, "cloud_init.vendor_data", "vendor_data"},
		{"a list of user data", "POST", "/vms", told("user_data", []string{"x"}), 422, "cloud_init.user_data", "user_data"},
	})
}

// TestSeedsThatAreLeft tells of a seed on a host whose VM is not there, once, and of no other.
func TestSeedsThatAreLeft(t *testing.T) {
	s := newStage(t)
	s.call("POST", "/vms", map[string]any{"name": "told", "image": "tiny", "cloud_init": map[string]any{}}, 202)
	var right vm.VM
	s.call("GET", "/vms/told", nil, 200).into(&right)
	on := s.hosts["h1"].id
	s.must(s.store.SetVMState(t.Context(), right.ID, store.SetState{State: vm.Stopped, Host: &on}))
	s.must(s.store.EndOperation(t.Context(), right.Operation, store.Ending{State: operation.Succeeded}))
	plain, moving := s.addVM("plain", "h1", vm.Stopped), s.addVM("moving", "h2", vm.Running)
	s.busy(moving, operation.Migrate)
	last, err := s.store.LastSequence(t.Context())
	s.must(err)
	report := api.ObservationsBody{
		Machines: []api.ObservedMachine{{VM: right.ID, Name: "told", State: vm.Stopped}, {VM: plain.ID, Name: "plain", State: vm.Stopped}},
		Seeds:    []id.VM{right.ID, plain.ID, moving.ID, id.New[id.VM]()},
	}
	for range 2 {
		s.as(s.hosts["h1"].token).call("POST", "/hosts/self/observations", report, 200)
	}
	events, err := s.store.EventsAfter(t.Context(), "", last, 100)
	s.must(err)
	var strays []string
	for _, each := range events {
		if each.Type == "host.stray_seed" {
			strays = append(strays, string(each.Data))
		}
	}
	if len(strays) != 2 || !strings.Contains(strays[0], string(plain.ID)) || !strings.Contains(strays[1], string(report.Seeds[3])) {
		t.Errorf("told of %v", strays)
	}
}
