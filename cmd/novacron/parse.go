package main

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/novacron/novacron/internal/fault"
)

var quantity = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)$`)

var units = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "ki": 1 << 10, "kib": 1 << 10, "kb": 1e3,
	"m": 1 << 20, "mi": 1 << 20, "mib": 1 << 20, "mb": 1e6,
	"g": 1 << 30, "gi": 1 << 30, "gib": 1 << 30, "gb": 1e9,
	"t": 1 << 40, "ti": 1 << 40, "tib": 1 << 40, "tb": 1e12,
}

// parseSize reads 128MiB, 1GiB, 2G, 1.5g, 500MB or a plain number of bytes. K, M, G and T alone are binary, as for QEMU.
func parseSize(text string) (int64, error) {
	match := quantity.FindStringSubmatch(strings.TrimSpace(text))
	if match == nil {
		return 0, fault.Invalid("%q is not a size; it should look like 128MiB, 1GiB or 2G", text)
	}
	unit, known := units[strings.ToLower(match[2])]
	number, err := strconv.ParseFloat(match[1], 64)
	bytes := number * unit
	if !known || err != nil || bytes >= math.MaxInt64 {
		return 0, fault.Invalid("%q is not a size; it should look like 128MiB, 1GiB or 2G", text)
	}
	if bytes != math.Trunc(bytes) {
		return 0, fault.Invalid("%q is not a whole number of bytes", text)
	}
	return int64(bytes), nil
}

// parseBandwidth reads MiB a second: 100, 100MiB, 1GiB/s.
func parseBandwidth(text string) (int64, error) {
	trimmed := strings.TrimSuffix(strings.TrimSpace(text), "/s")
	if number, err := strconv.ParseFloat(trimmed, 64); err == nil && number >= 0 && number < 1<<40 {
		return int64(number * (1 << 20)), nil
	}
	bytes, err := parseSize(trimmed)
	if err != nil {
		return 0, fault.Invalid("%q is not a bandwidth; give MiB a second, such as 100, or 1GiB/s", text)
	}
	return bytes, nil
}

// parseMilliseconds reads 300, 300ms or 1.5s.
func parseMilliseconds(text string) (int64, error) {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil && number >= 0 {
		return number, nil
	}
	length, err := time.ParseDuration(text)
	if err != nil || length < 0 {
		return 0, fault.Invalid("%q is not a pause; give milliseconds, such as 300, or 1.5s", text)
	}
	return length.Milliseconds(), nil
}

var days = regexp.MustCompile(`^([0-9]+)([dw])$`)

// parseSpan reads 30s, 90m, 6h, 2d or 1w, in whole seconds.
func parseSpan(text string) (int64, error) {
	if match := days.FindStringSubmatch(text); match != nil {
		number, err := strconv.ParseInt(match[1], 10, 32)
		if err == nil {
			return number * map[string]int64{"d": 24 * 3600, "w": 7 * 24 * 3600}[match[2]], nil
		}
	}
	length, err := time.ParseDuration(text)
	if err != nil || length < time.Second {
		return 0, fault.Invalid("%q is not a length of time; it should look like 90m, 6h, 2d or 1w", text)
	}
	return int64(length / time.Second), nil
}

// reading is a flag whose text is read by one of the functions above.
type reading struct {
	into  *int64
	read  func(string) (int64, error)
	text  string
	shown string // what kind of value it takes
}

// Set reads the flag.
func (r *reading) Set(text string) (err error) {
	r.text = text
	*r.into, err = r.read(text)
	return err
}

// String is what was given.
func (r *reading) String() string { return r.text }

// Type is shown in the help.
func (r *reading) Type() string { return r.shown }

// readingFlag adds a flag that is read by a function; fallback is only shown.
func readingFlag(flags *pflag.FlagSet, into *int64, name, fallback, shown, purpose string, read func(string) (int64, error)) {
	flags.Var(&reading{into: into, read: read, text: fallback, shown: shown}, name, purpose)
}
