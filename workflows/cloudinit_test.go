package workflows

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"

	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// told prepares a scenario in which the guests of all VMs are told something, so that the VMs have seeds.
func told(prepare func(*world) operation.Operation) func(*world) operation.Operation {
	return func(w *world) operation.Operation {
		w.told = &cloudinit.CloudInit{UserData: "#!/bin/sh\n"}
		return prepare(w)
	}
}

// tell is told's part of an acceptance.
func (w *world) tell(machine *vm.VM, with *store.Acceptance) {
	w.t.Helper()
	if w.told == nil {
		return
	}
	text, err := json.Marshal(w.told)
	must(w.t, err)
	machine.CloudInit = id.New[id.CloudInit]()
	with.NewCloudInit = &store.SealedCloudInit{ID: machine.CloudInit, Sealed: text} // sealing is the API's
}

// seeds are those of a host, whose VMs' guests are told what the inventory says.
func (w *world) seeds() *host.Seeds {
	return host.NewSeeds(filepath.Join(w.t.TempDir(), "seeds"), func(ctx context.Context, machine id.VM) (cloudinit.Instance, error) {
		found, err := w.store.GetVM(ctx, "", string(machine))
		if err != nil {
			return cloudinit.Instance{}, err
		}
		kept, err := w.store.GetCloudInit(ctx, found.CloudInit)
		if err != nil {
			return cloudinit.Instance{}, err
		}
		told := cloudinit.Instance{VM: machine, Name: found.Name}
		return told, json.Unmarshal(kept.Sealed, &told.CloudInit)
	})
}

// checkSeeds wants the VMs of a host whose guests are told something to have a seed there, and no others.
func (w *world) checkSeeds(after string, at *node, machines []vm.VM) {
	w.t.Helper()
	wanted := map[id.VM]bool{}
	for _, each := range machines {
		if each.Host == at.id && each.CloudInit != "" {
			wanted[each.ID] = true
		}
	}
	found, err := at.acts.Seeds.List()
	must(w.t, err)
	if want := slices.Sorted(maps.Keys(wanted)); !slices.Equal(found, want) {
		w.t.Errorf("%s: host %s has the seeds %v and should have %v", after, at.name, found, want)
	}
}
