package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// addVolume records a volume that exists.
func (s *stage) addVolume(name, pool string, on id.Host) volume.Volume {
	s.t.Helper()
	made := volume.Volume{
		ID: id.New[id.Volume](), Project: s.installed.Project.ID, Name: name, Pool: pool, Host: on, SizeBytes: 1 << 30, Format: "qcow2", State: volume.Ready,
	}
	s.must(s.store.InsertVolume(s.t.Context(), made))
	return made
}

func TestCreatingVolumes(t *testing.T) {
	s := newStage(t)
	create := func(body map[string]any, want int) reply { return s.call("POST", "/volumes", body, want) }
	create(map[string]any{"name": "Data", "size_bytes": 1 << 30}, 422).at("name")
	create(map[string]any{"name": "data", "size_bytes": 0}, 422).at("size_bytes")
	create(map[string]any{"name": "data", "size_bytes": 1 << 30, "pool": "none"}, 422).at("pool")
	create(map[string]any{"name": "data", "size_bytes": 1 << 30, "host": "none"}, 422).at("host")
	create(map[string]any{"name": "data", "size_bytes": int64(8) << 40, "pool": "local", "host": "h1"}, 409).problem("pool local")
	s.call("POST", "/volumes?dry_run=true", map[string]any{"name": "data", "size_bytes": 1 << 30}, 200)
	making := create(map[string]any{"name": "data", "size_bytes": 1 << 30, "pool": "local", "host": "h1"}, 202).operation()
	if making.Kind != operation.CreateVolume || making.Subject.Name != "data" {
		t.Errorf("unexpected operation %+v", making)
	}
	var made volume.Volume
	s.call("GET", "/volumes/data", nil, 200).into(&made)
	if made.State != volume.Creating || made.HostName != "h1" || made.Pool != "local" || made.Operation != making.ID || string(made.ID) != making.Subject.ID {
		t.Errorf("unexpected volume %+v", made)
	}
	create(map[string]any{"name": "data", "size_bytes": 1 << 30}, 409).at("name")
	s.call("DELETE", "/volumes/data", nil, 409).problem(string(making.ID))
	create(map[string]any{"name": "shared-data", "size_bytes": 1 << 30}, 202)
	made = volume.Volume{}
	s.call("GET", "/volumes/shared-data", nil, 200).into(&made)
	if made.Pool != "shared" || made.Host != "" {
		t.Errorf("unexpected volume %+v", made)
	}
}

func TestTrash(t *testing.T) {
	s := newStage(t)
	s.addVM("web", "h1", vm.Running)
	kept := s.addVolume("data", "shared", "")
	s.call("DELETE", "/volumes/none", nil, 404)
	s.call("POST", "/volumes/data/restore", nil, 409).problem("not in the trash")
	s.call("DELETE", "/volumes/data?dry_run=true", nil, 200)
	var now volume.Volume
	s.call("DELETE", "/volumes/data", nil, 200).into(&now)
	if left := time.Until(now.PurgeAt); now.State != volume.Trashed || left < 6*24*time.Hour || left > 8*24*time.Hour {
		t.Errorf("unexpected volume %+v", now)
	}
	s.call("DELETE", "/volumes/data", nil, 409).problem("take it back first")
	s.call("POST", "/vms/web/disks", map[string]any{"volume": "data"}, 409).problem("in the trash")
	s.call("POST", "/volumes", map[string]any{"name": "data", "size_bytes": 1 << 30}, 409).problem("in the trash")
	var listed struct{ Items []volume.Volume }
	s.call("GET", "/volumes?state=trashed", nil, 200).into(&listed)
	if len(listed.Items) != 1 || listed.Items[0].ID != kept.ID {
		t.Errorf("in the trash: %+v", listed)
	}
	s.call("POST", "/volumes/data/restore?dry_run=true", nil, 200)
	now = volume.Volume{}
	s.call("POST", "/volumes/data/restore", nil, 200).into(&now)
	if now.State != volume.Ready || !now.PurgeAt.IsZero() {
		t.Errorf("unexpected volume %+v", now)
	}
	if purging := s.call("POST", "/volumes/data/purge", nil, 202).operation(); purging.Kind != operation.DeleteVolume || purging.Subject.ID != string(kept.ID) {
		t.Errorf("unexpected operation %+v", purging)
	}
	s.call("POST", "/volumes/data/purge", nil, 409)
	s.call("GET", "/volumes?q=web&pool=shared", nil, 200).into(&listed)
	if len(listed.Items) != 1 || listed.Items[0].VMName != "web" || listed.Items[0].Device != "vda" {
		t.Errorf("the disks of web: %+v", listed)
	}
	s.call("DELETE", "/volumes/"+string(listed.Items[0].ID), nil, 409).problem("ends with it")
}

