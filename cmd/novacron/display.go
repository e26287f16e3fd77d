package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

// display shows an operation while it runs.
type display interface {
	Seen(of operation.Operation)
	Moved(timeline operation.Timeline)
	Lost(err error)
	end(ended operation.Operation)
}

// hostBook knows the names of hosts by their IDs.
type hostBook map[string]string

// of is the name of the host that a step runs on; empty for the control plane's.
func (b hostBook) of(step operation.Step) string {
	on, isHost := strings.CutPrefix(step.Queue, "host.")
	if step.HostName != "" || !isHost {
		return step.HostName
	}
	if name, known := b[on]; known {
		return name
	}
	return on
}

func (p *program) hostBook(ctx context.Context, connected *client.Client) hostBook {
	book := hostBook{}
	found, err := connected.Hosts(ctx)
	if err != nil {
		return book // IDs will do
	}
	for _, each := range found {
		book[string(each.ID)] = each.Name
	}
	return book
}

// display picks how: moving for a person at a terminal, a line for each change otherwise.
func (p *program) display(of operation.Operation, hosts hostBook) display {
	if p.live {
		moving := &movingDisplay{program: p, of: of, hosts: hosts, stop: make(chan struct{}), stopped: make(chan struct{})}
		go moving.tick()
		return moving
	}
	return &lineDisplay{program: p, of: of, hosts: hosts, seen: map[string]operation.StepState{}, decile: map[string]int64{}}
}

var marks = map[operation.StepState]string{
	operation.StepPlanned: "·", operation.StepQueued: "…", operation.StepRunning: "●", operation.StepRetrying: "↻",
	operation.StepDone: "✓", operation.StepFailed: "✗", operation.StepCancelled: "✗", operation.StepSkipped: "-",
}

// movingDisplay redraws a block of lines in place.
type movingDisplay struct {
	program  *program
	of       operation.Operation
	hosts    hostBook
	mutex    sync.Mutex
	timeline operation.Timeline
	note     string
	drawn    int // lines on the screen
	frame    int
	stop     chan struct{}
	stopped  chan struct{}
}

const redrawEvery = 250 * time.Millisecond

// Seen notes what the timeline does not tell, such as what a waiting operation waits for.
func (d *movingDisplay) Seen(of operation.Operation) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.of = of
}

// Moved redraws.
func (d *movingDisplay) Moved(timeline operation.Timeline) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.timeline, d.note = timeline, ""
	d.draw()
}

// Lost says that the server is away.
func (d *movingDisplay) Lost(err error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.note = err.Error() + "; the operation goes on, and so does this"
	d.draw()
}

func (d *movingDisplay) end(ended operation.Operation) {
	close(d.stop)
	<-d.stopped
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if ended.State != "" {
		d.of = ended
		d.timeline.State = ended.State
	}
	d.draw()
}

func (d *movingDisplay) tick() {
	defer close(d.stopped)
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-ticker.C:
			d.mutex.Lock()
			d.frame++
			d.draw()
			d.mutex.Unlock()
		}
	}
}

// draw moves the cursor to the block's first line, clears from there and writes the block again. The caller holds the
// mutex.
func (d *movingDisplay) draw() {
	var text strings.Builder
	if d.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", d.drawn)
	}
	text.WriteString("\r\x1b[J")
	columns, rows := d.program.screen()
	lines := fit(d.lines(), rows-1)
	for _, line := range lines {
		text.WriteString(cut(line, columns-1) + "\n")
	}
	d.drawn = len(lines)
	fmt.Fprint(d.program.err, text.String())
}

// fit leaves out lines behind the first where there are more than fit on the screen; the last ones are the news.
func fit(lines []string, rows int) []string {
	if len(lines) <= rows || rows < 3 {
		return lines
	}
	left := len(lines) - rows + 1
	return append([]string{lines[0], fmt.Sprintf("  … %d lines before", left)}, lines[left+1:]...)
}

const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

