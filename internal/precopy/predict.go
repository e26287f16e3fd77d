package precopy

import "math"

// Predict estimates from the rounds so far how long no host will run the VM at the end and how long the migration will
// take from its beginning, both in milliseconds; zeros while there is nothing to go by. It supposes that the guest goes
// on dirtying memory at the last rate. For a guest that does not converge the pause is the one of switching over now,
// which may be beyond the limit, and the total then is the time-out.
func Predict(rounds []Round, limits Limits) (downtimeMS int64, totalMS int64) {
	limits = limits.Default()
	if len(rounds) == 0 {
		return 0, 0
	}
	last := rounds[len(rounds)-1]
	if last.BandwidthBytes <= 0 {
		return last.ExpectedDowntimeMS, last.ElapsedMS
	}
	bandwidth := float64(last.BandwidthBytes)
	sending := float64(last.RemainingBytes+last.DiskRemainingBytes) / bandwidth
	pause := float64(last.RemainingBytes) / bandwidth
	if last.PostCopy {
		return last.ExpectedDowntimeMS, last.ElapsedMS + milliseconds(sending)
	}
	allowed := float64(limits.StartDowntimeMS) / 1000
	ratio := float64(last.DirtyRateBytes) / bandwidth
	switch {
	case pause <= allowed:
		return milliseconds(pause), last.ElapsedMS + milliseconds(sending)
	case ratio >= 1 && pause*1000 > float64(limits.MaxDowntimeMS):
		return milliseconds(pause), max(last.ElapsedMS, limits.TimeoutSeconds*1000)
	case ratio >= 1:
		return milliseconds(pause), last.ElapsedMS + milliseconds(sending)
	case ratio <= 0:
		return 0, last.ElapsedMS + milliseconds(sending)
	}
	// Each round leaves ratio times what the one before left: a geometric series up to the round that fits the pause.
	more := math.Ceil(math.Log(allowed/pause) / math.Log(ratio))
	total := sending + pause*ratio*(1-math.Pow(ratio, more))/(1-ratio)
	return milliseconds(pause * math.Pow(ratio, more)), last.ElapsedMS + milliseconds(total)
}
