package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// figure is one line of the output.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Bar   string  `json:"bar"`
	OK    bool    `json:"ok"`
}

// atMost prints a figure whose bar it may reach, below one whose bar it must stay under.
func (b *bench) atMost(name string, value float64, unit string, bar float64) {
	b.print(figure{Name: name, Value: value, Unit: unit, Bar: fmt.Sprintf("<= %g", bar), OK: value <= bar})
}

func (b *bench) atLeast(name string, value float64, unit string, bar float64) {
	b.print(figure{Name: name, Value: value, Unit: unit, Bar: fmt.Sprintf(">= %g", bar), OK: value >= bar})
}

func (b *bench) below(name string, value float64, unit string, bar float64) {
	b.print(figure{Name: name, Value: value, Unit: unit, Bar: fmt.Sprintf("< %g", bar), OK: value < bar})
}

func (b *bench) print(measured figure) {
	measured.Value = math.Round(measured.Value*1000) / 1000
	b.missed = b.missed || !measured.OK
	lines := json.NewEncoder(os.Stdout)
	lines.SetEscapeHTML(false) // bars hold < and are read by people too
	_ = lines.Encode(measured) // a closed pipe: nobody reads any more
}

func note(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }

func median[N ~int64 | ~float64](values []N) N {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile99 is the smallest value that 99 of 100 do not exceed, in milliseconds.
func percentile99(took []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(took))
	return float64(sorted[int(math.Ceil(0.99*float64(len(sorted))))-1].Microseconds()) / 1000
}
