package precopy

import (
	"fmt"
	"strings"
	"time"
)

// rates tells, in a sentence, how fast the guest dirties memory and how fast it is sent.
func (v view) rates(pass Round) string {
	switch {
	case pass.DirtyRateBytes > 0 && pass.DirtyRateBytes >= pass.BandwidthBytes:
		return fmt.Sprintf("The guest dirties %s/s and only %s/s are sent, so %s remain after round %d.",
			Size(pass.DirtyRateBytes), Size(pass.BandwidthBytes), Size(pass.RemainingBytes), pass.Iteration)
	case pass.DirtyRateBytes > 0:
		return fmt.Sprintf("The guest dirties %s/s while %s/s are sent, and the rounds stopped shrinking at %s.",
			Size(pass.DirtyRateBytes), Size(pass.BandwidthBytes), Size(pass.RemainingBytes))
	default:
		return fmt.Sprintf("The rounds stopped shrinking: %s remain after round %d.", Size(pass.RemainingBytes), pass.Iteration)
	}
}

// advice names what has not been tried and would help.
func (v view) advice() string {
	var options []string
	if v.limits.BandwidthBytes > 0 {
		options = append(options, fmt.Sprintf("lift the bandwidth limit of %s/s", Size(v.limits.BandwidthBytes)))
	}
	if len(v.passes) > 0 && v.expected() > v.limits.MaxDowntimeMS {
		options = append(options, fmt.Sprintf("allow a pause of %d ms", v.expected()))
	}
	if !v.limits.AllowPostCopy {
		options = append(options, "allow post-copy")
	}
	if !v.limits.AllowThrottle {
		options = append(options, "allow the guest to be slowed down")
	}
	if len(options) == 0 {
		return "It would help to move the VM while it is less busy, or while it is off."
	}
	return "It would help to " + strings.Join(options, ", or to ") + "."
}

func (v view) deadline() time.Time { return v.started.Add(v.timeout()) }

func (v view) timeout() time.Duration { return time.Duration(v.limits.TimeoutSeconds) * time.Second }

// Size writes a number of bytes for people, in binary units with at most one decimal.
func Size(bytes int64) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, unit := float64(bytes)/(1<<10), 0
	for value >= 1023.95 && unit < 4 {
		value, unit = value/(1<<10), unit+1
	}
	text := strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0")
	return text + " " + []string{"KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}
