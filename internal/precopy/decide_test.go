package precopy

import (
	"strings"
	"testing"
	"time"
)

const mib = int64(1) << 20

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// pass makes the round of an iteration, seconds after the migration began.
func pass(iteration int64, seconds, remainingMiB, dirtyMiB, bandwidthMiB int64) Round {
	return Round{Iteration: iteration, At: start.Add(time.Duration(seconds) * time.Second), ElapsedMS: seconds * 1000,
		TotalBytes: 4096 * mib, RemainingBytes: remainingMiB * mib, DirtyRateBytes: dirtyMiB * mib, BandwidthBytes: bandwidthMiB * mib}
}

// hopeless is a guest that dirties twice what is sent, after so many rounds of two seconds, and the next one under way.
func hopeless(over int64) []Round {
	rounds := make([]Round, 0, over+1)
	for i := int64(1); i <= over; i++ {
		rounds = append(rounds, pass(i, 2*i, 800, 200, 100))
	}
	return append(rounds, pass(over+1, 2*over, 700, 200, 100))
}

// under adds the round that is under way.
func under(rounds ...Round) []Round {
	next := rounds[len(rounds)-1]
	next.Iteration++
	return append(rounds, next)
}

func done(action Action, downtime, iteration int64) Applied {
	return Applied{Decision: Decision{Action: action, DowntimeMS: downtime}, At: start.Add(time.Duration(2*iteration) * time.Second), Iteration: iteration, By: "rules"}
}

func TestDecide(t *testing.T) {
	copying := pass(1, 5, 4096, 0, 100)
	copying.DiskTotalBytes, copying.DiskRemainingBytes = 1000*mib, 400*mib
	chatter := hopeless(6)
	for i := range chatter {
		chatter[i].DiskTotalBytes, chatter[i].DiskRemainingBytes = 1000*mib, 10*mib
	}
	halfCopied := hopeless(6)
	for i := range halfCopied[:4] {
		halfCopied[i].DiskTotalBytes, halfCopied[i].DiskRemainingBytes = 1000*mib, 400*mib
	}
	over := pass(6, 12, 300, 0, 100)
	over.PostCopy = true
	slow := under(pass(1, 10, 64000, 200, 100), pass(2, 400, 64000, 200, 100))
	slowed := hopeless(8)
	slowed[8].ThrottlePercent = 40
	fully := hopeless(8)
	fully[8].ThrottlePercent = 99
	atMost := []Applied{done(RaiseDowntime, 500, 5)}
	for _, c := range []struct {
		name     string
		rounds   []Round
		applied  []Applied
		limits   Limits
		after    int64 // seconds
		want     Action
		downtime int64
		says     string
	}{
		{name: "nothing reported yet", want: Continue, says: "not been reported"},
		{name: "the first pass", rounds: hopeless(0), after: 2, want: Continue, says: "first pass"},
		{name: "rounds shrink", rounds: under(pass(1, 1, 4096, 20, 100), pass(2, 41, 800, 20, 100), pass(3, 49, 160, 20, 100), pass(4, 51, 32, 20, 100)), after: 51, want: Continue, says: "another round"},
		{name: "about to switch over", rounds: under(pass(1, 1, 4096, 1, 100), pass(2, 41, 4, 1, 100)), after: 41, want: Continue, says: "switch-over is near"},
		{name: "stopped shrinking", rounds: hopeless(3), after: 6, want: RaiseDowntime, downtime: 63, says: "200 MiB/s and only 100 MiB/s"},
		{name: "two rounds must follow a step", rounds: hopeless(5), applied: []Applied{done(RaiseDowntime, 63, 4)}, after: 10, want: Continue},
		{name: "the next step", rounds: hopeless(6), applied: []Applied{done(RaiseDowntime, 63, 4)}, after: 12, want: RaiseDowntime, downtime: 80},
		{name: "an operator's step counts", rounds: hopeless(6), applied: []Applied{done(RaiseDowntime, 300, 4)}, after: 12, want: RaiseDowntime, downtime: 316},
		{name: "a step that fits is taken at once", rounds: under(pass(1, 1, 256, 20, 100), pass(2, 4, 20, 20, 100), pass(3, 5, 20, 20, 100), pass(4, 6, 20, 20, 100)), after: 6, want: RaiseDowntime, downtime: 200},
		{name: "at most: slow it down", rounds: hopeless(8), applied: atMost, limits: Limits{AllowThrottle: true, AllowPostCopy: true}, after: 16, want: Throttle, says: "500 ms is not enough"},
		{name: "slowing down gets time", rounds: slowed, applied: append(atMost, done(Throttle, 0, 6)), limits: Limits{AllowThrottle: true, AllowPostCopy: true}, after: 16, want: Continue, says: "40%"},
		{name: "slowing down was not enough", rounds: fully, applied: append(atMost, done(Throttle, 0, 6)), limits: Limits{AllowThrottle: true, AllowPostCopy: true}, after: 16, want: PostCopy},
		{name: "the hypervisor throttles by itself", rounds: slowed, applied: atMost, limits: Limits{AllowThrottle: true}, after: 16, want: Continue},
		{name: "at most: post-copy", rounds: hopeless(8), applied: atMost, limits: Limits{AllowPostCopy: true}, after: 16, want: PostCopy, says: "follows on demand"},
		{name: "at most: nothing else is allowed", rounds: hopeless(8), applied: atMost, after: 16, want: Continue, says: "allow post-copy, or to allow the guest to be slowed down"},
		{name: "a bandwidth limit is named", rounds: hopeless(8), applied: atMost, limits: Limits{BandwidthBytes: 100 * mib}, after: 16, want: Continue, says: "lift the bandwidth limit of 100 MiB/s"},
		{name: "time-out", rounds: hopeless(8), after: 801, want: Abort, says: "time-out of 13m20s passed. The guest dirties 200 MiB/s"},
		{name: "time-out with post-copy", rounds: hopeless(8), limits: Limits{AllowPostCopy: true, TimeoutSeconds: 30}, after: 30, want: PostCopy},
		{name: "time-out in the disk", rounds: []Round{copying}, limits: Limits{AllowPostCopy: true, TimeoutSeconds: 30}, after: 31, want: Abort, says: "400 MiB of the disk"},
		{name: "the disk first", rounds: []Round{copying, copying, copying, copying}, after: 20, want: Continue, says: "The disk is being copied: 400 MiB of 1000 MiB"},
		{name: "rounds beside the disk copy do not count", rounds: halfCopied, after: 12, want: Continue},
		{name: "a disk that only chatters", rounds: chatter, after: 12, want: RaiseDowntime, downtime: 63},
		{name: "slow rounds may not use up the time", rounds: slow, after: 420, want: RaiseDowntime, downtime: 63},
		{name: "post-copy is under way", rounds: []Round{over}, after: 5000, want: Continue, says: "runs on the target"},
		{name: "post-copy was asked for", rounds: hopeless(8), applied: []Applied{done(PostCopy, 0, 8)}, after: 5000, want: Continue},
		{name: "an abort was asked for", rounds: hopeless(8), applied: []Applied{done(Abort, 0, 8)}, after: 5000, want: Continue, says: "aborted"},
		{name: "it fits, and QEMU takes its time", rounds: under(pass(1, 1, 256, 0, 100), pass(2, 4, 4, 0, 100), pass(3, 5, 4, 0, 100), pass(4, 6, 4, 0, 100)), after: 6, want: Continue},
		{name: "it fits, and QEMU never does it", rounds: under(pass(1, 1, 256, 0, 100), pass(2, 4, 4, 0, 100), pass(3, 5, 4, 0, 100), pass(4, 6, 4, 0, 100), pass(5, 7, 4, 0, 100), pass(6, 8, 4, 0, 100)), after: 8, want: RaiseDowntime, downtime: 63, says: "The rounds stopped shrinking: 4 MiB remain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.limits.StartDowntimeMS = 50
			got := Decide(c.rounds, c.applied, c.limits, start.Add(time.Duration(c.after)*time.Second))
			if got.Action != c.want || got.DowntimeMS != c.downtime {
				t.Fatalf("got %+v, want %s with %d ms", got, c.want, c.downtime)
			}
			if !strings.Contains(got.Reason, c.says) || !strings.HasSuffix(got.Reason, ".") {
				t.Errorf("reason %q should be a sentence with %q", got.Reason, c.says)
			}
		})
	}
}

