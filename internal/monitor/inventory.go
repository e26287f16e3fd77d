package monitor

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Inventory is read at most every inventoryAge when somebody scrapes.
type Inventory interface {
	Census(ctx context.Context) (Census, error)
}

// Census counts what the inventory holds, over all projects.
type Census struct {
	VMs        map[string]int    // by state
	Hosts      map[string]int    // by state
	Operations map[[2]string]int // by kind and state, those that have not ended
}

const (
	inventoryAge  = 5 * time.Second
	censusTimeout = 3 * time.Second
)

var (
	vmsDescription        = prometheus.NewDesc("novacron_vms", "VMs by state.", []string{"state"}, nil)
	hostsDescription      = prometheus.NewDesc("novacron_hosts", "Hosts by state.", []string{"state"}, nil)
	operationsDescription = prometheus.NewDesc("novacron_operations", "Operations that have not ended, by kind and state.", []string{"kind", "state"}, nil)
	censusDescription     = prometheus.NewDesc("novacron_inventory_up", "1 if the inventory could be read.", nil, nil)
)

type inventoryCollector struct {
	inventory Inventory
	now       func() time.Time
	mutex     sync.Mutex
	last      Census
	at        time.Time
}

// Describe implements prometheus.Collector.
func (c *inventoryCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- vmsDescription
	descriptions <- hostsDescription
	descriptions <- operationsDescription
	descriptions <- censusDescription
}

// Collect implements prometheus.Collector.
func (c *inventoryCollector) Collect(metrics chan<- prometheus.Metric) {
	census, err := c.census()
	if err != nil {
		metrics <- prometheus.MustNewConstMetric(censusDescription, prometheus.GaugeValue, 0)
		return
	}
	metrics <- prometheus.MustNewConstMetric(censusDescription, prometheus.GaugeValue, 1)
	for state, count := range census.VMs {
		metrics <- prometheus.MustNewConstMetric(vmsDescription, prometheus.GaugeValue, float64(count), state)
	}
	for state, count := range census.Hosts {
		metrics <- prometheus.MustNewConstMetric(hostsDescription, prometheus.GaugeValue, float64(count), state)
	}
	for key, count := range census.Operations {
		metrics <- prometheus.MustNewConstMetric(operationsDescription, prometheus.GaugeValue, float64(count), key[0], key[1])
	}
}

func (c *inventoryCollector) census() (Census, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if now := c.now(); now.Sub(c.at) < inventoryAge {
		return c.last, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), censusTimeout)
	defer cancel()
	census, err := c.inventory.Census(ctx)
	if err != nil {
		return Census{}, err
	}
	c.last, c.at = census, c.now()
	return census, nil
}
