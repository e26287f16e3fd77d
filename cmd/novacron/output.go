package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/novacron/novacron/internal/precopy"
)

// say prints a line for people; programs that asked for JSON do not get it.
func (p *program) say(format string, args ...any) {
	if p.output != "json" {
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *program) json(value any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// column is a column of a table; numbers stand on the right.
type column struct {
	title string
	right bool
}

func left(title string) column  { return column{title: title} }
func right(title string) column { return column{title: title, right: true} }

// table prints items as JSON, or as rows for people. Nothing at all gets the sentence in empty.
func (p *program) table(items any, columns []column, rows [][]string, empty string) error {
	if p.output == "json" {
		return p.json(items)
	}
	if len(rows) == 0 {
		fmt.Fprintln(p.err, empty)
		return nil
	}
	fmt.Fprint(p.out, layout(columns, rows))
	return nil
}

// layout aligns rows under their titles, two spaces apart.
func layout(columns []column, rows [][]string) string {
	widths := make([]int, len(columns))
	for i, each := range columns {
		widths[i] = utf8.RuneCountInString(each.title)
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var text strings.Builder
	line := func(cells []string) {
		var padded strings.Builder
		for i, cell := range cells {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if columns[i].right {
				cell = gap + cell
			} else {
				cell += gap
			}
			padded.WriteString(cell + "  ")
		}
		text.WriteString(strings.TrimRight(padded.String(), " ") + "\n")
	}
	titles := make([]string, len(columns))
	for i, each := range columns {
		titles[i] = strings.ToUpper(each.title)
	}
	line(titles)
	for _, row := range rows {
		line(row)
	}
	return text.String()
}

// facts are a thing's properties, in order. Those without a value are left out.
type facts [][2]string

// show prints one thing as JSON, or as a list of facts for people.
func (p *program) show(item any, properties facts) error {
	if p.output == "json" {
		return p.json(item)
	}
	width := 0
	for _, each := range properties {
		if each[1] != "" {
			width = max(width, utf8.RuneCountInString(each[0]))
		}
	}
	for _, each := range properties {
		if each[1] != "" {
			fmt.Fprintf(p.out, "%-*s  %s\n", width+1, each[0]+":", strings.ReplaceAll(each[1], "\n", "\n"+strings.Repeat(" ", width+3)))
		}
	}
	return nil
}

// ago writes a time for people: how long ago, or in how long.
func (p *program) ago(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	passed := p.now().Sub(at)
	if passed < 0 {
		return "in " + span(-passed)
	}
	if passed < 5*time.Second {
		return "now"
	}
	return span(passed) + " ago"
}

// exact writes a time with both the clock and how long ago it was.
func (p *program) exact(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC") + " (" + p.ago(at) + ")"
}

// span writes a length of time in its largest unit.
func span(length time.Duration) string {
	switch {
	case length < time.Minute:
		return fmt.Sprintf("%ds", int(length.Seconds()))
	case length < time.Hour:
		return fmt.Sprintf("%dm", int(length.Minutes()))
	case length < 48*time.Hour:
		return fmt.Sprintf("%dh", int(length.Hours()))
	default:
		return fmt.Sprintf("%dd", int(length.Hours()/24))
	}
}

// brief writes a length of time with the precision that its size deserves.
func brief(length time.Duration) string {
	switch {
	case length < 0:
		return "0s"
	case length < 10*time.Second:
		return fmt.Sprintf("%.1fs", length.Seconds())
	case length < time.Minute:
		return fmt.Sprintf("%ds", int(length.Seconds()))
	case length < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(length.Minutes()), int(length.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(length.Hours()), int(length.Minutes())%60)
	}
}

// size writes bytes in binary units.
func size(bytes int64) string { return precopy.Size(bytes) }

func percent(fraction float64) string { return fmt.Sprintf("%.0f%%", 100*fraction) }

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// split takes text apart into its lines.
func split(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }
