package precopy

import (
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// Round is one pass over the memory that was dirtied since the one before, as the hypervisor counted it.
type Round struct {
	Iteration          int64     `json:"iteration" doc:"1 is the pass over all memory"`
	At                 time.Time `json:"at"`
	ElapsedMS          int64     `json:"elapsed_ms" doc:"Since the migration began"`
	TotalBytes         int64     `json:"total_bytes" doc:"Guest memory"`
	RemainingBytes     int64     `json:"remaining_bytes" doc:"Memory still to send; what it left to do, for a round that is over"`
	TransferredBytes   int64     `json:"transferred_bytes" doc:"Sent since the migration began"`
	DirtyRateBytes     int64     `json:"dirty_rate_bytes_per_second" doc:"Memory the guest dirties"`
	BandwidthBytes     int64     `json:"bandwidth_bytes_per_second"`
	ThrottlePercent    int       `json:"throttle_percent" doc:"CPU time taken from the guest by auto-converge"`
	ExpectedDowntimeMS int64     `json:"expected_downtime_ms"`
	DiskTotalBytes     int64     `json:"disk_total_bytes,omitempty" doc:"Disk to copy where storage is not shared"`
	DiskRemainingBytes int64     `json:"disk_remaining_bytes,omitempty"`
	PostCopy           bool      `json:"post_copy,omitempty"`
}

// Limits is what the request allows. Zero values mean the defaults that Default fills in.
type Limits struct {
	BandwidthBytes  int64 `json:"bandwidth_bytes_per_second,omitempty" minimum:"0" doc:"0: as fast as it goes"`
	MaxDowntimeMS   int64 `json:"max_downtime_ms,omitempty" minimum:"0" doc:"The longest pause that is acceptable; 0 means 500"`
	StartDowntimeMS int64 `json:"start_downtime_ms,omitempty" minimum:"0" doc:"The pause to try first; 0 means 300, or max_downtime_ms if less"`
	TimeoutSeconds  int64 `json:"timeout_seconds,omitempty" minimum:"0" doc:"When to give up; 0 means 800"`
	AllowThrottle   bool  `json:"allow_throttle,omitempty" doc:"Slow the guest down if it dirties memory too fast"`
	AllowPostCopy   bool  `json:"allow_post_copy,omitempty" doc:"Switch the running VM over and fetch the rest on demand, if nothing else helps"`
}

// defaultStartDowntimeMS is QEMU's own default (downtime-limit, qapi/migration.json): less than that makes a
// migration longer than it is elsewhere, for a pause that nobody asked to be shorter.
const defaultStartDowntimeMS = 300

// Default fills in what was left out.
func (l Limits) Default() Limits {
	if l.MaxDowntimeMS == 0 {
		l.MaxDowntimeMS = 500
	}
	if l.StartDowntimeMS == 0 {
		l.StartDowntimeMS = min(defaultStartDowntimeMS, l.MaxDowntimeMS)
	}
	if l.TimeoutSeconds == 0 {
		l.TimeoutSeconds = 800
	}
	return l
}

// Check says whether the limits make sense; the error is fault.Invalid at the field in question.
func (l Limits) Check() error {
	switch {
	case l.BandwidthBytes < 0:
		return fault.Invalid("the bandwidth cannot be negative; leave it out for no limit").At("limits.bandwidth_bytes_per_second")
	case l.BandwidthBytes > 0 && l.BandwidthBytes < 1<<20:
		return fault.Invalid("the bandwidth is at least 1 MiB a second; leave it out for no limit").At("limits.bandwidth_bytes_per_second")
	case l.MaxDowntimeMS < 0 || l.MaxDowntimeMS > 2_000_000:
		return fault.Invalid("the longest downtime is between 1 ms and 2,000 s").At("limits.max_downtime_ms")
	case l.StartDowntimeMS < 0 || l.StartDowntimeMS > l.Default().MaxDowntimeMS:
		return fault.Invalid("the downtime to start with cannot exceed the longest one").At("limits.start_downtime_ms")
	case l.TimeoutSeconds < 0:
		return fault.Invalid("the time-out cannot be negative").At("limits.timeout_seconds")
	}
	return nil
}

// Action is what to do next.
type Action string

// The actions.
const (
	Continue      Action = "continue"
	RaiseDowntime Action = "raise_downtime"
	Throttle      Action = "throttle"
	PostCopy      Action = "post_copy"
	Abort         Action = "abort"
)

// Decision is an action with its reason in a sentence that users read.
type Decision struct {
	Action     Action `json:"action"`
	DowntimeMS int64  `json:"downtime_ms,omitempty" doc:"The new limit, with raise_downtime"`
	Reason     string `json:"reason"`
}

// Applied is a decision that was carried out, by the rules or by an operator.
type Applied struct {
	Decision
	At        time.Time `json:"at"`
	Iteration int64     `json:"iteration"`
	By        string    `json:"by" doc:"rules, or the operator's name"`
}

// Outcome is what the hypervisor counted over the whole migration.
type Outcome struct {
	TotalMS          int64 `json:"total_ms"`
	DowntimeMS       int64 `json:"downtime_ms" doc:"How long no host ran the VM"`
	SetupMS          int64 `json:"setup_ms"`
	Iterations       int64 `json:"iterations"`
	TransferredBytes int64 `json:"transferred_bytes"`
	PostCopy         bool  `json:"post_copy"`
}
