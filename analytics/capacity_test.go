package analytics

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const gib = float64(1 << 30)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// grow makes a reading every ten minutes over some days up to now: base, growth a day, and noise of a standard deviation.
func grow(days, base, perDay, noise float64) []PoolSample {
	random := rand.New(rand.NewPCG(1, 2))
	var samples []PoolSample
	for minutes := days * 24 * 60; minutes >= 0; minutes -= 10 {
		value := base + perDay*(days-minutes/60/24) + noise*random.NormFloat64()
		samples = append(samples, PoolSample{At: now.Add(-time.Duration(minutes * float64(time.Minute))), UsedBytes: value})
	}
	return samples
}

func storage(capacity float64, samples []PoolSample) Resource {
	report := Plan(Input{Now: now, Pools: []PoolHistory{{Name: "local", CapacityBytes: int64(capacity), Samples: samples}}})
	return report.Pools[0].Resources[0]
}

func TestPoolThatFills(t *testing.T) {
	got := storage(100*gib, grow(10, 40*gib, 2*gib, 0.5*gib)) // 60 GiB now, 40 GiB to go
	if got.Verdict != RunsOut || math.Abs(*got.RunOut.Days-20) > 1 {
		t.Fatalf("%s: %s", got.Verdict, got.Text)
	}
	if *got.RunOut.EarliestDays >= *got.RunOut.Days || got.RunOut.LatestDays == nil || *got.RunOut.LatestDays <= *got.RunOut.Days {
		t.Errorf("the interval must lie around %f: %+v", *got.RunOut.Days, got.RunOut)
	}
	if math.Abs(got.Trend.PerDay-2*gib) > 0.1*gib || got.Trend.Fit < 0.9 || got.Trend.PerDayLow > 2*gib || got.Trend.PerDayHigh < 2*gib {
		t.Errorf("trend %+v", got.Trend)
	}
	if math.Abs(got.UsedFraction-0.6) > 0.02 {
		t.Errorf("used %f", got.UsedFraction)
	}
	if len(got.History) == 0 || len(got.History) > hostChart.history+1 || len(got.Forecast) != hostChart.forecast+1 {
		t.Errorf("%d points of history, %d of forecast", len(got.History), len(got.Forecast))
	}
	last := got.Forecast[len(got.Forecast)-1]
	if !(last.Low <= last.Value && last.Value <= last.High) {
		t.Errorf("forecast %+v", last)
	}
}

func TestVerdicts(t *testing.T) {
	var daily []PoolSample // a daily rhythm without growth
	for _, sample := range grow(10, 50*gib, 0, 0) {
		sample.UsedBytes += 10 * gib * math.Sin(2*math.Pi*sample.At.Sub(now).Hours()/24)
		daily = append(daily, sample)
	}
	gappy := grow(10, 40*gib, 2*gib, 0.5*gib)
	gappy = slices.Delete(gappy, 200, 900)
	shuffled := slices.Clone(grow(10, 40*gib, 2*gib, 0.5*gib))
	shuffled = append(shuffled, shuffled...)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	dirty := append(grow(10, 40*gib, 2*gib, 0.5*gib), PoolSample{At: now, UsedBytes: math.NaN()}, PoolSample{At: now, UsedBytes: math.Inf(1)},
		PoolSample{At: now, UsedBytes: -5}, PoolSample{UsedBytes: 1}, PoolSample{At: now.Add(time.Hour), UsedBytes: 1e18})
	same := make([]PoolSample, 500)
	for i := range same {
		same[i] = PoolSample{At: now, UsedBytes: 5}
	}
	for _, c := range []struct {
		name     string
		capacity float64
		samples  []PoolSample
		want     Verdict
		says     string
	}{
		{"no readings", 100 * gib, nil, NotEnoughHistory, "0 points over 0 minutes; a trend needs 12 over at least 6 hours"},
		{"one reading", 100 * gib, grow(0, 5, 0, 0), NotEnoughHistory, "1 point over"},
		{"one instant, many readings", 100 * gib, same, NotEnoughHistory, "1 point over"},
		{"five hours", 100 * gib, grow(5.0/24, 5*gib, 0, 0), NotEnoughHistory, "over 5.0 hours"},
		{"a week with three readings", 100 * gib, []PoolSample{{now.Add(-100 * time.Hour), 1}, {now.Add(-50 * time.Hour), 2}, {now, 3}}, NotEnoughHistory, "3 points over 100.0 hours"},
		{"too little history and full", 100 * gib, grow(0.1, 100*gib, 0, 0), Full, "It is full"},
		{"full", 100 * gib, grow(10, 100*gib, 0, 0), Full, "It is full"},
		{"seven hours", 100 * gib, grow(7.0/24, 5*gib, 0, 0.01*gib), Holds, "rests on 7.0 hours only"},
		{"constant", 100 * gib, grow(10, 50*gib, 0, 0), Holds, "at least 90 days"},
		{"nothing used", 100 * gib, grow(10, 0, 0, 0), Holds, "at least 90 days"},
		{"shrinks", 100 * gib, grow(10, 50*gib, -1*gib, 0), Holds, "at least 90 days"},
		{"a daily rhythm", 100 * gib, daily, Holds, "at least 90 days"},
		{"an exact line", 100 * gib, grow(10, 40*gib, 2*gib, 0), RunsOut, "Runs out in 20 days (20 days at the earliest, 20 days at the latest)"},
		{"gaps", 100 * gib, gappy, RunsOut, "Runs out in"},
		{"duplicates in any order", 100 * gib, shuffled, RunsOut, "Runs out in 20 days"},
		{"readings that are none", 100 * gib, dirty, RunsOut, "Runs out in 20 days"},
		{"soon", 60.98 * gib, grow(10, 40*gib, 2*gib, 0), RunsOut, "Runs out in 12 hours"},
		{"noise near the edge", 100 * gib, grow(10, 97*gib, 0, 3*gib), MayRunOut, "no growth stands out"},
		{"slow growth", 100 * gib, grow(30, 50*gib, 0.35*gib, 25*gib), MayRunOut, "by the trend it holds for 90 days"},
		{"no capacity", 0, grow(10, 40*gib, 2*gib, 0), NoCapacity, "not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := storage(c.capacity, c.samples)
			if got.Verdict != c.want || !strings.Contains(got.Text, c.says) {
				t.Errorf("%s: %s; want %s with %q", got.Verdict, got.Text, c.want, c.says)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Error(err)
			}
			if (got.Missing != nil) != (c.want == NotEnoughHistory || c.says == "It is full" && len(c.samples) < 20) {
				t.Errorf("missing: %+v", got.Missing)
			}
		})
	}
}

