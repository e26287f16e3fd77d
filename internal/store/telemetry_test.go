package store_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/store"
)

func TestRecordSamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.exec("update hosts set last_seen_at = now() - interval '1 hour'")
	pools := []host.PoolFact{{Name: "local", CapacityBytes: 100 * gib, UsedBytes: 20 * gib, Available: true}, {Name: "shared", Shared: true}}
	now := time.Now().UTC()
	// There is no partition yet; they are made when they are missed.
	must(t, w.RecordSamples(ctx, w.host, store.Samples{
		Host:  host.Use{At: now, CPUFraction: 0.5, MemoryUsedBytes: 3 * gib, DiskUsedBytes: 5},
		Pools: pools, VMs: []hypervisor.Sample{{VM: "vm_1", At: now, CPUs: 1}, {VM: "vm_2", At: now, CPUs: 1}},
	}))
	found, err := w.GetHost(ctx, "h1")
	must(t, err)
	equal(t, "state", found.State, host.Ready)
	equal(t, "use", found.Use.CPUFraction, 0.5)
	for i := range pools {
		pools[i].Overcommit = 3
	}
	equal(t, "pools", fmt.Sprint(found.Facts.Pools), fmt.Sprint(pools))
	equal(t, "CPUs are still known", found.Facts.CPUs, 4)
	equal(t, "samples", w.count("vm_samples"), 2)

	must(t, w.RecordSamples(ctx, w.host, store.Samples{Host: host.Use{At: now.AddDate(-20, 0, 0)}}))
	must(t, w.RecordSamples(ctx, w.host, store.Samples{Host: host.Use{At: now.AddDate(20, 0, 0)}}))
	equal(t, "readings of a wrong clock are taken as made now", w.count("host_samples where at > now() - interval '1 minute'"), 3)
	found, err = w.GetHost(ctx, "h1")
	must(t, err)
	equal(t, "pools when none were reported", len(found.Facts.Pools), 2)
}

func TestVMMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	begin := time.Now().UTC().Truncate(time.Minute).Add(-20 * time.Minute)
	// Two CPUs, half of one in use; the counters begin again at the fourth reading, and there is a long gap at the end.
	counters := []struct{ seconds, cpu, disk int64 }{{0, 100, 1000}, {10, 105, 2000}, {20, 110, 3000}, {30, 2, 500}, {40, 7, 1500}, {700, 8, 1600}}
	var samples []hypervisor.Sample
	for _, each := range counters {
		samples = append(samples, hypervisor.Sample{
			VM: "vm_1", At: begin.Add(time.Duration(each.seconds) * time.Second), CPUNanoseconds: each.cpu * 1e9, CPUs: 2, MemoryBytes: gib,
			MemoryUsedBytes: 100 + each.seconds, DiskReadBytes: each.disk, DiskWriteBytes: 2 * each.disk, DiskReads: each.disk / 100,
			DiskWrites: each.disk / 50, NetReceiveBytes: 3 * each.disk, NetSendBytes: 4 * each.disk, DiskUsedBytes: 7,
		})
	}
	must(t, w.RecordSamples(ctx, w.host, store.Samples{VMs: samples}))
	points, err := w.VMMetrics(ctx, "vm_1", begin.Add(time.Second), 20*time.Second)
	must(t, err)
	equal(t, "points", len(points), 3)
	first := points[0] // of the second reading
	equal(t, "from", first.At, begin)
	near(t, "CPU", first.CPUFraction, 0.25)
	near(t, "reads", first.DiskReadBytesPerSecond, 100)
	near(t, "writes", first.DiskWriteBytesPerSecond, 200)
	near(t, "reads a second", first.DiskReadsPerSecond, 1)
	near(t, "writes a second", first.DiskWritesPerSecond, 2)
	near(t, "received", first.NetReceiveBytesPerSecond, 300)
	near(t, "sent", first.NetSendBytesPerSecond, 400)
	equal(t, "memory", fmt.Sprint(first.MemoryBytes, first.MemoryUsedBytes, first.DiskUsedBytes), fmt.Sprint(gib, 110, 7))
	second := points[1] // of the third and the fourth, which began again
	near(t, "CPU over a restart", second.CPUFraction, (5.0+2)/20/2)
	near(t, "reads over a restart", second.DiskReadBytesPerSecond, (1000.0+500)/20)

	points, err = w.VMMetrics(ctx, "vm_1", begin.Add(5*time.Minute), time.Minute)
	must(t, err)
	equal(t, "points over the gap", len(points), 0)
	_, err = w.VMMetrics(ctx, "vm_1", begin, time.Millisecond)
	wantFault(t, err, fault.KindInvalid)
	wantField(t, err, "step")
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestHostMetricsAndCapacity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	machine := w.addVM("web")
	must(t, w.SetVolume(ctx, machine.Volumes[0], store.VolumeChange{Host: &w.host}))
	hour := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	for minute, fraction := range []float64{0.1, 0.2, 0.6} {
		must(t, w.RecordSamples(ctx, w.host, store.Samples{
			Host: host.Use{At: hour.Add(time.Duration(minute) * time.Minute), CPUFraction: fraction, MemoryUsedBytes: int64(minute), DiskUsedBytes: 10},
			Pools: []host.PoolFact{
				{Name: "local", CapacityBytes: 100, UsedBytes: int64(10 + minute), Available: true},
				{Name: "shared", Shared: true, CapacityBytes: 500, UsedBytes: 50, Available: true},
			},
		}))
	}
	must(t, w.RecordSamples(ctx, w.host, store.Samples{Host: host.Use{At: hour.Add(time.Hour)}}))

	points, err := w.HostMetrics(ctx, w.host, hour, 2*time.Minute)
	must(t, err)
	equal(t, "points", len(points), 3)
	near(t, "CPU", points[0].CPUFraction, 0.15)
	near(t, "CPU", points[1].CPUFraction, 0.6)
	_, err = w.HostMetrics(ctx, w.host, hour, 0)
	wantFault(t, err, fault.KindInvalid)

	history, err := w.CapacitySamples(ctx, hour)
	must(t, err)
	equal(t, "hosts and their hours", fmt.Sprint(len(history.Hosts), len(history.Hosts[0].Points)), "1 2")
	equal(t, "host", history.Hosts[0].Name, "h1")
	near(t, "mean of the hour", history.Hosts[0].Points[0].CPUFraction, 0.3)
	equal(t, "its last reading", history.Hosts[0].Points[0].At, hour.Add(2*time.Minute))
	equal(t, "pools", len(history.Pools), 2)
	local, shared := history.Pools[0], history.Pools[1]
	equal(t, "own pool", fmt.Sprint(local.Pool, local.Host, local.HostName, local.PromisedBytes), fmt.Sprint("local", w.host, "h1", gib))
	equal(t, "its last reading", fmt.Sprint(local.Points), fmt.Sprint([]store.PoolHour{{At: hour.Add(2 * time.Minute), CapacityBytes: 100, UsedBytes: 12}}))
	equal(t, "the shared pool has no host", shared.Host, "")
	history, err = w.CapacitySamples(ctx, time.Now())
	must(t, err)
	equal(t, "since now", fmt.Sprint(history.Hosts, history.Pools), "[] []")
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	now := time.Date(2031, 3, 10, 23, 30, 0, 0, time.FixedZone("east", 2*3600))
	atOnce(4, func(int) {
		if err := w.EnsurePartitions(ctx, now); err != nil {
			t.Error(explained(err))
		}
	})
	const tables = "pg_class where relname ~ '^(vm|host)_samples_2031' and relkind = 'r'"
	equal(t, "partitions", w.count(tables), 10)
	equal(t, "the first", w.count("pg_class where relname = 'vm_samples_20310309'"), 1)
	must(t, w.EnsurePartitions(ctx, now.AddDate(0, 0, 1)))
	equal(t, "partitions a day later", w.count(tables), 12)
	must(t, w.DropPartitions(ctx, time.Date(2031, 3, 11, 0, 0, 0, 0, time.UTC)))
	equal(t, "partitions left", w.count(tables), 8)
	equal(t, "the first one left", w.count("pg_class where relname = 'vm_samples_20310311'"), 1)
}

// Hosts that report the same shared pools at once do not wait for each other in a circle.
func TestManyHostsReportAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.EnsurePartitions(t.Context(), time.Now()))
	hosts := []id.Host{w.host, w.addHost("h2"), w.addHost("h3"), w.addHost("h4")}
	atOnce(len(hosts), func(i int) {
		pools := hostFacts("").Pools
		other := host.PoolFact{Name: "another", Shared: true, CapacityBytes: 1, Available: true}
		if pools = append(pools, other); i%2 == 0 {
			pools[1], pools[2] = pools[2], pools[1]
		}
		for range 10 {
			if err := w.RecordSamples(t.Context(), hosts[i], store.Samples{Pools: pools}); err != nil {
				t.Error(explained(err))
			}
		}
	})
	equal(t, "readings", w.count("host_samples"), 40)
}
