package analytics

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// What a trend needs at least. A line through less says more about noise than about growth.
const (
	NeededPoints = 12
	NeededHours  = 6
)

const (
	// trusted is how many times the length of the history a line without clear growth is believed into the future.
	trusted = 4
	// rhythm is the history from which a daily rhythm no longer passes for a trend.
	rhythm = 48 * time.Hour
)

// chart is how many points of history and forecast a resource carries: many hosts must fit into one workflow result.
type chart struct{ history, forecast int }

var (
	clusterChart = chart{history: 120, forecast: 30}
	hostChart    = chart{history: 24, forecast: 8}
)

// question is what is asked of every resource.
type question struct {
	now         time.Time
	horizonDays float64
}

// amount is a resource's size and promises.
type amount struct {
	name, unit      string
	total, promised float64
}

// resource plans one resource from its readings.
func (q question) resource(size amount, readings []Point, drawn chart) Resource {
	planned := Resource{Name: size.name, Unit: size.unit, Total: size.total, Promised: size.promised}
	if math.IsNaN(size.total) || math.IsInf(size.total, 0) || size.total <= 0 {
		planned.Total, planned.Verdict, planned.Text = 0, NoCapacity, "Its capacity is not known."
		return planned
	}
	planned.PromisedFraction = size.promised / size.total
	usable := clean(readings, q.now)
	if len(usable) > 0 {
		planned.Used = recent(usable)
		planned.UsedFraction = planned.Used / size.total
		planned.History = thin(usable, drawn.history)
	}
	means := thin(usable, maxPoints)
	if missing := tooLittle(means); missing != nil {
		planned.Verdict, planned.Missing = NotEnoughHistory, missing
		planned.Text = fmt.Sprintf("Not enough history: %s over %s; a trend needs %d over at least %d hours.",
			points(missing.Points), span(time.Duration(missing.Hours*float64(time.Hour))), NeededPoints, NeededHours)
		if planned.Used >= size.total {
			planned.Verdict, planned.Text = Full, "It is full."
		}
		return planned
	}
	fitted, ok := fitLine(means)
	if !ok {
		planned.Verdict, planned.Text = NotEnoughHistory, "Not enough history: the readings allow no line."
		return planned
	}
	planned.Trend = &Trend{PerDay: fitted.slope, PerDayLow: fitted.slope - fitted.slopeInterval(), PerDayHigh: fitted.slope + fitted.slopeInterval(),
		Points: fitted.points, SpanHours: fitted.span.Hours(), Fit: fitted.fit, ResidualSpread: fitted.spread}
	q.judge(&planned, &fitted)
	if planned.Verdict != Full && fitted.span < rhythm {
		planned.Text += fmt.Sprintf(" This rests on %s only, in which a daily rhythm can look like growth.", span(fitted.span))
	}
	planned.Forecast = q.forecast(&fitted, drawn.forecast)
	return planned
}

// recent is the mean of the last hour before the last reading.
func recent(sorted []Point) float64 {
	last := sorted[len(sorted)-1].At
	sum, count := 0.0, 0
	for i := len(sorted) - 1; i >= 0 && last.Sub(sorted[i].At) <= time.Hour; i-- {
		sum, count = sum+sorted[i].Value, count+1
	}
	return sum / float64(count)
}

func tooLittle(points []Point) *Missing {
	hours := 0.0
	if len(points) > 0 {
		hours = points[len(points)-1].At.Sub(points[0].At).Hours()
	}
	// Readings of N hours, averaged, span a little less than N.
	if len(points) >= NeededPoints && hours >= NeededHours*(1-1.0/maxPoints) {
		return nil
	}
	return &Missing{Points: len(points), NeededPoints: NeededPoints, Hours: hours, NeededHours: NeededHours}
}

