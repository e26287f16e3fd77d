package api

import (
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// cronField is one of the five fields of a crontab line (crontab(5)).
type cronField struct {
	name     string
	from, to int
	words    []string // names of the values, the first one for from
}

var cronFields = []cronField{
	{name: "minute", to: 59},
	{name: "hour", to: 23},
	{name: "day of month", from: 1, to: 31},
	{name: "month", from: 1, to: 12, words: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of week", to: 7, words: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// checkCron says whether text is a time table that Temporal's schedules understand; the error is fault.Invalid at "cron".
func checkCron(text string) error {
	parts := strings.Fields(text)
	if len(parts) != len(cronFields) || len(text) > 200 {
		return fault.Invalid("cron has five fields (minute, hour, day of month, month, day of week) such as \"0 2 * * *\", not %q", text).At("cron")
	}
	for i, field := range cronFields {
		for _, item := range strings.Split(parts[i], ",") {
			if !field.allows(item) {
				return fault.Invalid("%q is no %s in cron: it goes from %d to %d, as a value, a range such as 1-5, or a step such as */15", item, field.name, field.from, field.to).At("cron")
			}
		}
	}
	return nil
}

func (f cronField) allows(item string) bool {
	span, step, stepped := strings.Cut(item, "/")
	if stepped {
		if every, err := strconv.Atoi(step); err != nil || every < 1 || every > f.to {
			return false
		}
	}
	if span == "*" {
		return true
	}
	first, last, ranged := strings.Cut(span, "-")
	low, ok := f.value(first)
	if !ok || !ranged {
		return ok
	}
	high, ok := f.value(last)
	return ok && low <= high
}

func (f cronField) value(text string) (int, bool) {
	if at := slices.Index(f.words, strings.ToLower(text)); at >= 0 {
		return f.from + at, true
	}
	value, err := strconv.Atoi(text)
	return value, err == nil && value >= f.from && value <= f.to
}
