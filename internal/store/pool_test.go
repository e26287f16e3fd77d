package store_test

import (
	"fmt"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/volume"
)

func directory(name, path string, only ...id.Host) store.SealedPool {
	return store.SealedPool{Pool: pool.Pool{
		ID: id.New[id.Pool](), Name: name, Tier: pool.Hot, Overcommit: 2, Only: only, Settings: pool.Settings{Local: &pool.LocalSettings{Directory: path}},
	}}
}

func TestPoolsSumUpWhatHostsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.addHost("h2")
	facts := hostFacts("10.77.0.13")
	facts.Pools[1].Available, facts.Pools[1].Detail = false, "not mounted"
	must(t, w.SetHostFacts(t.Context(), second, facts))
	w.addVM("web")
	pools, err := w.ListPools(t.Context())
	must(t, err)
	equal(t, "pools", fmt.Sprintf("%d %s %s", len(pools), pools[0].Name, pools[1].Name), "2 local shared")
	local, shared := pools[0], pools[1]
	equal(t, "own pools add up", local.CapacityBytes, 200*gib)
	equal(t, "volumes", fmt.Sprint(local.Volumes, local.PromisedBytes, local.Health), fmt.Sprint(1, gib, pool.Healthy))
	equal(t, "a shared one counts once", shared.CapacityBytes, 500*gib)
	equal(t, "one host does not reach it", fmt.Sprint(shared.Health, shared.Hosts[1].Detail), "degradednot mounted")
	w.exec("update hosts set last_seen_at = now() - interval '1 hour'")
	found, err := w.GetPool(t.Context(), "local")
	must(t, err)
	equal(t, "silent hosts do not reach it", fmt.Sprint(found.Health, found.Hosts[0].Detail), "unreachablethe host does not answer")
}

func TestAddAndChangePools(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	fast := directory("fast", "/mnt/fast", w.host)
	must(t, w.AddPool(ctx, fast))
	wantFault(t, w.AddPool(ctx, directory("fast", "/mnt/other")), fault.KindConflict, "named fast")
	wantFault(t, w.AddPool(ctx, directory("Bad Name", "/mnt/other")), fault.KindInvalid, "usable name")
	wantFault(t, w.AddPool(ctx, directory("inner", "/mnt/fast/inner")), fault.KindConflict, "pool fast keeps its volumes in the same place")
	must(t, w.AddPool(ctx, directory("elsewhere", "/mnt/fast", w.addHost("h2"))))

	ceph := store.SealedPool{Key: []byte("sealed"), Pool: pool.Pool{
		ID: id.New[id.Pool](), Name: "ceph", Tier: pool.Warm, Overcommit: 1,
		Settings: pool.Settings{RBD: &pool.RBDSettings{Monitors: []string{"m:1"}, Pool: "vms", User: "u"}},
	}}
	must(t, w.AddPool(ctx, ceph))
	found, err := w.GetPool(ctx, "ceph")
	must(t, err)
	equal(t, "as declared", fmt.Sprint(found.Driver, found.Shared, found.Sealed, found.Health, found.Settings.RBD.Monitors), "rbdtrue trueunknown[m:1]")

	colder, more := pool.Cold, 9.5
	moved := pool.Settings{RBD: &pool.RBDSettings{Monitors: []string{"m:2"}, Pool: "vms", User: "u"}}
	changed, err := w.SetPool(ctx, found.ID, store.PoolChange{Tier: &colder, Overcommit: &more, Settings: &moved, Only: &[]id.Host{w.host}, Key: []byte("other")}, found.Generation)
	must(t, err)
	equal(t, "as changed", fmt.Sprint(changed.Tier, changed.Overcommit, changed.Settings.RBD.Monitors, changed.Only), fmt.Sprint(pool.Cold, 9.5, []string{"m:2"}, []id.Host{w.host}))
	_, err = w.SetPool(ctx, found.ID, store.PoolChange{Tier: &colder}, found.Generation)
	wantFault(t, err, fault.KindConflict, "changed since")
	_, err = w.SetPool(ctx, found.ID, store.PoolChange{Settings: &fast.Settings}, 0)
	wantFault(t, err, fault.KindInvalid, "stays with its driver and in its place")
	_, err = w.SetPool(ctx, id.New[id.Pool](), store.PoolChange{}, 0)
	wantFault(t, err, fault.KindNotFound)
	equal(t, "events", w.count("events where type = 'pool.added'"), 4)
	equal(t, "events of changes", w.count("events where type = 'pool.changed'"), 1)

	mine, err := w.PoolsOfHost(ctx, w.host)
	must(t, err)
	var names []string
	for _, each := range mine {
		names = append(names, each.Name+string(each.Key))
	}
	equal(t, "the host's pools", fmt.Sprint(names), "[cephother fast local shared]")
}

