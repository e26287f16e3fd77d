package placement

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

const gib = int64(1) << 30

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// machine is a host of 16 GiB and 4 CPUs with a local and a shared pool, changed as a test likes.
func machine(name string, change ...func(*host.Host)) host.Host {
	h := host.Host{ID: id.Host("hst_" + name), Name: name, LastSeenAt: now, Facts: host.Facts{CPUs: 4, MemoryBytes: 16 * gib, Architecture: "x86_64", Acceleration: "kvm",
		Pools: []host.PoolFact{
			{Name: "local", Driver: "local", CapacityBytes: 100 * gib, UsedBytes: 10 * gib, Available: true, Overcommit: 3},
			{Name: "shared", Driver: "local", Shared: true, CapacityBytes: 1000 * gib, UsedBytes: 10 * gib, Available: true, Overcommit: 3}}}}
	for _, apply := range change {
		apply(&h)
	}
	return h
}

func promised(cpus int, memory int64) func(*host.Host) {
	return func(h *host.Host) { h.Promised = host.Resources{CPUs: cpus, MemoryBytes: memory} }
}

func without(pool string) func(*host.Host) {
	return func(h *host.Host) {
		h.Facts.Pools = slices.DeleteFunc(slices.Clone(h.Facts.Pools), func(p host.PoolFact) bool { return p.Name == pool })
	}
}

func inPool(name string, change func(*host.PoolFact)) func(*host.Host) {
	return func(h *host.Host) {
		for i := range h.Facts.Pools {
			if h.Facts.Pools[i].Name == name {
				change(&h.Facts.Pools[i])
			}
		}
	}
}

func cordoned(h *host.Host) { h.Cordoned = true }
func offline(h *host.Host)  { h.LastSeenAt = now.Add(-time.Minute) }

var small = Request{Spec: vm.Spec{CPUs: 1, MemoryBytes: gib}, DiskBytes: gib}

func asking(change func(*Request)) Request {
	request := small
	change(&request)
	return request
}

func TestChoose(t *testing.T) {
	disk := volume.Volume{Device: "vda", Pool: "local", Host: "hst_h1", SizeBytes: 20 * gib}
	sharedDisk := volume.Volume{Device: "vda", Pool: "shared", SizeBytes: 20 * gib}
	for _, c := range []struct {
		name    string
		request Request
		hosts   []host.Host
		want    string
		pool    string
	}{
		{"the emptiest", small, []host.Host{machine("h1", promised(4, 8*gib)), machine("h2"), machine("h3", promised(1, gib))}, "h2", "shared"},
		{"equal hosts by VMs", small, []host.Host{machine("h1", func(h *host.Host) { h.VMs = 2 }), machine("h2")}, "h2", "shared"},
		{"equal hosts by name", small, []host.Host{machine("h2"), machine("h1")}, "h1", "shared"},
		{"the idle one", small, []host.Host{machine("h1", func(h *host.Host) { h.Use.CPUFraction = 0.9 }), machine("h2")}, "h2", "shared"},
		{"a reading that is no number", small, []host.Host{machine("h1", func(h *host.Host) { h.Use.CPUFraction = math.NaN() }), machine("h2")}, "h2", "shared"},
		{"balance wins over size", asking(func(r *Request) { r.Spec.CPUs = 20 }), []host.Host{machine("h1", promised(12, 0)), machine("h2", promised(8, 2*gib))}, "h2", "shared"},
		{"the host asked for", asking(func(r *Request) { r.Host = "hst_h1" }), []host.Host{machine("h1", promised(4, 8*gib)), machine("h2")}, "h1", "shared"},
		{"local if one sees no shared pool", small, []host.Host{machine("h1"), machine("h2", without("shared"))}, "h1", "local"},
		{"shared if the one without is offline", small, []host.Host{machine("h1"), machine("h2", without("shared"), offline)}, "h1", "shared"},
		{"shared under another name", small, []host.Host{machine("h1", inPool("shared", func(p *host.PoolFact) { p.Name = "ceph" }))}, "h1", "ceph"},
		{"the pool asked for", asking(func(r *Request) { r.Pool = "local" }), []host.Host{machine("h1")}, "h1", "local"},
		{"no cordoned, no offline", small, []host.Host{machine("h1", cordoned), machine("h2", offline), machine("h3", promised(8, 8*gib))}, "h3", "shared"},
		{"not where it is", asking(func(r *Request) { r.From, r.DiskBytes, r.Volumes = "hst_h1", 0, []volume.Volume{sharedDisk} }), []host.Host{machine("h1"), machine("h2", promised(8, 8*gib))}, "h2", "shared"},
		{"not those left out", asking(func(r *Request) { r.Exclude = []id.Host{"hst_h1"} }), []host.Host{machine("h1"), machine("h2", promised(8, 8*gib))}, "h2", "shared"},
		{"a disk is copied to a pool of the same name", asking(func(r *Request) { r.From, r.DiskBytes, r.Volumes = "hst_h1", 0, []volume.Volume{sharedDisk, disk} }), []host.Host{machine("h1"), machine("h2")}, "h2", "local"},
		{"a thin disk larger than what is free", asking(func(r *Request) { r.Pool, r.DiskBytes = "local", 200*gib }), []host.Host{machine("h1")}, "h1", "local"},
		{"another architecture is fine while it is off", asking(func(r *Request) { r.From, r.DiskBytes = "hst_h1", 0 }), []host.Host{machine("h1"), machine("h2", func(h *host.Host) { h.Facts.Acceleration = "tcg" })}, "h2", "shared"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Choose(c.request, c.hosts, now)
			if err != nil {
				t.Fatal(err)
			}
			if got.HostName != c.want || got.Host != id.Host("hst_"+c.want) || got.Pool != c.pool {
				t.Errorf("got %s in pool %s, want %s in pool %s", got.HostName, got.Pool, c.want, c.pool)
			}
			if len(got.Reasons) < 2 {
				t.Errorf("reasons: %q", got.Reasons)
			}
		})
	}
}

