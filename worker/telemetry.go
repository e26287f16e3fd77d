package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/storage"
)

// reporter sends readings; those that could not be sent wait, up to a bound, for the next turn.
type reporter struct {
	driver  hypervisor.Host
	pools   *storage.Set
	plane   *Plane
	before  processorTimes
	waiting []Report
}

// backlogMost is how many reports wait for a control plane that is away: ten minutes of them.
const backlogMost = 60

func (r *reporter) once(ctx context.Context) error {
	report := Report{Pools: r.pools.Facts(ctx)}
	var err error
	if report.Host, err = r.use(report.Pools); err != nil {
		return err
	}
	// A hypervisor that is away does not keep the host from saying that it lives.
	samples, sampleErr := r.driver.Sample(ctx)
	report.VMs = samples
	if report.VMs == nil {
		report.VMs = []hypervisor.Sample{}
	}
	r.waiting = append(r.waiting, report)
	if over := len(r.waiting) - backlogMost; over > 0 {
		r.waiting = slices.Delete(r.waiting, 0, over)
	}
	for len(r.waiting) > 0 {
		err := r.plane.Send(ctx, r.waiting[0])
		if err != nil && !fault.Is(err, fault.KindInvalid) {
			return err
		}
		r.waiting = r.waiting[1:]
		sampleErr = errors.Join(sampleErr, err) // what is refused is refused again: it must not keep the others waiting
	}
	return sampleErr
}

func (r *reporter) use(pools []host.PoolFact) (host.Use, error) {
	use := host.Use{At: time.Now().UTC()}
	now, err := readProcessorTimes()
	if err != nil {
		return use, err
	}
	use.CPUFraction = now.since(r.before)
	r.before = now
	if use.MemoryUsedBytes, err = usedMemory(); err != nil {
		return use, err
	}
	for _, each := range pools {
		if !each.Shared {
			use.DiskUsedBytes += each.UsedBytes
		}
	}
	return use, nil
}

// processorTimes is the first line of /proc/stat (proc_stat(5)), in ticks since boot.
type processorTimes struct{ busy, total uint64 }

func (p processorTimes) since(before processorTimes) float64 {
	if p.total <= before.total {
		return 0
	}
	return float64(p.busy-before.busy) / float64(p.total-before.total)
}

func readProcessorTimes() (processorTimes, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return processorTimes{}, err
	}
	line, _, _ := strings.Cut(string(content), "\n")
	var user, nice, system, idle, iowait, irq, softirq, steal uint64
	if _, err := fmt.Sscanf(line, "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return processorTimes{}, fmt.Errorf("reading /proc/stat: %w", err)
	}
	busy := user + nice + system + irq + softirq + steal
	return processorTimes{busy: busy, total: busy + idle + iowait}, nil
}

func usedMemory() (int64, error) {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	var total, available int64
	for line := range strings.Lines(string(content)) {
		var kibibytes int64
		if _, err := fmt.Sscanf(line, "MemTotal: %d kB", &kibibytes); err == nil {
			total = kibibytes << 10
		}
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kibibytes); err == nil {
			available = kibibytes << 10
		}
	}
	return total - available, nil
}
