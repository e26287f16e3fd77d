package analytics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Plan reads the history of hosts and pools and says when what runs out. Readings that are not finite numbers, negative
// or in the future are left out; order, gaps and duplicates do not matter.
func Plan(input Input) Report {
	horizon := input.HorizonDays
	if horizon <= 0 {
		horizon = DefaultHorizonDays
	}
	at := input.Now.UTC()
	report := Report{At: at, HorizonDays: horizon, Hosts: []Section{}, Pools: []Section{}}
	ask := question{now: at, horizonDays: float64(horizon)}
	for _, h := range input.Hosts {
		report.Hosts = append(report.Hosts, hostSection(ask, h))
	}
	for _, p := range input.Pools {
		report.Pools = append(report.Pools, poolSection(ask, p))
	}
	byName := func(a, b Section) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.HostName, b.HostName), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(report.Hosts, byName)
	slices.SortFunc(report.Pools, byName)
	report.Cluster = clusterSection(ask, input)
	report.Summary = summarize(report)
	return report
}

func hostSection(ask question, h HostHistory) Section {
	cpu, memory := hostReadings(h)
	return Section{Kind: "host", ID: h.ID, Name: h.Name, Resources: []Resource{
		ask.resource(amount{name: "cpu", unit: "cpus", total: float64(h.CPUs), promised: float64(h.PromisedCPUs)}, cpu, hostChart),
		ask.resource(amount{name: "memory", unit: "bytes", total: float64(h.MemoryBytes), promised: float64(h.PromisedMemoryBytes)}, memory, hostChart),
	}}
}

// hostReadings turns samples into series of CPUs and bytes in use.
func hostReadings(h HostHistory) (cpu, memory []Point) {
	for _, sample := range h.Samples {
		cpu = append(cpu, Point{At: sample.At, Value: sample.CPUFraction * float64(h.CPUs)})
		memory = append(memory, Point{At: sample.At, Value: sample.MemoryUsedBytes})
	}
	return cpu, memory
}

func poolReadings(p PoolHistory) []Point {
	points := make([]Point, 0, len(p.Samples))
	for _, sample := range p.Samples {
		points = append(points, Point{At: sample.At, Value: sample.UsedBytes})
	}
	return points
}

func poolSection(ask question, p PoolHistory) Section {
	return Section{Kind: "pool", Name: p.Name, HostID: p.HostID, HostName: p.HostName, Resources: []Resource{
		ask.resource(amount{name: "storage", unit: "bytes", total: float64(p.CapacityBytes), promised: float64(p.PromisedBytes)}, poolReadings(p), hostChart),
	}}
}

// clusterSection sums hosts and pools.
func clusterSection(ask question, input Input) Section {
	var cpu, memory, storage total
	for _, h := range input.Hosts {
		cpuReadings, memoryReadings := hostReadings(h)
		cpu.add(ask, h.Name, float64(h.CPUs), float64(h.PromisedCPUs), cpuReadings)
		memory.add(ask, h.Name, float64(h.MemoryBytes), float64(h.PromisedMemoryBytes), memoryReadings)
	}
	for _, p := range input.Pools {
		name := "pool " + p.Name
		if p.HostName != "" {
			name += " of " + p.HostName
		}
		storage.add(ask, name, float64(p.CapacityBytes), float64(p.PromisedBytes), poolReadings(p))
	}
	section := Section{Kind: "cluster", Name: "cluster"}
	for _, row := range []struct {
		amount amount
		sum    *total
	}{
		{amount{name: "cpu", unit: "cpus"}, &cpu},
		{amount{name: "memory", unit: "bytes"}, &memory},
		{amount{name: "storage", unit: "bytes"}, &storage},
	} {
		row.amount.total, row.amount.promised = row.sum.capacity, row.sum.promised
		section.Resources = append(section.Resources, ask.resource(row.amount, row.sum.series(), clusterChart))
		for _, silent := range row.sum.silent {
			note := fmt.Sprintf("%s has no recent readings and is left out.", silent)
			if !slices.Contains(section.Notes, note) {
				section.Notes = append(section.Notes, note)
			}
		}
	}
	return section
}

// summarize puts the most pressing finding in a sentence. The cluster wins over a part of it at the same urgency.
func summarize(report Report) string {
	sections := append([]Section{report.Cluster}, append(slices.Clone(report.Pools), report.Hosts...)...)
	text, urgency := "", math.Inf(1)
	for _, section := range sections {
		for _, resource := range section.Resources {
			if next := pressure(resource); next < urgency {
				urgency, text = next, section.title()+": "+resource.Text
			}
		}
	}
	switch {
	case urgency >= unknownPressure && len(report.Hosts)+len(report.Pools) == 0:
		return "There is nothing to plan yet: no host has reported."
	case urgency >= unknownPressure:
		return fmt.Sprintf("Too little history for any trend yet; it takes %d points over at least %d hours.", NeededPoints, NeededHours)
	case urgency >= holdsPressure:
		return fmt.Sprintf("Nothing runs out within %d days.", report.HorizonDays)
	}
	return text
}

func (s Section) title() string {
	switch {
	case s.Kind == "cluster":
		return "The whole cluster"
	case s.HostName != "":
		return fmt.Sprintf("Pool %s of %s", s.Name, s.HostName)
	case s.Kind == "pool":
		return "Pool " + s.Name
	}
	return "Host " + s.Name
}

const (
	mayPressure     = 1e6
	holdsPressure   = 1e9
	unknownPressure = 1e12
)

// pressure orders findings: days until the run-out, then possible ones, then what holds, then what is not known.
func pressure(resource Resource) float64 {
	switch resource.Verdict {
	case Full:
		return 0
	case RunsOut:
		return *resource.RunOut.Days
	case MayRunOut:
		return mayPressure + *resource.RunOut.EarliestDays
	case Holds:
		return holdsPressure
	default:
		return unknownPressure
	}
}

func later(from time.Time, days float64) *time.Time {
	at := from.Add(time.Duration(days * 24 * float64(time.Hour))).Truncate(time.Second)
	return &at
}
