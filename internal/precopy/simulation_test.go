package precopy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// guest simulates QEMU's precopy loop for a guest that dirties memory at a rate, within a working set.
type guest struct {
	total, working, dirty, bandwidth float64
	disk                             float64
	honoursThrottle                  bool
}

type outcome string

const (
	switched outcome = "switched"
	postCopy outcome = "post-copy"
	aborted  outcome = "aborted"
)

// migrate runs the loop under the rules and says how it ended, when and by which decisions.
func (g guest) migrate(t *rapid.T, limits Limits) (outcome, time.Duration, []Applied) {
	var rounds []Round
	var applied []Applied
	filled := limits.Default()
	clock, allowed, throttle := 0.0, float64(filled.StartDowntimeMS)/1000, 0.0
	remaining, disk, iteration := g.total, g.disk, int64(1)
	for range 100_000 {
		rate := g.dirty * (1 - throttle/100)
		now := start.Add(time.Duration(clock * float64(time.Second)))
		round := Round{Iteration: iteration, At: now, ElapsedMS: int64(clock * 1000), TotalBytes: int64(g.total),
			RemainingBytes: int64(remaining), DirtyRateBytes: int64(rate), BandwidthBytes: int64(g.bandwidth), ThrottlePercent: int(throttle),
			ExpectedDowntimeMS: int64(remaining / g.bandwidth * 1000), DiskTotalBytes: int64(g.disk), DiskRemainingBytes: int64(disk)}
		if count := len(rounds); count > 0 && rounds[count-1].Iteration == iteration {
			rounds[count-1] = round
		} else {
			rounds = append(rounds, round)
		}
		decision := Decide(rounds, applied, limits, now)
		if decision.Action != Continue {
			applied = append(applied, Applied{Decision: decision, At: now, Iteration: iteration, By: "rules"})
		}
		switch decision.Action {
		case PostCopy:
			return postCopy, now.Sub(start), applied
		case Abort:
			return aborted, now.Sub(start), applied
		case RaiseDowntime:
			allowed = float64(decision.DowntimeMS) / 1000
		case Throttle:
			throttle = 20
		}
		if disk > 0 {
			clock++
			disk = max(0, disk-g.bandwidth)
			continue
		}
		if iteration == 1 && remaining > g.bandwidth { // the first pass is watched while it lasts
			remaining, clock = remaining-g.bandwidth, clock+1
			continue
		}
		if iteration > 1 && remaining/g.bandwidth <= allowed {
			return switched, now.Sub(start), applied
		}
		sending := max(remaining/g.bandwidth, 0.2)
		clock += sending
		remaining = min(g.working, rate*sending)
		if iteration == 1 {
			remaining = min(g.working, rate*clock)
		}
		rounds[len(rounds)-1].RemainingBytes, rounds[len(rounds)-1].ExpectedDowntimeMS = int64(remaining), int64(remaining/g.bandwidth*1000)
		iteration++
		if throttle > 0 && g.honoursThrottle {
			throttle = min(99, throttle+10)
		}
	}
	t.Fatalf("no end after 100,000 rounds")
	return "", 0, nil
}

func drawGuest(t *rapid.T) (guest, Limits) {
	megabytes := func(name string, low, high int) float64 {
		return float64(rapid.IntRange(low, high).Draw(t, name)) * float64(mib)
	}
	g := guest{total: megabytes("total", 64, 16<<10), dirty: megabytes("dirty", 0, 5000), bandwidth: megabytes("bandwidth", 100, 2000),
		honoursThrottle: rapid.Bool().Draw(t, "honours_throttle")}
	g.working = g.total * float64(rapid.IntRange(0, 100).Draw(t, "working_percent")) / 100
	if rapid.Bool().Draw(t, "has_disk") {
		g.disk = megabytes("disk", 16, 20<<10)
	}
	limits := Limits{MaxDowntimeMS: int64(rapid.IntRange(0, 5000).Draw(t, "max_downtime")), TimeoutSeconds: int64(rapid.IntRange(1, 100).Draw(t, "timeout")),
		AllowThrottle: rapid.Bool().Draw(t, "throttle"), AllowPostCopy: rapid.Bool().Draw(t, "post_copy")}
	return g, limits
}

func TestEveryMigrationEndsWithinItsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, limits := drawGuest(t)
		how, took, applied := g.migrate(t, limits)
		filled := limits.Default()
		slowest := time.Duration(max(2, g.working/g.bandwidth, 1+g.bandwidth/g.bandwidth) * float64(time.Second))
		if took > time.Duration(filled.TimeoutSeconds)*time.Second+slowest {
			t.Fatalf("%s after %s, beyond the time-out of %d s and one round", how, took, filled.TimeoutSeconds)
		}
		if how == postCopy && !limits.AllowPostCopy {
			t.Fatal("post-copy was not allowed")
		}
		if how == aborted && limits.AllowPostCopy && g.disk == 0 {
			t.Fatal("aborted although post-copy was allowed")
		}
		downtime, seen := filled.StartDowntimeMS, map[Action]int{}
		for _, decision := range applied {
			seen[decision.Action]++
			switch {
			case decision.Action == RaiseDowntime && (decision.DowntimeMS <= downtime || decision.DowntimeMS > filled.MaxDowntimeMS):
				t.Fatalf("the pause goes from %d to %d ms with at most %d", downtime, decision.DowntimeMS, filled.MaxDowntimeMS)
			case decision.Action == RaiseDowntime:
				downtime = decision.DowntimeMS
			case decision.Action == Throttle && !limits.AllowThrottle:
				t.Fatal("throttling was not allowed")
			case seen[decision.Action] > 1:
				t.Fatalf("%s was decided twice", decision.Action)
			}
		}
		if seen[RaiseDowntime] > Steps {
			t.Fatalf("%d steps", seen[RaiseDowntime])
		}
	})
}

func TestAGuestThatConvergesIsLeftAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, limits := drawGuest(t)
		g.disk, limits.TimeoutSeconds, limits.MaxDowntimeMS = 0, 1200, max(200, limits.MaxDowntimeMS)
		g.dirty = g.bandwidth * float64(rapid.IntRange(0, 60).Draw(t, "dirty_percent")) / 100
		how, _, applied := g.migrate(t, limits)
		// A small working set may be sent again and again without shrinking; a longer pause is the mild answer to that.
		harsh := func(decision Applied) bool { return decision.Action != RaiseDowntime }
		if how != switched || slices.ContainsFunc(applied, harsh) {
			t.Fatalf("%s with %+v", how, applied)
		}
	})
}

func TestPredictionsAreNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) int64 { return rapid.Int64Range(0, 1<<50).Draw(t, name) }
		round := Round{Iteration: number("iteration"), ElapsedMS: number("elapsed"), RemainingBytes: number("remaining"),
			DirtyRateBytes: number("dirty"), BandwidthBytes: number("bandwidth"), DiskRemainingBytes: number("disk")}
		downtime, total := Predict([]Round{round}, Limits{})
		if downtime < 0 || total < round.ElapsedMS && total < 800_000 {
			t.Fatalf("%d ms, %d ms for %+v", downtime, total, round)
		}
	})
}
