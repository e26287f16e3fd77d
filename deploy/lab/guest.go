package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// GuestStats is what guestd says of itself.
type GuestStats struct {
	Name          string  `json:"name"`
	BootID        string  `json:"boot_id"` // changes with every boot
	UptimeSeconds float64 `json:"uptime_seconds"`
	DirtiedBytes  int64   `json:"dirtied_bytes"`
	CheckedBytes  int64   `json:"checked_bytes"`
	MemoryErrors  int64   `json:"memory_errors"`
}

// DiskCheck is what reading all of guestd's blocks back found. Equal digests mean equal contents.
type DiskCheck struct {
	Blocks   int64  `json:"blocks"`
	Errors   int64  `json:"errors"`
	Sequence int64  `json:"sequence"`
	Digest   string `json:"digest"`
}

// Ask says a line such as "dirty 64 20" to the guestd of a guest and decodes the answer; into may be nil.
func (l *Lab) Ask(ctx context.Context, guest, line string, into any) error {
	connection, err := l.Dial(ctx, net.JoinHostPort(guest, guestPort))
	if err != nil {
		return err
	}
	defer connection.Close()
	if deadline, set := ctx.Deadline(); set {
		if err := connection.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(connection, line); err != nil {
		return err
	}
	answer, err := bufio.NewReader(connection).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("guest %s did not answer %q: %w", guest, line, err)
	}
	var problem struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer, &problem); err != nil {
		return fmt.Errorf("guest %s answers %q with %q: %w", guest, line, answer, err)
	}
	if problem.Error != "" {
		return fmt.Errorf("guest %s refuses %q: %s", guest, line, problem.Error)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// Await waits until a guest answers from outside, and returns what it says.
func (l *Lab) Await(ctx context.Context, guest string) (GuestStats, error) {
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		var stats GuestStats
		err := l.Ask(attempt, guest, "stats", &stats)
		cancel()
		if err == nil {
			return stats, nil
		}
		select {
		case <-ctx.Done():
			return GuestStats{}, fmt.Errorf("guest %s does not answer: %w", guest, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Pulse watches one open connection to a guest, on which guestd sends a numbered line every 10 ms.
type Pulse struct {
	connection net.Conn
	stopping   atomic.Bool
	done       chan struct{}
	report     PulseReport // of the reader, until done is closed
}

// PulseReport is what a client outside saw of a guest on one connection. A guest that stood still shows as a gap; a line
// that was lost, a guest that started anew, or a connection that broke shows as Err.
type PulseReport struct {
	Lines        int           `json:"lines"`
	LongestGap   time.Duration `json:"longest_gap_ns"`
	BootID       string        `json:"boot_id"`
	MemoryErrors int64         `json:"memory_errors"`
	Err          error         `json:"-"`
}

// Watch opens the connection; the pulse is watched until Stop.
func (l *Lab) Watch(ctx context.Context, guest string) (*Pulse, error) {
	connection, err := l.Dial(ctx, net.JoinHostPort(guest, guestPort))
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(connection, "tick 10"); err != nil {
		_ = connection.Close()
		return nil, err
	}
	pulse := &Pulse{connection: connection, done: make(chan struct{})}
	go pulse.read()
	return pulse, nil
}

func (p *Pulse) read() {
	defer close(p.done)
	lines := bufio.NewScanner(p.connection)
	last := time.Now()
	for lines.Scan() {
		now := time.Now()
		if p.report.Lines > 0 {
			p.report.LongestGap = max(p.report.LongestGap, now.Sub(last))
		}
		last = now
		if p.report.Err = p.take(lines.Text()); p.report.Err != nil || p.stopping.Load() {
			return
		}
	}
	if p.report.Err = lines.Err(); p.report.Err == nil {
		p.report.Err = fmt.Errorf("the guest closed the connection after line %d", p.report.Lines)
	}
}

// take checks a line "NUMBER UPTIME BOOT_ID MEMORY_ERRORS" against the one before it.
func (p *Pulse) take(line string) error {
	var number int
	var uptime float64
	var boot string
	if _, err := fmt.Sscan(line, &number, &uptime, &boot, &p.report.MemoryErrors); err != nil {
		return fmt.Errorf("the guest sent %q: %w", line, err)
	}
	if number != p.report.Lines+1 {
		return fmt.Errorf("line %d came after line %d", number, p.report.Lines)
	}
	if p.report.BootID != "" && !strings.EqualFold(boot, p.report.BootID) {
		return fmt.Errorf("the guest started anew after line %d", p.report.Lines)
	}
	p.report.Lines, p.report.BootID = number, boot
	return nil
}

// Stop ends the watch with one more line, which must arrive within patience for the connection to count as alive.
func (p *Pulse) Stop(patience time.Duration) PulseReport {
	p.stopping.Store(true)
	_ = p.connection.SetReadDeadline(time.Now().Add(patience)) // a broken connection shows in the report
	<-p.done
	_ = p.connection.Close()
	return p.report
}