func TestRemovePool(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	local, err := w.GetPool(ctx, "local")
	must(t, err)
	wantFault(t, w.SetPoolState(ctx, local.ID, pool.Removing), fault.KindConflict, "holds 1 volumes")
	wantFault(t, w.DeletePool(ctx, local.ID), fault.KindConflict, "holds volumes")
	wantFault(t, w.InsertVolume(ctx, volume.Volume{ID: id.New[id.Volume](), Project: w.project, Device: "vda", Pool: "none", SizeBytes: 1}), fault.KindNotFound)
	must(t, w.DeleteVM(ctx, machine.ID))
	must(t, w.RecordSamples(ctx, w.host, store.Samples{Pools: hostFacts("").Pools}))
	for range 2 {
		must(t, w.SetPoolState(ctx, local.ID, pool.Removing))
	}
	_, err = w.SetPool(ctx, local.ID, store.PoolChange{}, 0)
	wantFault(t, err, fault.KindConflict, "is being removed")
	found, err := w.GetHost(ctx, "h1")
	must(t, err)
	equal(t, "pools to place volumes in", fmt.Sprint(len(found.Facts.Pools), found.Facts.Pools[0].Name), "1shared")
	for range 2 {
		must(t, w.DeletePool(ctx, local.ID))
	}
	equal(t, "its history", w.count("pool_hours where pool = 'local'"), 0)
	_, err = w.GetPool(ctx, "local")
	wantFault(t, err, fault.KindNotFound, "no pool local")
	_, err = w.EnsureInstallation(ctx, store.Installation{})
	must(t, err)
	_, err = w.GetPool(ctx, "local")
	wantFault(t, err, fault.KindNotFound)
}

func TestAHostKeepsThePoolsThatItUses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	must(t, w.SetVolume(ctx, machine.Volumes[0], store.VolumeChange{Host: &w.host}))
	w.addVolume(volume.Volume{VM: machine.ID, Device: "vdb", Pool: "shared"})
	second := w.addHost("h2")
	for _, name := range []string{"local", "shared"} {
		found, err := w.GetPool(ctx, name)
		must(t, err)
		_, err = w.SetPool(ctx, found.ID, store.PoolChange{Only: &[]id.Host{second}}, 0)
		wantFault(t, err, fault.KindConflict, "host h1 has volumes in pool "+name)
		_, err = w.SetPool(ctx, found.ID, store.PoolChange{Only: &[]id.Host{w.host}}, 0)
		must(t, err)
	}
}

func TestHostsCarryTheTermsOfTheirPools(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	must(t, w.SetVolume(ctx, machine.Volumes[0], store.VolumeChange{Host: &w.host}))
	w.addVolume(volume.Volume{VM: machine.ID, Device: "vdb", Pool: "shared"})
	facts := hostFacts("10.77.0.11")
	facts.Pools = append(facts.Pools, host.PoolFact{Name: "undeclared", Available: true})
	must(t, w.SetHostFacts(ctx, w.host, facts))
	w.addHost("h2")
	hosts, err := w.ListHosts(ctx)
	must(t, err)
	seen := func(h host.Host) string {
		text := ""
		for _, each := range h.Facts.Pools {
			text += fmt.Sprintf("%s %d %g ", each.Name, each.PromisedBytes/gib, each.Overcommit)
		}
		return text
	}
	equal(t, "h1", seen(hosts[0]), "local 1 3 shared 1 3 ")
	equal(t, "h2", seen(hosts[1]), "local 0 3 shared 1 3 ")
}