func TestGrowingAndMovingVolumes(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	data, held := s.addVolume("data", "local", s.hosts["h1"].id), s.addVolume("held", "shared", "")
	s.must(s.store.AttachVolume(s.t.Context(), machine.ID, held.ID, "vdb"))
	grow := func(name string, bytes int64, want int) reply {
		return s.call("POST", "/volumes/"+name+"/grow", map[string]any{"size_bytes": bytes}, want)
	}
	move := func(name, pool string, want int) reply {
		return s.call("POST", "/volumes/"+name+"/move", map[string]any{"pool": pool}, want)
	}
	grow("held", 2<<30, 409).problem("vm grow-disk web --device vdb")
	grow("data", 1<<30, 422).at("size_bytes")
	grow("data", 1<<60, 422).at("size_bytes")
	grow("none", 2<<30, 404)
	move("held", "local", 409).problem("vm move-disk web --device vdb")
	move("data", "", 422).at("pool")
	move("data", "none", 422).at("pool")
	move("data", "local", 422).at("pool")
	s.call("POST", "/volumes/data/grow?dry_run=true", map[string]any{"size_bytes": 2 << 30}, 200)
	moving := move("data", "shared", 202).operation()
	var asked operation.MoveVolumeRequest
	s.must(json.Unmarshal(moving.Request, &asked))
	if moving.Kind != operation.MoveVolume || moving.Subject.ID != string(data.ID) || asked.Volume != data.ID || asked.Pool != "shared" || asked.New == "" {
		t.Errorf("unexpected operation %+v", moving)
	}
	grow("data", 2<<30, 409).problem(string(moving.ID))
	s.addVolume("more", "shared", "")
	if growing := grow("more", 2<<30, 202).operation(); growing.Kind != operation.GrowVolume {
		t.Errorf("unexpected operation %+v", growing)
	}
}

func TestAttaching(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	data := s.addVolume("data", "shared", "")
	attach := func(body map[string]any, want int) reply { return s.call("POST", "/vms/web/disks", body, want) }
	attach(map[string]any{"volume": ""}, 422).at("volume")
	attach(map[string]any{"volume": "none"}, 422).at("volume")
	attach(map[string]any{"volume": "data", "bus": "ide"}, 422)
	s.addVolume("far", "local", s.hosts["h2"].id)
	attach(map[string]any{"volume": "far"}, 409).problem("migrate the VM there first")
	s.call("POST", "/vms/web/disks?dry_run=true", map[string]any{"volume": "data"}, 200)
	attaching := attach(map[string]any{"volume": "data", "bus": "scsi"}, 202).operation()
	var asked operation.AttachRequest
	s.must(json.Unmarshal(attaching.Request, &asked))
	if attaching.Kind != operation.AttachVolume || asked != (operation.AttachRequest{VM: machine.ID, Volume: data.ID, Device: "sda"}) {
		t.Errorf("unexpected operation %+v", attaching)
	}
	attach(map[string]any{"volume": "data"}, 409).problem(string(attaching.ID))
	s.call("DELETE", "/volumes/data", nil, 409).problem(string(attaching.ID))
}

func TestDetaching(t *testing.T) {
	s := newStage(t)
	machine := s.addVM("web", "h1", vm.Running)
	data, own := s.addVolume("data", "shared", ""), s.addVolume("", "shared", "")
	s.must(s.store.AttachVolume(s.t.Context(), machine.ID, data.ID, "vdb"))
	s.must(s.store.AttachVolume(s.t.Context(), machine.ID, own.ID, "vdc"))
	detach := func(device string, body any, want int) reply {
		return s.call("POST", "/vms/web/disks/"+device+"/detach", body, want)
	}
	detach("vda", nil, 409).problem("boots from disk vda")
	detach("vdz", nil, 404).problem("it has vda, vdb, vdc")
	detach("vdb", map[string]any{"name": "other"}, 422).at("name")
	detach("vdb", map[string]any{"grace_seconds": 0}, 422).at("grace_seconds")
	detach("vdc", nil, 422).at("name")
	detach("vdc", map[string]any{"name": "data"}, 409).at("name")
	s.call("POST", "/vms/web/disks/vdc/detach?dry_run=true", map[string]any{"name": "more"}, 200)
	s.call("DELETE", "/volumes/data", nil, 409).problem("detach it first")
	var plan struct{ Notes []string }
	s.call("DELETE", "/vms/web?dry_run=true", nil, 200).into(&plan)
	if len(plan.Notes) != 1 || plan.Notes[0] != "Volume data stays, attached to no VM." {
		t.Errorf("unexpected notes %v", plan.Notes)
	}
	detaching := detach("vdb", map[string]any{"grace_seconds": 5}, 202).operation()
	var asked operation.DetachRequest
	s.must(json.Unmarshal(detaching.Request, &asked))
	if asked != (operation.DetachRequest{VM: machine.ID, Volume: data.ID, Name: "data", Grace: 5}) {
		t.Errorf("unexpected request %+v", asked)
	}
}