// judge finds when the line and the ends of its interval reach the total. A slope that may as well be none says nothing
// of the far future, so then only the near one counts.
func (q question) judge(planned *Resource, fitted *line) {
	expected := q.crossing(fitted, planned.Total, 0)
	earliest := q.crossing(fitted, planned.Total, +1)
	latest := q.crossing(fitted, planned.Total, -1)
	grows := planned.Trend.PerDayLow > 0
	if earliest != nil && !grows && *earliest > trusted*fitted.span.Hours()/24 {
		earliest = nil
	}
	switch {
	case planned.Used >= planned.Total:
		planned.Verdict, planned.Text = Full, "It is full."
		return
	case expected != nil && grows:
		planned.Verdict = RunsOut
		planned.Text = fmt.Sprintf("Runs out in %s (%s).", inDays(*expected), between(earliest, latest, q.horizonDays))
	case earliest != nil:
		planned.Verdict = MayRunOut
		planned.Text = fmt.Sprintf("May run out in %s at the earliest; no growth stands out from the ups and downs.", inDays(*earliest))
		if grows {
			planned.Text = fmt.Sprintf("May run out in %s at the earliest; by the trend it holds for %.0f days.", inDays(*earliest), q.horizonDays)
		}
	default:
		planned.Verdict = Holds
		planned.Text = fmt.Sprintf("Holds for at least %.0f days.", q.horizonDays)
		return
	}
	planned.RunOut = &RunOut{Days: expected, EarliestDays: earliest, LatestDays: latest}
	planned.RunOut.At, planned.RunOut.EarliestAt, planned.RunOut.LatestAt = q.date(expected), q.date(earliest), q.date(latest)
}

func (q question) date(days *float64) *time.Time {
	if days == nil {
		return nil
	}
	return later(q.now, *days)
}

// crossing returns the days from now until the line (side 0) or an end of its interval (side +1 or -1) first reaches the
// total; nil if not within the horizon.
func (q question) crossing(fitted *line, total float64, side float64) *float64 {
	offset := fitted.days(q.now)
	reaches := func(days float64) bool {
		at := offset + days
		return fitted.at(at)+side*fitted.interval(at) >= total
	}
	const parts = 512
	for i := 0; i <= parts; i++ {
		high := q.horizonDays * float64(i) / parts
		if !reaches(high) {
			continue
		}
		low := max(0, high-q.horizonDays/parts)
		for range 30 {
			if middle := (low + high) / 2; reaches(middle) {
				high = middle
			} else {
				low = middle
			}
		}
		return &high
	}
	return nil
}

func (q question) forecast(fitted *line, count int) []Outlook {
	outlooks := make([]Outlook, 0, count+1)
	offset := fitted.days(q.now)
	for i := 0; i <= count; i++ {
		days := q.horizonDays * float64(i) / float64(count)
		value, half := fitted.at(offset+days), fitted.interval(offset+days)
		outlooks = append(outlooks, Outlook{At: *later(q.now, days), Value: max(0, value), Low: max(0, value-half), High: max(0, value+half)})
	}
	return outlooks
}

func inDays(days float64) string {
	switch {
	case days < 1.0/24:
		return "less than an hour"
	case days < 2:
		return fmt.Sprintf("%.0f hours", math.Ceil(days*24))
	default:
		return fmt.Sprintf("%.0f days", days)
	}
}

func between(earliest, latest *float64, horizon float64) string {
	parts := make([]string, 0, 2)
	if earliest != nil {
		parts = append(parts, inDays(*earliest)+" at the earliest")
	}
	if latest != nil {
		parts = append(parts, inDays(*latest)+" at the latest")
	} else {
		parts = append(parts, fmt.Sprintf("perhaps not within %.0f days", horizon))
	}
	return strings.Join(parts, ", ")
}

func points(count int) string {
	if count == 1 {
		return "1 point"
	}
	return fmt.Sprintf("%d points", count)
}

func span(length time.Duration) string {
	if length < time.Hour {
		return fmt.Sprintf("%.0f minutes", length.Minutes())
	}
	return fmt.Sprintf("%.1f hours", length.Hours())
}