func hostReadingsOf(days float64, cpu, memory float64) []HostSample {
	var samples []HostSample
	for _, sample := range grow(days, 0, 0, 0) {
		samples = append(samples, HostSample{At: sample.At, CPUFraction: cpu, MemoryUsedBytes: memory})
	}
	return samples
}

func TestClusterSumsItsParts(t *testing.T) {
	report := Plan(Input{Now: now, HorizonDays: 30, Hosts: []HostHistory{
		{ID: "hst_2", Name: "h2", CPUs: 4, MemoryBytes: int64(16 * gib), PromisedCPUs: 8, PromisedMemoryBytes: int64(4 * gib), Samples: hostReadingsOf(5, 0.5, 4*gib)},
		{ID: "hst_1", Name: "h1", CPUs: 8, MemoryBytes: int64(32 * gib), Samples: hostReadingsOf(2, 0.25, 6*gib)},
		{ID: "hst_3", Name: "h3", CPUs: 8, MemoryBytes: int64(32 * gib)},
	}, Pools: []PoolHistory{
		{Name: "shared", CapacityBytes: int64(100 * gib), PromisedBytes: int64(300 * gib), Samples: grow(10, 40*gib, 2*gib, 0)},
		{Name: "local", HostName: "h2", CapacityBytes: int64(50 * gib), Samples: grow(10, 10*gib, 0, 0)},
		{Name: "local", HostName: "h1", CapacityBytes: int64(50 * gib), Samples: grow(0.1, 10*gib, 0, 0)},
	}})
	names := []string{report.Hosts[0].Name, report.Hosts[1].Name, report.Hosts[2].Name, report.Pools[0].HostName, report.Pools[1].HostName}
	if !slices.Equal(names, []string{"h1", "h2", "h3", "h1", "h2"}) {
		t.Errorf("order %v", names)
	}
	cpu, memory, disk := report.Cluster.Resources[0], report.Cluster.Resources[1], report.Cluster.Resources[2]
	if cpu.Total != 12 || math.Abs(cpu.Used-4) > 1e-9 || cpu.Promised != 8 || cpu.Verdict != Holds || cpu.Trend.SpanHours < 47 || cpu.Trend.SpanHours > 49 {
		t.Errorf("cpu %+v %+v", cpu, cpu.Trend)
	}
	if memory.Total != 48*gib || math.Abs(memory.Used-10*gib) > 1 || memory.Verdict != Holds {
		t.Errorf("memory %+v", memory)
	}
	if disk.Total != 200*gib || disk.Verdict != NotEnoughHistory || disk.PromisedFraction != 1.5 {
		t.Errorf("storage %+v", disk)
	}
	if !slices.Equal(report.Cluster.Notes, []string{"h3 has no recent readings and is left out."}) {
		t.Errorf("notes %q", report.Cluster.Notes)
	}
	if report.Summary != "Pool shared: "+report.Pools[2].Resources[0].Text {
		t.Errorf("summary %q", report.Summary)
	}
	if report.Hosts[2].Resources[0].Verdict != NotEnoughHistory {
		t.Errorf("h3 %+v", report.Hosts[2])
	}
}

