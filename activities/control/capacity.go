package control

import (
	"context"
	"time"

	"github.com/novacron/novacron/analytics"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/store"
)

// CapacityQuestion asks when what runs out.
type CapacityQuestion struct {
	HorizonDays int       `json:"horizon_days"`
	At          time.Time `json:"at"`
}

// historyLength is how far back a capacity plan looks.
const historyLength = 90 * 24 * time.Hour

// AnalyseCapacity reads telemetry and inventory and works out the plan.
func (a *Activities) AnalyseCapacity(ctx context.Context, in CapacityQuestion) (analytics.Report, error) {
	history, err := a.Store.CapacitySamples(ctx, in.At.Add(-historyLength))
	if err != nil {
		return analytics.Report{}, err
	}
	hosts, err := a.Store.ListHosts(ctx)
	if err != nil {
		return analytics.Report{}, err
	}
	promised, err := a.promisedStorage(ctx, hosts)
	if err != nil {
		return analytics.Report{}, err
	}
	return analytics.Plan(analytics.Input{
		Now: in.At, HorizonDays: in.HorizonDays,
		Hosts: hostHistories(hosts, history.Hosts), Pools: poolHistories(hosts, history.Pools, promised),
	}), nil
}

type poolKey struct{ pool, host string }

func (a *Activities) promisedStorage(ctx context.Context, hosts []host.Host) (map[poolKey]int64, error) {
	promised := map[poolKey]int64{}
	for _, each := range hosts {
		disks, err := a.Store.VolumesOnHost(ctx, each.ID)
		if err != nil {
			return nil, err
		}
		for _, disk := range disks {
			promised[poolKey{disk.Pool, string(disk.Host)}] += disk.SizeBytes
		}
	}
	return promised, nil
}

func hostHistories(hosts []host.Host, readings []store.HostHistory) []analytics.HostHistory {
	var histories []analytics.HostHistory
	for _, each := range hosts {
		history := analytics.HostHistory{
			ID: string(each.ID), Name: each.Name, CPUs: each.Facts.CPUs, MemoryBytes: each.Facts.MemoryBytes,
			PromisedCPUs: each.Promised.CPUs, PromisedMemoryBytes: each.Promised.MemoryBytes,
		}
		for _, reading := range readings {
			if reading.Host != each.ID {
				continue
			}
			for _, hour := range reading.Points {
				history.Samples = append(history.Samples, analytics.HostSample{
					At: hour.At, CPUFraction: hour.CPUFraction, MemoryUsedBytes: float64(hour.MemoryUsedBytes),
				})
			}
		}
		histories = append(histories, history)
	}
	return histories
}

func poolHistories(hosts []host.Host, readings []store.PoolHistory, promised map[poolKey]int64) []analytics.PoolHistory {
	names := map[string]string{}
	for _, each := range hosts {
		names[string(each.ID)] = each.Name
	}
	var histories []analytics.PoolHistory
	for _, reading := range readings {
		history := analytics.PoolHistory{
			Name: reading.Pool, HostID: string(reading.Host), HostName: names[string(reading.Host)],
			PromisedBytes: promised[poolKey{reading.Pool, string(reading.Host)}],
		}
		for _, hour := range reading.Points {
			history.CapacityBytes = hour.CapacityBytes
			history.Samples = append(history.Samples, analytics.PoolSample{At: hour.At, UsedBytes: float64(hour.UsedBytes)})
		}
		histories = append(histories, history)
	}
	return histories
}