func TestFitsPool(t *testing.T) {
	h := machine("h1")
	if fact, err := FitsPool(h, "local", 200*gib); err != nil || fact.Name != "local" {
		t.Errorf("a disk that fits: %v", err)
	}
	if _, err := FitsPool(h, "local", 400*gib); !fault.Is(err, fault.KindExhausted) {
		t.Errorf("a disk that does not: %v", err)
	}
	if _, err := FitsPool(h, "none", gib); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("a pool that is not there: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	local := volume.Volume{Device: "vda", Pool: "local", Host: "hst_h1", SizeBytes: 20 * gib}
	shared := volume.Volume{Device: "vda", Pool: "shared", SizeBytes: 20 * gib}
	moving := func(live bool, disks ...volume.Volume) Request {
		return asking(func(r *Request) { r.From, r.Live, r.DiskBytes, r.Volumes = "hst_h1", live, 0, disks })
	}
	for _, c := range []struct {
		name    string
		request Request
		hosts   []host.Host
		kind    fault.Kind
		field   string
		says    string
	}{
		{"no hosts", small, nil, fault.KindExhausted, "", "no host yet"},
		{"a host that is not there", asking(func(r *Request) { r.Host = "hst_x" }), []host.Host{machine("h1")}, fault.KindInvalid, "host", "there is no host hst_x"},
		{"memory of the host asked for", asking(func(r *Request) { r.Host = "hst_h1" }), []host.Host{machine("h1", promised(0, 15*gib))}, fault.KindExhausted, "host", "host h1 has 512 MiB of memory left, and 1 GiB are needed"},
		{"the host asked for is cordoned", asking(func(r *Request) { r.Host = "hst_h1" }), []host.Host{machine("h1", cordoned)}, fault.KindInvalid, "host", "is cordoned"},
		{"the host asked for is silent", asking(func(r *Request) { r.Host = "hst_h1" }), []host.Host{machine("h1", offline)}, fault.KindInvalid, "host", "has not answered for 1m0s"},
		{"the host it is on", asking(func(r *Request) { r.Host, r.From = "hst_h1", "hst_h1" }), []host.Host{machine("h1")}, fault.KindInvalid, "host", "has the VM already"},
		{"left out", asking(func(r *Request) { r.Exclude = []id.Host{"hst_h1"} }), []host.Host{machine("h1")}, fault.KindExhausted, "", "left out"},
		{"memory everywhere", small, []host.Host{machine("h1", promised(0, 15*gib)), machine("h2", promised(0, 16*gib))}, fault.KindExhausted, "", "h1 has 512 MiB of memory left, and 1 GiB are needed; h2 has 0 MiB"},
		{"CPUs everywhere", small, []host.Host{machine("h1", promised(32, 0))}, fault.KindExhausted, "", "h1 has 0 virtual CPUs left, and 1 are needed"},
		{"larger than any host", asking(func(r *Request) { r.Spec.MemoryBytes = 64 * gib }), []host.Host{machine("h1"), machine("h2")}, fault.KindInvalid, "memory_bytes", "15.5 GiB of memory in all"},
		{"more CPUs than any host", asking(func(r *Request) { r.Spec.CPUs = 64 }), []host.Host{machine("h1")}, fault.KindInvalid, "memory_bytes", "32 CPUs in all"},
		{"an unknown pool", asking(func(r *Request) { r.Pool = "fast" }), []host.Host{machine("h1"), machine("h2")}, fault.KindInvalid, "pool", "h1 has no pool fast; h2 has no pool fast"},
		{"a full pool", asking(func(r *Request) { r.Pool = "local" }), []host.Host{machine("h1", inPool("local", func(p *host.PoolFact) { p.UsedBytes = 96 * gib }))}, fault.KindExhausted, "", "full pool local: 96 GiB of 100 GiB"},
		{"too large for the pool", asking(func(r *Request) { r.Pool, r.DiskBytes = "local", 301*gib }), []host.Host{machine("h1")}, fault.KindExhausted, "", "may promise 300 GiB in pool local (3 times its capacity), too little for a disk of 301 GiB beside the 0 MiB"},
		{"a pool that is away", asking(func(r *Request) { r.Pool = "local" }), []host.Host{machine("h1", inPool("local", func(p *host.PoolFact) { p.Available, p.Detail = false, "not mounted" }))}, fault.KindExhausted, "", "cannot use pool local now (not mounted)"},
		{"its shared pool is not seen there", moving(true, shared), []host.Host{machine("h1"), machine("h2", without("shared"))}, fault.KindExhausted, "", "h2 does not see the shared pool shared, which holds disk vda"},
		{"its shared pool is away there", moving(true, shared), []host.Host{machine("h1"), machine("h2", inPool("shared", func(p *host.PoolFact) { p.Available = false }))}, fault.KindExhausted, "", "h2 cannot reach pool shared now"},
		{"its disk may not be copied", asking(func(r *Request) { r.From, r.NeedShared, r.Volumes = "hst_h1", true, []volume.Volume{local} }), []host.Host{machine("h1"), machine("h2")}, fault.KindExhausted, "", "h2 does not see disk vda"},
		{"another architecture", moving(true, shared), []host.Host{machine("h1"), machine("h2", func(h *host.Host) { h.Facts.Architecture = "aarch64" })}, fault.KindExhausted, "", "h2 has the architecture aarch64, and h1 has x86_64"},
		{"another acceleration", moving(true, shared), []host.Host{machine("h1"), machine("h2", func(h *host.Host) { h.Facts.Acceleration = "tcg" })}, fault.KindExhausted, "", "h2 runs VMs by tcg, and h1 by kvm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Choose(c.request, c.hosts, now)
			if err == nil || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v (%s), want %s with %q", err, fault.KindOf(err), c.kind, c.says)
			}
			if field := err.(*fault.Error).Field; field != c.field {
				t.Errorf("at field %q, want %q", field, c.field)
			}
		})
	}
}

