package analytics

import "time"

// Input is what a capacity plan is made from.
type Input struct {
	Now         time.Time
	HorizonDays int // how far ahead to look; 0 means DefaultHorizonDays
	Hosts       []HostHistory
	Pools       []PoolHistory
}

// DefaultHorizonDays is how far ahead a plan looks if nothing else is asked.
const DefaultHorizonDays = 90

// HostHistory is a host with its readings, in any order.
type HostHistory struct {
	ID                  string
	Name                string
	CPUs                int
	MemoryBytes         int64 // what it has
	PromisedCPUs        int   // virtual CPUs of its VMs
	PromisedMemoryBytes int64
	Samples             []HostSample
}

// HostSample is one reading of a host, or the mean of several.
type HostSample struct {
	At              time.Time
	CPUFraction     float64 // 0 to 1 over all its CPUs
	MemoryUsedBytes float64
}

// PoolHistory is a pool with its readings. A shared pool is given once, with an empty host; any other once for each host.
type PoolHistory struct {
	Name          string
	HostID        string
	HostName      string
	CapacityBytes int64
	PromisedBytes int64 // sizes of the disks in it, which may be more than it holds
	Samples       []PoolSample
}

// PoolSample is one reading of a pool, or the mean of several.
type PoolSample struct {
	At        time.Time
	UsedBytes float64
}

// Report is a capacity plan: the cluster first, then each host and each pool.
type Report struct {
	At          time.Time `json:"at"`
	HorizonDays int       `json:"horizon_days"`
	Summary     string    `json:"summary" doc:"The most pressing finding, in a sentence"`
	Cluster     Section   `json:"cluster"`
	Hosts       []Section `json:"hosts"`
	Pools       []Section `json:"pools"`
}

// Section is the plan of one thing: the cluster, a host or a pool.
type Section struct {
	Kind      string     `json:"kind" enum:"cluster,host,pool"`
	ID        string     `json:"id,omitempty"`
	Name      string     `json:"name"`
	HostID    string     `json:"host_id,omitempty" doc:"The host of a pool that is not shared"`
	HostName  string     `json:"host_name,omitempty"`
	Resources []Resource `json:"resources"`
	Notes     []string   `json:"notes,omitempty"`
}

// Resource is the plan of one resource. Amounts are in its unit.
type Resource struct {
	Name             string    `json:"name" enum:"cpu,memory,storage"`
	Unit             string    `json:"unit" enum:"cpus,bytes"`
	Total            float64   `json:"total"`
	Used             float64   `json:"used" doc:"The mean of the last hour of history, or of its last point if that is sparse"`
	UsedFraction     float64   `json:"used_fraction"`
	Promised         float64   `json:"promised" doc:"What VMs were promised; may be more than the total for CPU and thin disks"`
	PromisedFraction float64   `json:"promised_fraction"`
	Verdict          Verdict   `json:"verdict"`
	Text             string    `json:"text" doc:"The verdict in a sentence"`
	Trend            *Trend    `json:"trend,omitempty" doc:"Absent without enough history"`
	RunOut           *RunOut   `json:"run_out,omitempty" doc:"Absent if it holds beyond the horizon"`
	Missing          *Missing  `json:"missing,omitempty" doc:"What there is too little of for a trend"`
	History          []Point   `json:"history,omitempty"`
	Forecast         []Outlook `json:"forecast,omitempty"`
}

// Verdict is what the plan finds of a resource.
type Verdict string

// The verdicts, most pressing first.
const (
	Full             Verdict = "full"               // used up already
	RunsOut          Verdict = "runs_out"           // expected within the horizon
	MayRunOut        Verdict = "may_run_out"        // within the horizon only by the upper end of the interval
	Holds            Verdict = "holds"              // not within the horizon
	NotEnoughHistory Verdict = "not_enough_history" // see Missing
	NoCapacity       Verdict = "no_capacity"        // its total is not known
)

// Trend is a straight line through the history.
type Trend struct {
	PerDay         float64 `json:"per_day" doc:"Change in a day, in the resource's unit"`
	PerDayLow      float64 `json:"per_day_low" doc:"90% confidence interval of per_day"`
	PerDayHigh     float64 `json:"per_day_high"`
	Points         int     `json:"points" doc:"Points of the line, each the mean of the readings in its share of the time"`
	SpanHours      float64 `json:"span_hours"`
	Fit            float64 `json:"fit" doc:"R squared: 0 for no relation to time, 1 for a straight line"`
	ResidualSpread float64 `json:"residual_spread" doc:"Standard deviation of the history around the line"`
}

// RunOut is when a resource is used up. An absent end lies beyond the horizon.
type RunOut struct {
	Days         *float64   `json:"days,omitempty" doc:"By the trend"`
	EarliestDays *float64   `json:"earliest_days,omitempty" doc:"By the upper end of the 90% prediction interval"`
	LatestDays   *float64   `json:"latest_days,omitempty" doc:"By its lower end"`
	At           *time.Time `json:"at,omitempty"`
	EarliestAt   *time.Time `json:"earliest_at,omitempty"`
	LatestAt     *time.Time `json:"latest_at,omitempty"`
}

// Missing says what a trend would need.
type Missing struct {
	Points       int     `json:"points" doc:"Usable points there are"`
	NeededPoints int     `json:"needed_points"`
	Hours        float64 `json:"hours" doc:"Hours that they span"`
	NeededHours  float64 `json:"needed_hours"`
}

// Point is the use at an instant.
type Point struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
}

// Outlook is the expected use at an instant, with its 90% prediction interval.
type Outlook struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
	Low   float64   `json:"low"`
	High  float64   `json:"high"`
}
