package analytics

import (
	"math"
	"time"

	"github.com/sajari/regression"
	"gonum.org/v1/gonum/stat/distuv"
)

// confidence is the part of outcomes that an interval covers.
const confidence = 0.90

// line is a least-squares line over time with what its intervals need. Times are days from origin.
type line struct {
	origin    time.Time
	intercept float64
	slope     float64
	points    int
	span      time.Duration
	spread    float64 // standard deviation of the residuals
	meanX     float64
	sumXX     float64 // sum of squared distances from meanX
	effective float64 // number of independent points that the correlated ones are worth
	quantile  float64 // of Student's t
	fit       float64
}

// fitLine needs at least three points at different times; false if it cannot be done.
func fitLine(points []Point) (line, bool) {
	if len(points) < 3 {
		return line{}, false
	}
	fitted := line{origin: points[len(points)-1].At, points: len(points), span: points[len(points)-1].At.Sub(points[0].At)}
	scale := 0.0 // so that bytes and CPUs are equally well conditioned
	for _, point := range points {
		fitted.meanX += fitted.days(point.At) / float64(len(points))
		scale = math.Max(scale, point.Value)
	}
	if scale == 0 {
		scale = 1
	}
	model := new(regression.Regression)
	for _, point := range points {
		x := fitted.days(point.At) - fitted.meanX
		fitted.sumXX += x * x
		model.Train(regression.DataPoint(point.Value/scale, []float64{x}))
	}
	if fitted.sumXX == 0 || model.Run() != nil {
		return line{}, false
	}
	fitted.slope = model.Coeff(1) * scale
	fitted.intercept = model.Coeff(0)*scale - fitted.slope*fitted.meanX
	if math.IsNaN(fitted.slope) || math.IsNaN(fitted.intercept) {
		return line{}, false
	}
	fitted.measure(points)
	return fitted, true
}

// measure works out the spread around the line and how many independent points it rests on. Neighbouring readings of a
// machine resemble each other, so taking each for independent would make the intervals far too narrow; a first-order
// autocorrelation r leaves n(1-r)/(1+r) of n.
func (l *line) measure(points []Point) {
	n := float64(len(points))
	mean, squares, spreadY, lagged, before := 0.0, 0.0, 0.0, 0.0, 0.0
	for _, point := range points {
		mean += point.Value / n
	}
	for i, point := range points {
		residual := point.Value - l.at(l.days(point.At))
		squares += residual * residual
		spreadY += (point.Value - mean) * (point.Value - mean)
		if i > 0 {
			lagged += residual * before
		}
		before = residual
	}
	l.effective = n
	if squares > 0 {
		if r := lagged / squares; r > 0 {
			l.effective = max(4, n*(1-r)/(1+r))
		}
	}
	l.spread = math.Sqrt(squares / (n - 2))
	if spreadY > 0 {
		l.fit = max(0, 1-squares/spreadY)
	}
	l.quantile = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: l.effective - 2}.Quantile(1 - (1-confidence)/2)
}

func (l *line) days(at time.Time) float64 { return at.Sub(l.origin).Hours() / 24 }

func (l *line) at(days float64) float64 { return l.intercept + l.slope*days }

// interval is half the width of the prediction interval at an instant.
func (l *line) interval(days float64) float64 {
	distance := days - l.meanX
	return l.quantile * l.spread * math.Sqrt(1+1/l.effective+distance*distance/l.effectiveXX())
}

func (l *line) effectiveXX() float64 { return l.sumXX * l.effective / float64(l.points) }

// slopeInterval is half the width of the slope's confidence interval, per day.
func (l *line) slopeInterval() float64 { return l.quantile * l.spread / math.Sqrt(l.effectiveXX()) }
