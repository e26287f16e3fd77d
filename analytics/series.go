package analytics

import (
	"math"
	"slices"
	"time"
)

const (
	// maxPoints bounds the points of a line: sajari/regression v1.0.1 factorizes into a square matrix with a row for each.
	maxPoints = 120
	// minBucket is the narrowest share of time that readings are averaged over.
	minBucket = time.Minute
	// silentAfter is how old the last reading of a host or pool may be for it to count in the cluster.
	silentAfter = time.Hour
)

// clean drops what is not a reading, sorts the rest and averages readings of the same instant.
func clean(points []Point, now time.Time) []Point {
	kept := make([]Point, 0, len(points))
	for _, point := range points {
		if math.IsNaN(point.Value) || point.Value < 0 || point.Value > math.MaxInt64 || point.At.IsZero() || point.At.After(now) {
			continue
		}
		kept = append(kept, Point{At: point.At.UTC(), Value: point.Value})
	}
	slices.SortStableFunc(kept, func(a, b Point) int { return a.At.Compare(b.At) })
	return kept
}

// thin averages sorted points over at most limit equal shares of their time. Shares without a reading have no point.
func thin(points []Point, limit int) []Point {
	if len(points) == 0 {
		return nil
	}
	first := points[0].At
	span := points[len(points)-1].At.Sub(first)
	width := max(minBucket, span/time.Duration(limit)+1)
	thinned := make([]Point, 0, min(len(points), limit))
	for begin := 0; begin < len(points); {
		share := points[begin].At.Sub(first) / width
		end, sum, offset := begin, 0.0, 0.0
		for ; end < len(points) && points[end].At.Sub(first)/width == share; end++ {
			sum += points[end].Value
			offset += points[end].At.Sub(points[begin].At).Seconds()
		}
		count := float64(end - begin)
		middle := time.Duration(offset / count * float64(time.Second))
		thinned = append(thinned, Point{At: points[begin].At.Add(middle), Value: sum / count})
		begin = end
	}
	return thinned
}

// total is a sum over hosts or pools.
type total struct {
	capacity float64
	promised float64
	silent   []string
	parts    [][]Point
}

// add takes one more part into the sum; one whose readings ended some time ago would bend the trend and is left out.
func (t *total) add(ask question, name string, capacity, promised float64, readings []Point) {
	points := thin(clean(readings, ask.now), maxPoints)
	if len(points) == 0 || ask.now.Sub(points[len(points)-1].At) > silentAfter {
		t.silent = append(t.silent, name)
		return
	}
	t.capacity += max(0, capacity)
	t.promised += promised
	t.parts = append(t.parts, points)
}

// series sums the parts at the instants that all of them cover, reading between their points along straight lines.
func (t *total) series() []Point {
	if len(t.parts) == 0 {
		return nil
	}
	first, last := t.parts[0][0].At, t.parts[0][len(t.parts[0])-1].At
	most := 0
	for _, part := range t.parts {
		if part[0].At.After(first) {
			first = part[0].At
		}
		if part[len(part)-1].At.Before(last) {
			last = part[len(part)-1].At
		}
		most = max(most, len(part))
	}
	if last.Before(first) { // they have no time in common, which is enough for what is used now and for no trend
		last = first
	}
	count := most
	width := last.Sub(first) / time.Duration(max(1, count-1))
	if width == 0 {
		count = 1
	}
	summed := make([]Point, count)
	for i := range summed {
		summed[i].At = first.Add(width * time.Duration(i))
		for _, part := range t.parts {
			summed[i].Value += valueAt(part, summed[i].At)
		}
	}
	return summed
}

// valueAt reads between the points around an instant that lies within them.
func valueAt(points []Point, at time.Time) float64 {
	next, exact := slices.BinarySearchFunc(points, at, func(p Point, t time.Time) int { return p.At.Compare(t) })
	if exact || next == 0 {
		return points[min(next, len(points)-1)].Value
	}
	if next == len(points) {
		return points[next-1].Value
	}
	before, after := points[next-1], points[next]
	share := float64(at.Sub(before.At)) / float64(after.At.Sub(before.At))
	return before.Value + share*(after.Value-before.Value)
}
