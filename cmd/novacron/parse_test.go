package main

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		read func(string) (int64, error)
		good map[string]int64
		bad  []string
	}{
		{parseSize, map[string]int64{"128MiB": 128 << 20, "1GiB": 1 << 30, "2G": 2 << 30, "2g": 2 << 30, "1.5GiB": 3 << 29, "500MB": 500e6, "1024": 1024, "1 TiB": 1 << 40, "4k": 4096, "7B": 7},
			[]string{"", "MiB", "-1GiB", "1XB", "1e3", "0.1B", "9999999999999TiB", "1GiB2", "NaN", "0x10"}},
		{parseBandwidth, map[string]int64{"100": 100 << 20, "1.5": 3 << 19, "100MiB": 100 << 20, "1GiB/s": 1 << 30, "100/s": 100 << 20}, []string{"", "fast", "-5", "1e300"}},
		{parseMilliseconds, map[string]int64{"300": 300, "300ms": 300, "1.5s": 1500, "0": 0}, []string{"", "-1", "-1s", "soon"}},
		{parseSpan, map[string]int64{"30s": 30, "90m": 5400, "6h": 21600, "2d": 172800, "1w": 604800}, []string{"", "0s", "5", "-1h", "99999999999d", "1y"}},
	} {
		for text, want := range c.good {
			if got, err := c.read(text); err != nil || got != want {
				t.Errorf("%q: %d, %v; want %d", text, got, err, want)
			}
		}
		for _, text := range c.bad {
			if got, err := c.read(text); err == nil {
				t.Errorf("%q is %d, want an error", text, got)
			}
		}
	}
}

func TestTimesForPeople(t *testing.T) {
	p := &program{surroundings: surroundings{now: func() time.Time { return now }}}
	for ago, want := range map[time.Duration]string{
		0: "now", 3 * time.Second: "now", 30 * time.Second: "30s ago", 90 * time.Second: "1m ago", 47 * time.Hour: "47h ago", 72 * time.Hour: "3d ago", -2 * time.Hour: "in 2h",
	} {
		if got := p.ago(now.Add(-ago)); got != want {
			t.Errorf("%s: %q, want %q", ago, got, want)
		}
	}
	if p.ago(time.Time{}) != "-" || p.exact(time.Time{}) != "" {
		t.Error("no time at all")
	}
	for length, want := range map[time.Duration]string{-time.Second: "0s", 1500 * time.Millisecond: "1.5s", 42 * time.Second: "42s", 125 * time.Second: "2m05s", 3 * time.Hour: "3h00m"} {
		if got := brief(length); got != want {
			t.Errorf("%s: %q, want %q", length, got, want)
		}
	}
}

func TestTemporalIsBesideTheServer(t *testing.T) {
	for url, want := range map[string]string{"http://10.0.0.1:8080": "10.0.0.1:7233", "https://novacron.example.org": "novacron.example.org:7233", "http://[::1]:8080": "[::1]:7233", "::": "TEMPORAL-ADDRESS:7233"} {
		if got := temporalBeside(url); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
}