func TestManyRefusalsAreShortened(t *testing.T) {
	var hosts []host.Host
	for i := range 100 {
		hosts = append(hosts, machine(fmt.Sprintf("h%03d", i), cordoned))
	}
	hosts[99] = machine("h099", promised(0, 16*gib))
	_, err := Choose(small, hosts, now)
	if err == nil || !strings.Contains(err.Error(), "and 95 more") || len(err.Error()) > 600 {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(err.Error(), ": h099 has 0 MiB of memory left") {
		t.Errorf("lack of room comes first: %v", err)
	}
}

func TestChoiceFitsAndDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var hosts []host.Host
		for i := range rapid.IntRange(0, 12).Draw(t, "hosts") {
			h := machine(fmt.Sprintf("h%d", i), promised(rapid.IntRange(0, 40).Draw(t, "cpus"), rapid.Int64Range(0, 17*gib).Draw(t, "memory")))
			h.Cordoned, h.Use.CPUFraction = rapid.Bool().Draw(t, "cordoned"), rapid.Float64Range(-1, 2).Draw(t, "use")
			hosts = append(hosts, h)
		}
		request := asking(func(r *Request) { r.Spec.MemoryBytes = rapid.Int64Range(1, 16).Draw(t, "wanted") * gib })
		choice, err := Choose(request, hosts, now)
		shuffled := slices.Clone(hosts)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		again, errAgain := Choose(request, shuffled, now)
		if choice.Host != again.Host || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%s or %s, %v or %v", choice.Host, again.Host, err, errAgain)
		}
		for _, h := range hosts {
			fits := !h.Cordoned && h.Free().MemoryBytes >= request.Spec.MemoryBytes && h.Free().CPUs >= 1
			if h.ID == choice.Host && !fits {
				t.Fatalf("%s does not fit", h.Name)
			}
			if err != nil && fits {
				t.Fatalf("refused although %s fits: %v", h.Name, err)
			}
		}
	})
}

