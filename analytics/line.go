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
	irregular float64 // the same without the daily rhythm
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
// autocorrelation r leaves n(1-r)/(1+r) of n. A daily rhythm repeats and says nothing against a trend, so it is taken out
// for that.
func (l *line) measure(points []Point) {
	n := float64(len(points))
	mean, spreadY := 0.0, 0.0
	for _, point := range points {
		mean += point.Value / n
	}
	residuals := make([]float64, len(points))
	for i, point := range points {
		residuals[i] = point.Value - l.at(l.days(point.At))
		spreadY += (point.Value - mean) * (point.Value - mean)
	}
	squares := sumOfSquares(residuals)
	l.spread = math.Sqrt(squares / (n - 2))
	if spreadY > 0 {
		l.fit = max(0, 1-squares/spreadY)
	}
	if l.span >= rhythm {
		flatten(residuals, points)
	}
	irregular, lagged := sumOfSquares(residuals), 0.0
	for i := 1; i < len(residuals); i++ {
		lagged += residuals[i] * residuals[i-1]
	}
	l.irregular = math.Sqrt(irregular / (n - 2))
	l.effective = n
	if r := lagged / irregular; r > 0 {
		l.effective = max(4, n*(1-r)/(1+r))
	}
	l.quantile = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: l.effective - 2}.Quantile(1 - (1-confidence)/2)
}

func sumOfSquares(values []float64) float64 {
	sum := 0.0
	for _, value := range values {
		sum += value * value
	}
	return sum
}

// flatten takes the mean of each hour of the day out of the residuals.
func flatten(residuals []float64, points []Point) {
	var sums, counts [24]float64
	for i, point := range points {
		sums[point.At.Hour()] += residuals[i]
		counts[point.At.Hour()]++
	}
	for i, point := range points {
		if hour := point.At.Hour(); counts[hour] > 1 {
			residuals[i] -= sums[hour] / counts[hour]
		}
	}
}

func (l *line) days(at time.Time) float64 { return at.Sub(l.origin).Hours() / 24 }

func (l *line) at(days float64) float64 { return l.intercept + l.slope*days }

// interval is half the width of the prediction interval at an instant.
func (l *line) interval(days float64) float64 {
	distance := days - l.meanX
	line := l.irregular * l.irregular * (1/l.effective + distance*distance/l.effectiveXX())
	return l.quantile * math.Sqrt(l.spread*l.spread+line)
}

func (l *line) effectiveXX() float64 { return l.sumXX * l.effective / float64(l.points) }

// slopeInterval is half the width of the slope's confidence interval, per day.
func (l *line) slopeInterval() float64 { return l.quantile * l.irregular / math.Sqrt(l.effectiveXX()) }