func TestClusterOfHostsThatReportApart(t *testing.T) {
	at := func(seconds int, cpu float64) []HostSample {
		return []HostSample{{At: now.Add(time.Duration(seconds) * time.Second), CPUFraction: cpu, MemoryUsedBytes: gib}}
	}
	report := Plan(Input{Now: now, Hosts: []HostHistory{{Name: "h1", CPUs: 2, MemoryBytes: 1 << 33, Samples: at(-20, 0.5)}, {Name: "h2", CPUs: 2, MemoryBytes: 1 << 33, Samples: at(-5, 1)}}})
	if cpu := report.Cluster.Resources[0]; cpu.Used != 3 || cpu.Verdict != NotEnoughHistory {
		t.Errorf("%+v", cpu)
	}
}

func TestSummary(t *testing.T) {
	calm := HostHistory{Name: "h1", CPUs: 4, MemoryBytes: int64(16 * gib), Samples: hostReadingsOf(5, 0.5, 4*gib)}
	quiet := PoolHistory{Name: "shared", CapacityBytes: int64(100 * gib), Samples: grow(10, 40*gib, 0, 0)}
	young := PoolHistory{Name: "local", HostName: "h1", CapacityBytes: int64(100 * gib), Samples: grow(0.1, 40*gib, 0, 0)}
	full := PoolHistory{Name: "local", HostName: "h1", CapacityBytes: int64(100 * gib), Samples: grow(10, 100*gib, 0, 0)}
	near := PoolHistory{Name: "local", HostName: "h1", CapacityBytes: int64(100 * gib), Samples: grow(10, 97*gib, 0, 3*gib)}
	for _, c := range []struct {
		name  string
		input Input
		want  string
	}{
		{"nothing at all", Input{}, "There is nothing to plan yet"},
		{"all holds", Input{Hosts: []HostHistory{calm}, Pools: []PoolHistory{quiet}}, "Nothing runs out within 90 days."},
		{"too young", Input{Pools: []PoolHistory{young}}, "Too little history"},
		{"one is full", Input{Hosts: []HostHistory{calm}, Pools: []PoolHistory{quiet, full}}, "Pool local of h1: It is full."},
		{"one may", Input{Pools: []PoolHistory{near, quiet}}, "Pool local of h1: May run out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.input.Now = now
			if got := Plan(c.input).Summary; !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func hundredHosts() Input {
	input := Input{Now: now}
	for range 100 {
		input.Hosts = append(input.Hosts, HostHistory{Name: "a-host-with-a-name", ID: "hst_01JD3M8Q7X2C4W9V6T5R1N0KZP", CPUs: 64, MemoryBytes: int64(512 * gib), Samples: hostReadingsOf(10, 0.123456789, 4.123456789*gib)})
		input.Pools = append(input.Pools, PoolHistory{Name: "local", HostName: "a-host-with-a-name", CapacityBytes: int64(100 * gib), Samples: grow(10, 40*gib, 2*gib, gib)})
	}
	return input
}

func TestAPlanOfHundredHostsFitsAWorkflowResult(t *testing.T) {
	text, err := json.Marshal(Plan(hundredHosts()))
	if err != nil || len(text) > 1<<20 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func BenchmarkHundredHosts(b *testing.B) {
	input := hundredHosts()
	for b.Loop() {
		Plan(input)
	}
}

func TestAnyInputGivesAReport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		input := Input{Now: now, HorizonDays: rapid.IntRange(-10, 1000).Draw(t, "horizon")}
		for range rapid.IntRange(0, 3).Draw(t, "pools") {
			p := PoolHistory{Name: "p", CapacityBytes: rapid.Int64().Draw(t, "capacity"), PromisedBytes: rapid.Int64().Draw(t, "promised")}
			for range rapid.IntRange(0, 60).Draw(t, "samples") {
				p.Samples = append(p.Samples, PoolSample{At: now.Add(time.Duration(rapid.IntRange(-2_000_000, 10_000).Draw(t, "seconds")) * time.Second), UsedBytes: rapid.Float64().Draw(t, "used")})
			}
			input.Pools = append(input.Pools, p)
		}
		report := Plan(input)
		if _, err := json.Marshal(report); err != nil {
			t.Fatal(err)
		}
		for _, section := range append(report.Pools, report.Cluster) {
			for _, resource := range section.Resources {
				if resource.Verdict == "" || resource.Text == "" || resource.RunOut != nil && resource.RunOut.Days != nil && *resource.RunOut.Days < 0 {
					t.Fatalf("%+v", resource)
				}
			}
		}
	})
}
