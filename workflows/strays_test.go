package workflows

import (
	"encoding/json"
	"testing"

	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	storagefake "github.com/novacron/novacron/internal/storage/fake"
	"github.com/novacron/novacron/internal/store"
)

// stray puts a volume into a pool that the inventory knows nothing of.
func (w *world) stray(name string) id.Volume {
	w.t.Helper()
	made := storage.VolumeSpec{Volume: id.New[id.Volume](), SizeBytes: 2 << 20, Format: "qcow2"}
	_, err := map[string]*storagefake.Pool{"shared": w.shared, "local": w.hosts[0].local}[name].CreateVolume(w.t.Context(), made)
	must(w.t, err)
	w.strays = append(w.strays, made.Volume)
	return made.Volume
}

func (w *world) acceptStray(name string, kind operation.Kind) operation.Operation {
	w.t.Helper()
	request := operation.StrayRequest{
		Volume: w.stray(name), Pool: name, Host: w.hosts[0].id, Shared: name == "shared", Project: w.project.ID, Name: "data",
	}
	return w.accept(kind, operation.Subject{Kind: "volume", ID: string(request.Volume), Name: "data"}, request,
		store.Acceptance{Claims: []string{string(request.Volume)}})
}

func scanning(name string) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		w.createVolume("data", name)
		w.stray(name)
		found, err := w.store.GetPool(w.t.Context(), name)
		must(w.t, err)
		return w.accept(operation.ScanPool, operation.Subject{Kind: "pool", ID: string(found.ID), Name: name}, operation.ScanPoolRequest{Pool: found.ID},
			store.Acceptance{Shared: []string{string(found.ID)}})
	}
}

func straysAre(name string) func(*world, operation.Operation) {
	return func(w *world, of operation.Operation) {
		w.t.Helper()
		var survey pool.Survey
		must(w.t, json.Unmarshal(of.Result, &survey))
		if survey.Held != 2 || len(survey.Missing) != 0 || len(survey.Strays) != 1 || survey.Strays[0].Volume != w.strays[0] {
			w.t.Fatalf("the survey of %s says %+v", name, survey)
		}
		if onHost := survey.Strays[0].HostName; (onHost == "h1") != (name == "local") {
			w.t.Errorf("the stray of %s is said to be on %q", name, onHost)
		}
	}
}

func TestWhatBelongsToSomebodyIsNoStray(t *testing.T) {
	w := newWorld(t)
	owned := w.createVolume("data", "local")
	for _, kind := range []operation.Kind{operation.AdoptVolume, operation.DiscardVolume} {
		ended := w.run(w.accept(kind, operation.Subject{Kind: "volume", ID: string(owned.ID), Name: "data"},
			operation.StrayRequest{Volume: owned.ID, Pool: "local", Host: w.hosts[0].id, Project: w.project.ID, Name: "other"}, store.Acceptance{Claims: []string{string(owned.ID)}}))
		if ended.State != operation.Failed {
			t.Errorf("%s of a volume that is owned: %s", kind, ended.State)
		}
	}
	w.check("a volume that is owned")
}