func TestReadingsWithinAnIterationAreNotRounds(t *testing.T) {
	var rounds []Round
	for i := range int64(10) {
		rounds = append(rounds, pass(2, i, 800-i, 200, 100))
	}
	rounds = append(rounds, pass(3, 10, 800, 200, 100))
	if got := Decide(rounds, nil, Limits{}, start.Add(10*time.Second)); got.Action != Continue {
		t.Errorf("ten readings of one iteration are one round, got %+v", got)
	}
}

func TestPredict(t *testing.T) {
	shrinking := pass(3, 60, 100, 50, 100)
	still := pass(3, 60, 300, 0, 100)
	copying := pass(2, 60, 300, 200, 100)
	copying.PostCopy = true
	fits := pass(3, 60, 4, 200, 100)
	fitsTheLongest := pass(3, 60, 40, 200, 100)
	unknown := Round{ElapsedMS: 7, ExpectedDowntimeMS: 300}
	for _, c := range []struct {
		name            string
		rounds          []Round
		downtime, total int64
	}{
		{name: "nothing known"},
		{"no bandwidth yet", []Round{unknown}, 300, 7},
		{"a guest at rest", []Round{still}, 0, 63000},
		{"rounds halve: 1000, 500, 250, 125, 62.5 ms, then 31.25", []Round{shrinking}, 32, 60000 + 1000 + 1969 - 1000 + 1000 - 1000},
		{"fits now", []Round{fits}, 40, 60040},
		{"fits the longest pause", []Round{fitsTheLongest}, 400, 60400},
		{"never", []Round{pass(3, 60, 800, 200, 100)}, 8000, 800000},
		{"post-copy", []Round{copying}, 0, 63000},
	} {
		t.Run(c.name, func(t *testing.T) {
			downtime, total := Predict(c.rounds, Limits{StartDowntimeMS: 50})
			if downtime != c.downtime || total != c.total {
				t.Errorf("got %d ms, %d ms; want %d ms, %d ms", downtime, total, c.downtime, c.total)
			}
		})
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1 << 30: "1 GiB", 1<<30 - 1: "1 GiB", 5 << 50: "5 PiB", 5 << 60: "5120 PiB"} {
		if got := Size(bytes); got != want {
			t.Errorf("Size(%d) = %q, want %q", bytes, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, bad := range []Limits{{BandwidthBytes: -1}, {BandwidthBytes: 5}, {MaxDowntimeMS: -1}, {MaxDowntimeMS: 2_000_001}, {StartDowntimeMS: 501}, {StartDowntimeMS: -1}, {TimeoutSeconds: -1}} {
		if bad.Check() == nil {
			t.Errorf("%+v should be refused", bad)
		}
	}
	if err := (Limits{MaxDowntimeMS: 20}).Check(); err != nil {
		t.Errorf("a longest pause below the usual first one: %v", err)
	}
	if got := (Limits{MaxDowntimeMS: 20}).Default(); got.StartDowntimeMS != 20 {
		t.Errorf("the first pause is the longest one if that is less, got %d", got.StartDowntimeMS)
	}
}
