package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// finding is what became of a case.
type finding struct {
	outcome string // how the operation ended, or why it was not judged
	took    time.Duration
	wrong   []string // what was lost or left behind
	missed  bool     // the operation ended before the moment came
}

type table struct {
	out                    io.Writer
	planned                int
	ran, unharmed, missing int
	failed                 []string
}

func newTable(out io.Writer, planned int) *table {
	fmt.Fprintf(out, "%-19s %-18s %-7s %-16s %-11s %7s  %s\n", "OPERATION", "STEP", "MOMENT", "VICTIM", "OUTCOME", "SECONDS", "LOST OR LEFT BEHIND")
	return &table{out: out, planned: planned}
}

func (t *table) add(of trial, found finding) {
	t.ran++
	wrong := "-"
	switch {
	case len(found.wrong) > 0:
		wrong = strings.Join(found.wrong, "; ")
		t.failed = append(t.failed, of.name())
	case found.missed:
		t.missing++
	default:
		t.unharmed++
	}
	fmt.Fprintf(t.out, "%-19s %-18s %-7s %-16s %-11s %7.1f  %s\n",
		of.act.name, of.step, of.moment, of.victim.name, found.outcome, found.took.Seconds(), wrong)
}

// verdict is nil if nothing was lost or left behind.
func (t *table) verdict() error {
	fmt.Fprintf(t.out, "\n%d of %d cases: %d as they should be, %d whose moment did not come, %d failed\n",
		t.ran, t.planned, t.unharmed, t.missing, len(t.failed))
	if len(t.failed) > 0 {
		return fmt.Errorf("something was lost or left behind in %s", strings.Join(t.failed, ", "))
	}
	return nil
}
