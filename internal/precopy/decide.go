package precopy

import (
	"fmt"
	"math"
	"time"
)

// Steps is how often the allowed pause is raised on its way from start_downtime_ms to max_downtime_ms. OpenStack Nova
// takes as many (live_migration_downtime_steps).
const Steps = 10

const (
	// shrinks is the fraction that the remaining memory must fall to over two rounds to count as shrinking.
	shrinks = 0.9
	// throttleRounds is how many rounds a throttled guest gets before post-copy is tried instead.
	throttleRounds = 8
	// fullThrottle is the most CPU time that QEMU takes from a guest (cpu-throttle's range ends at 99).
	fullThrottle = 99
	// diskChatter is the part of a disk that a running guest may be rewriting while its copy counts as complete.
	diskChatter = 64
)

// Decide says what to do next with a live migration that has gone through rounds, given the decisions that were already
// carried out and the limits of the request. Rounds and applied are in order of time. A round that is over tells how much
// it left to do; the last one is still under way, so it is not judged. The same arguments give the same answer.
//
// It continues while that helps. When the rounds stop shrinking it raises the allowed pause step by step; at the longest
// pause it throttles the guest and then switches to post-copy, where the limits allow it; at the time-out it switches to
// post-copy or aborts. It never repeats a decision and never exceeds a limit.
func Decide(rounds []Round, applied []Applied, limits Limits, now time.Time) Decision {
	limits = limits.Default()
	if last, ended := ending(applied); ended {
		return last
	}
	if len(rounds) == 0 {
		return carryOn("The first pass over the memory has not been reported yet.")
	}
	view := newView(rounds, applied, limits)
	if view.last.PostCopy {
		return carryOn("The VM runs on the target; what remains of its memory is being fetched.")
	}
	if view.elapsed(now) >= time.Duration(limits.TimeoutSeconds)*time.Second {
		return view.timedOut()
	}
	if copyingDisk(view.last) {
		return carryOn(fmt.Sprintf("The disk is being copied: %s of %s remain. Memory follows, and no round counts until then.",
			Size(view.last.DiskRemainingBytes), Size(view.last.DiskTotalBytes)))
	}
	if !view.stuck(now) {
		return view.converging()
	}
	return view.push()
}

// ending answers for a migration whose end has already been decided.
func ending(applied []Applied) (Decision, bool) {
	for _, decision := range applied {
		switch decision.Action {
		case Abort:
			return carryOn("The migration is being aborted; the VM stays where it is."), true
		case PostCopy:
			return carryOn("The VM is being switched over; the rest of its memory follows on demand."), true
		}
	}
	return Decision{}, false
}

// view is a migration so far, with what the rules look at worked out.
type view struct {
	limits    Limits
	started   time.Time
	last      Round
	passes    []Round // the rounds that are over, from when the disk was copied
	downtime  int64   // the pause allowed now, in milliseconds
	pushed    Applied // the last decision that changed something
	throttled bool
	throttle  Applied
}

func newView(rounds []Round, applied []Applied, limits Limits) view {
	seen := view{limits: limits, last: rounds[len(rounds)-1], downtime: limits.StartDowntimeMS}
	seen.started = rounds[0].At.Add(-time.Duration(rounds[0].ElapsedMS) * time.Millisecond)
	for i, round := range rounds {
		if round.Iteration < seen.last.Iteration && round.Iteration < rounds[i+1].Iteration && !copyingDisk(round) {
			seen.passes = append(seen.passes, round)
		}
	}
	for _, decision := range applied {
		switch decision.Action {
		case RaiseDowntime:
			seen.downtime, seen.pushed = decision.DowntimeMS, decision
		case Throttle:
			seen.throttled, seen.throttle, seen.pushed = true, decision, decision
		}
	}
	seen.throttled = seen.throttled || seen.last.ThrottlePercent > 0
	return seen
}

func copyingDisk(round Round) bool {
	return round.DiskRemainingBytes > round.DiskTotalBytes/diskChatter
}

func (v view) elapsed(now time.Time) time.Duration {
	return max(now.Sub(v.started), time.Duration(v.last.ElapsedMS)*time.Millisecond)
}

// expected is the pause in milliseconds if the VM were switched over now, by the hypervisor's count or ours.
func (v view) expected() int64 { return pauseOf(v.judged()) }

// pauseOf takes the worse of the two: QEMU 7.2 keeps the limit itself as its expectation until it has counted a round
// (migration/migration.c, migration_update_counters).
func pauseOf(round Round) int64 {
	if round.BandwidthBytes <= 0 {
		return round.ExpectedDowntimeMS
	}
	return max(round.ExpectedDowntimeMS, milliseconds(float64(round.RemainingBytes)/float64(round.BandwidthBytes)))
}

// stuck reports whether waiting has stopped to help since the last decision that changed something.
func (v view) stuck(now time.Time) bool {
	if len(v.passes) == 0 {
		return false
	}
	pass := v.passes[len(v.passes)-1]
	since := v.since(v.pushed.Iteration)
	outrun := pass.DirtyRateBytes > 0 && pass.DirtyRateBytes >= pass.BandwidthBytes
	if len(since) > 0 && outrun && v.dueByTime(now) {
		return true
	}
	patience := 2
	if v.expected() <= v.downtime {
		patience = 4 // it should switch over by itself any moment
	}
	if len(since) < patience || len(v.passes) <= patience {
		return false
	}
	before := v.passes[len(v.passes)-1-patience]
	return float64(pass.RemainingBytes) > shrinks*float64(before.RemainingBytes)
}

// since returns the passes that began after the given iteration.
func (v view) since(iteration int64) []Round {
	for i, pass := range v.passes {
		if pass.Iteration > iteration {
			return v.passes[i:]
		}
	}
	return nil
}

// dueByTime reports whether so much time went by in so few rounds that all steps would not fit before the time-out.
func (v view) dueByTime(now time.Time) bool {
	share := time.Duration(v.limits.TimeoutSeconds) * time.Second / (2 * Steps)
	from := v.passes[0].At
	if v.pushed.Action != "" {
		from = v.pushed.At
	}
	return now.Sub(from) >= share
}

// push takes the next measure that the limits allow against a guest that is not converging.
func (v view) push() Decision {
	pass := v.passes[len(v.passes)-1]
	switch {
	case v.downtime < v.limits.MaxDowntimeMS:
		next := v.nextDowntime()
		return Decision{Action: RaiseDowntime, DowntimeMS: next, Reason: fmt.Sprintf(
			"%s The pause at the end may now be %d ms instead of %d ms.", v.rates(pass), next, v.downtime)}
	case v.limits.AllowThrottle && !v.throttled:
		return Decision{Action: Throttle, Reason: fmt.Sprintf(
			"%s The longest pause of %d ms is not enough, so the guest is slowed down.", v.rates(pass), v.limits.MaxDowntimeMS)}
	case v.limits.AllowThrottle && v.throttleMayHelp():
		return carryOn(fmt.Sprintf("The guest is slowed down by %d%%, and %s remain; this may need more rounds.",
			v.last.ThrottlePercent, Size(pass.RemainingBytes)))
	case v.limits.AllowPostCopy:
		return Decision{Action: PostCopy, Reason: fmt.Sprintf(
			"%s The longest pause of %d ms is not enough, so the VM is switched over now and the rest follows on demand.",
			v.rates(pass), v.limits.MaxDowntimeMS)}
	default:
		return carryOn(fmt.Sprintf("%s The longest pause of %d ms is not enough; it goes on until %s. %s",
			v.rates(pass), v.limits.MaxDowntimeMS, v.deadline().UTC().Format("15:04:05 UTC"), v.advice()))
	}
}

func (v view) throttleMayHelp() bool {
	if v.last.ThrottlePercent >= fullThrottle {
		return false
	}
	from := v.throttle.Iteration
	if v.throttle.Action == "" { // the hypervisor throttles by itself, from the start of the migration
		from = v.pushed.Iteration
	}
	return len(v.since(from)) < throttleRounds
}

// nextDowntime is the next step, or the first one that covers the expected pause where a step does.
func (v view) nextDowntime() int64 {
	next := v.limits.MaxDowntimeMS
	expected := v.expected()
	for _, step := range steps(v.limits) {
		if step > v.downtime && (step >= expected || expected > v.limits.MaxDowntimeMS) {
			next = step
			break
		}
	}
	return next
}

// steps are the pauses in milliseconds to try, growing by the same factor up to the longest one.
func steps(limits Limits) []int64 {
	first, longest := float64(max(1, limits.StartDowntimeMS)), float64(limits.MaxDowntimeMS)
	values := make([]int64, 0, Steps)
	for i := 1; i <= Steps; i++ {
		values = append(values, min(limits.MaxDowntimeMS, milliseconds(first*math.Pow(longest/first, float64(i)/Steps)/1000)))
	}
	return values
}

func (v view) timedOut() Decision {
	if copyingDisk(v.last) {
		return Decision{Action: Abort, Reason: fmt.Sprintf(
			"The time-out of %s passed with %s of the disk still to copy. Allow more time or bandwidth, or move the VM while it is off.",
			v.timeout(), Size(v.last.DiskRemainingBytes))}
	}
	if v.limits.AllowPostCopy {
		return Decision{Action: PostCopy, Reason: fmt.Sprintf(
			"The time-out of %s passed, so the VM is switched over now and the rest of its memory follows on demand.", v.timeout())}
	}
	return Decision{Action: Abort, Reason: fmt.Sprintf("The time-out of %s passed. %s %s", v.timeout(), v.rates(v.judged()), v.advice())}
}

func (v view) converging() Decision {
	if len(v.passes) == 0 {
		return carryOn(fmt.Sprintf("The first pass over the memory is under way: %s of %s remain.", Size(v.last.RemainingBytes), Size(v.last.TotalBytes)))
	}
	if v.expected() <= v.downtime {
		return carryOn(fmt.Sprintf("The pause would be about %d ms, within the %d ms allowed now; the switch-over is near.", v.expected(), v.downtime))
	}
	return carryOn(fmt.Sprintf("Round %d: %s remain and the pause would be about %d ms; another round may bring it under %d ms.",
		v.last.Iteration, Size(v.last.RemainingBytes), v.expected(), v.downtime))
}

// judged is the last round that is over, or the first one while it lasts.
func (v view) judged() Round {
	if len(v.passes) == 0 {
		return v.last
	}
	return v.passes[len(v.passes)-1]
}

func carryOn(reason string) Decision { return Decision{Action: Continue, Reason: reason} }

func milliseconds(seconds float64) int64 {
	return int64(math.Ceil(min(seconds*1000, float64(math.MaxInt32))))
}
