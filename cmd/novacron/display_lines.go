package main

import (
	"fmt"
	"slices"

	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
)

// lineDisplay writes a line for each change, for logs and pipes.
type lineDisplay struct {
	program   *program
	of        operation.Operation
	hosts     hostBook
	seen      map[string]operation.StepState
	decile    map[string]int64
	rounds    int64 // the last one that was told
	decisions int
	state     operation.State
	question  string
}

func (d *lineDisplay) line(format string, args ...any) {
	fmt.Fprintf(d.program.err, "%s %s: %s\n", d.of.Kind, d.of.Subject.Name, fmt.Sprintf(format, args...))
}

// Seen tells what a waiting operation waits for, once.
func (d *lineDisplay) Seen(of operation.Operation) {
	if of.Question != d.question && of.Question != "" {
		d.line("waiting: %s", of.Question)
	}
	d.question = of.Question
}

// Moved tells what is new.
func (d *lineDisplay) Moved(timeline operation.Timeline) {
	if timeline.State != d.state && !timeline.State.Final() && timeline.State != operation.Running && timeline.State != "" {
		d.line("%s", timeline.State)
	}
	d.state = timeline.State
	for i, step := range timeline.Steps {
		if step.Name == "rounds" && timeline.Migration != nil {
			d.migration(*timeline.Migration, timeline.State.Final() || step.State == operation.StepDone)
		}
		// A step of several calls is done after each of them, and for good only when another one has begun.
		if step.State != operation.StepDone || timeline.State.Final() || slices.ContainsFunc(timeline.Steps[i+1:], begun) {
			d.step(step)
		}
	}
}

// begun leaves out what an operator tunes, which happens while another step is at work.
func begun(step operation.Step) bool {
	return step.Name != "tune" && step.State != operation.StepPlanned && step.State != operation.StepSkipped
}

func (d *lineDisplay) step(step operation.Step) {
	key := step.Name
	if step.Undo {
		key = "undo " + key
	}
	if step.Progress != nil && step.Progress.Total > 0 && step.State == operation.StepRunning {
		if tenth := 10 * step.Progress.Done / step.Progress.Total; tenth > d.decile[key] {
			d.decile[key] = tenth
			d.line("%s", progressLine(*step.Progress))
		}
	}
	before := d.seen[key]
	if before == step.State {
		return
	}
	d.seen[key] = step.State
	switch step.State {
	case operation.StepPlanned, operation.StepQueued, operation.StepSkipped, operation.StepRunning:
		return
	}
	text := stepLine(step, d.hosts, d.program.now())
	if step.Error != "" && step.State != operation.StepDone {
		text += ": " + step.Error
	}
	d.line("%s", text)
}

// migration tells the rounds that are over, all of them once the last one is, and the decisions.
func (d *lineDisplay) migration(moved operation.Migration, over bool) {
	for i, round := range moved.Rounds {
		if round.Iteration <= d.rounds || i == len(moved.Rounds)-1 && !over {
			continue
		}
		d.rounds = round.Iteration
		d.line("%s", roundText(round))
	}
	for ; d.decisions < len(moved.Decisions); d.decisions++ {
		d.line("%s", decisionText(moved.Decisions[d.decisions]))
	}
}

// Lost says that the server is away.
func (d *lineDisplay) Lost(err error) { d.line("%v; the operation goes on, and so does this", err) }

func (d *lineDisplay) end(operation.Operation) {}

func roundText(round precopy.Round) string {
	text := fmt.Sprintf("round %d: %s remain, dirtied %s/s, sent %s/s, pause would be %d ms",
		round.Iteration, size(round.RemainingBytes), size(round.DirtyRateBytes), size(round.BandwidthBytes), round.ExpectedDowntimeMS)
	if round.ThrottlePercent > 0 {
		text += fmt.Sprintf(", guest slowed by %d%%", round.ThrottlePercent)
	}
	if round.DiskRemainingBytes > 0 {
		text += fmt.Sprintf(", disk %s of %s to go", size(round.DiskRemainingBytes), size(round.DiskTotalBytes))
	}
	if round.PostCopy {
		text += ", post-copy"
	}
	return text
}

func decisionText(decision precopy.Applied) string {
	by := ""
	if decision.By != "" && decision.By != "rules" {
		by = " (" + decision.By + ")"
	}
	return fmt.Sprintf("decision%s: %s", by, decision.Reason)
}

// roundLines is a migration's rounds as a small table with bars, the last few of them.
func roundLines(moved operation.Migration, most int) []string {
	rounds := moved.Rounds
	if len(rounds) > most {
		rounds = rounds[len(rounds)-most:]
	}
	if len(rounds) == 0 {
		return nil
	}
	rows := make([][]string, 0, len(rounds))
	for _, round := range rounds {
		fraction := 0.0
		if round.TotalBytes > 0 {
			fraction = min(1, float64(round.RemainingBytes)/float64(round.TotalBytes))
		}
		rows = append(rows, []string{
			fmt.Sprint(round.Iteration), bar(fraction, 12), size(round.RemainingBytes), size(round.DirtyRateBytes) + "/s",
			size(round.BandwidthBytes) + "/s", fmt.Sprintf("%d%%", round.ThrottlePercent), fmt.Sprintf("%d ms", round.ExpectedDowntimeMS),
		})
	}
	columns := []column{right("round"), left("remaining"), right(""), right("dirtied"), right("sent"), right("slowed"), right("pause")}
	lines := split(layout(columns, rows))
	if last := moved.Rounds[len(moved.Rounds)-1]; last.DiskRemainingBytes > 0 {
		lines = append(lines, "disk "+progressLine(operation.Progress{Done: last.DiskTotalBytes - last.DiskRemainingBytes, Total: last.DiskTotalBytes, Unit: "bytes"}))
	}
	for _, decision := range moved.Decisions {
		lines = append(lines, decisionText(decision))
	}
	for i := range lines {
		lines[i] = "      " + lines[i]
	}
	return lines
}