func (d *movingDisplay) lines() []string {
	now := d.program.now()
	head := fmt.Sprintf("%s %s: %s", d.of.Kind, d.of.Subject.Name, stateOf(d.of, d.timeline))
	if d.of.EndedAt.IsZero() {
		turns := []rune(spinner)
		head = string(turns[d.frame%len(turns)]) + " " + head
	}
	if elapsed := elapsedOf(d.of, now); elapsed != "" {
		head += ", " + elapsed
	}
	lines := []string{head}
	for i, step := range d.timeline.Steps {
		if step.State == operation.StepSkipped || step.State == operation.StepPlanned && i < reached(d.timeline.Steps) {
			continue
		}
		lines = append(lines, "  "+stepLine(step, d.hosts, now))
		if step.Progress != nil && step.State == operation.StepRunning {
			lines = append(lines, "      "+progressLine(*step.Progress))
		}
		if step.Error != "" && step.State != operation.StepDone {
			lines = append(lines, "      "+step.Error)
		}
		if step.Name == "rounds" && d.timeline.Migration != nil {
			lines = append(lines, roundLines(*d.timeline.Migration, 8)...)
		}
	}
	if d.note != "" {
		lines = append(lines, "  ! "+d.note)
	}
	return lines
}

// reached is how many steps have begun or were passed over.
func reached(steps []operation.Step) int {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].State != operation.StepPlanned && !steps[i].Undo {
			return i
		}
	}
	return 0
}

func stateOf(of operation.Operation, timeline operation.Timeline) string {
	state := timeline.State
	if state == "" || of.State.Final() {
		state = of.State
	}
	if state == operation.Waiting && of.Question != "" {
		return "waiting: " + of.Question
	}
	return string(state)
}

func elapsedOf(of operation.Operation, now time.Time) string {
	if of.CreatedAt.IsZero() {
		return ""
	}
	if !of.EndedAt.IsZero() {
		return brief(of.EndedAt.Sub(of.CreatedAt))
	}
	text := brief(now.Sub(of.CreatedAt))
	if of.ExpectedSeconds > 0 {
		text += " of about " + brief(time.Duration(of.ExpectedSeconds*float64(time.Second)))
	}
	return text
}

func stepLine(step operation.Step, hosts hostBook, now time.Time) string {
	title := step.Title
	if title == "" {
		title = step.Name
	}
	if step.Undo {
		title = "undo: " + title
	}
	line := marks[step.State] + " " + title
	if took := tookOf(step, now); took != "" {
		line += "  " + took
	}
	if on := hosts.of(step); on != "" {
		line += "  on " + on
	}
	if extra := step.Attempts - step.Calls; extra > 0 && step.Calls > 0 {
		line += fmt.Sprintf("  %d attempts", step.Attempts)
	}
	switch step.State {
	case operation.StepQueued:
		line += "  waiting for a worker"
	case operation.StepRetrying:
		line += "  " + step.Next
	}
	return line
}

func tookOf(step operation.Step, now time.Time) string {
	began := step.StartedAt
	if began.IsZero() {
		began = step.ScheduledAt
	}
	switch {
	case began.IsZero() || step.State == operation.StepSkipped:
		return ""
	case !step.EndedAt.IsZero():
		return brief(step.EndedAt.Sub(began))
	case step.State == operation.StepRunning || step.State == operation.StepRetrying || step.State == operation.StepQueued:
		return brief(now.Sub(began))
	}
	return ""
}

func progressLine(progress operation.Progress) string {
	amount := func(n int64) string {
		if progress.Unit == "bytes" {
			return size(n)
		}
		return fmt.Sprint(n)
	}
	unit := ""
	if progress.Unit != "bytes" {
		unit = " " + progress.Unit
	}
	if progress.Total <= 0 {
		return amount(progress.Done) + unit
	}
	fraction := min(1, float64(progress.Done)/float64(progress.Total))
	return fmt.Sprintf("%s %s of %s%s", bar(fraction, 24), amount(progress.Done), amount(progress.Total), unit)
}

func bar(fraction float64, width int) string {
	full := int(fraction*float64(width) + 0.5)
	full = max(0, min(width, full))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full) + fmt.Sprintf(" %3.0f%%", 100*fraction)
}

// cut shortens a line to a number of columns.
func cut(line string, columns int) string {
	line = strings.ReplaceAll(line, "\n", " ")
	if utf8.RuneCountInString(line) <= columns {
		return line
	}
	return string([]rune(line)[:max(0, columns-1)]) + "…"
}