func TestFiveThousandHostsAreQuick(t *testing.T) {
	result := testing.Benchmark(BenchmarkFiveThousandHosts)
	if each := time.Duration(result.NsPerOp()); each > 100*time.Millisecond {
		t.Errorf("a choice among 5,000 hosts takes %s", each)
	}
}

func BenchmarkFiveThousandHosts(b *testing.B) {
	hosts := make([]host.Host, 5000)
	for i := range hosts {
		hosts[i] = machine(fmt.Sprintf("h%04d", (i*7919)%5000), promised(i%30, int64(i%15)*gib))
		hosts[i].Cordoned = i%10 == 0
	}
	for b.Loop() {
		if _, err := Choose(small, hosts, now); err != nil {
			b.Fatal(err)
		}
	}
}

func TestBridge(t *testing.T) {
	of := volume.Volume{ID: "vol_1", Name: "data", Pool: "local", Host: "hst_b"}
	both := []host.Host{machine("a"), machine("b")}
	for _, c := range []struct {
		name  string
		of    volume.Volume
		hosts []host.Host
		pool  string
		bytes int64
		want  string // the host, or part of the error
		kind  fault.Kind
	}{
		{"the host that has it", of, both, "shared", 1, "b", ""},
		{"a shared pool", volume.Volume{Name: "data", Pool: "shared"}, both, "local", 1, "a", ""},
		{"its host is away", of, []host.Host{machine("a"), machine("b", offline)}, "shared", 1, "no host reaches pool local", fault.KindUnavailable},
		{"its host lacks the other pool", of, []host.Host{machine("a"), machine("b", without("shared"))}, "shared", 1, "host b", fault.KindInvalid},
		{"the other pool has no room", of, both, "shared", 1 << 60, "host b", fault.KindExhausted},
		{"another host reaches both", volume.Volume{Name: "data", Pool: "shared"}, []host.Host{machine("a", without("local")), machine("b")}, "local", 1, "b", ""},
	} {
		on, err := Bridge(c.hosts, c.of, c.pool, c.bytes, now)
		if c.kind == "" && (err != nil || on.Name != c.want) || c.kind != "" && (!fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %s, %v", c.name, on.Name, err)
		}
	}
}
