// bench measures NovaCron on a stack that is up with its lab (`make up`), beside the same work done by hand. Each figure is
// a line of JSON on standard output; notes go to standard error. The status is 1 if a figure misses its bar. Everything it
// makes is removed at the end, also when it is interrupted. It never prints a figure that it did not measure.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/novacron/novacron/deploy/lab"
	"github.com/novacron/novacron/internal/client"
)

// suites are the sets of figures that can be asked for.
var suites = map[string][]measurement{"storage": {
	{"making a disk from an image", (*bench).measureNewDisks},
	{"moving a disk live", (*bench).measureDiskMoves},
	{"disks within guests", (*bench).measureGuestIO},
	{"cloning a VM", (*bench).measureClones},
	{"importing an image", (*bench).measureImport},
	{"memory while an image streams", (*bench).measureStreaming},
}, "main": {
	{"idle memory", (*bench).measureMemory},
	{"a long list of VMs", (*bench).measureList},
	{"accepting operations", (*bench).measureAccept},
	{"provisioning and live migration", (*bench).measureMoves},
	{"incremental backup", (*bench).measureBackup},
	{"restart of the control plane", (*bench).measureRestart},
}}

// measurement prints one figure or a few that share their preparation.
type measurement struct {
	name string
	run  func(*bench, context.Context) error
}

// bench is what all measurements use, and what must be taken back at the end.
type bench struct {
	data   string // of the stack
	client *client.Client
	lab    *lab.Lab
	missed bool
	undo   []func(context.Context) error
}

const cleanupPatience = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string) error {
	known := slices.Sorted(maps.Keys(suites))
	if len(names) == 0 {
		names = known
	}
	for _, name := range names {
		if suites[name] == nil {
			return fmt.Errorf("there is no benchmark %q; take one of: %s", name, strings.Join(known, ", "))
		}
	}
	b, err := open()
	if err != nil {
		return err
	}
	var problems []error
	for _, name := range names {
		for _, each := range suites[name] {
			note("measuring: %s", each.name)
			if err := each.run(b, ctx); err != nil {
				problems = append(problems, fmt.Errorf("%s could not be measured: %w", each.name, err))
			}
			problems = append(problems, b.cleanUp(ctx))
			if ctx.Err() != nil {
				return errors.Join(append(problems, ctx.Err())...)
			}
		}
	}
	note("not measured here: make up on a fresh machine, which takes a machine with nothing cached")
	if b.missed {
		problems = append(problems, errors.New("a figure misses its bar"))
	}
	return errors.Join(problems...)
}

func open() (*bench, error) {
	data := os.Getenv("NOVACRON_DATA")
	if data == "" {
		data = ".novacron"
	}
	data, err := filepath.Abs(data)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(data, "context.json"))
	if err != nil {
		return nil, fmt.Errorf("%w; run make up first", err)
	}
	connected, err := connect(content)
	if err != nil {
		return nil, err
	}
	opened, err := lab.Open(filepath.Join(data, "lab"))
	if err != nil {
		return nil, fmt.Errorf("%w; run make up first", err)
	}
	return &bench{data: data, client: connected, lab: opened}, nil
}

// connect makes a client of the text of a context.json.
func connect(content []byte) (*client.Client, error) {
	var known struct{ URL, Token string }
	if err := json.Unmarshal(content, &known); err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: known.URL, Token: known.Token, Agent: "novacron-bench"})
}

// later has work done when the measurement is over, the last said first.
func (b *bench) later(work func(context.Context) error) { b.undo = append(b.undo, work) }

// cleanUp goes on after an interruption, and after the failure of a part.
func (b *bench) cleanUp(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupPatience)
	defer stop()
	var problems []error
	for _, work := range slices.Backward(b.undo) {
		problems = append(problems, work(ctx))
	}
	b.undo = nil
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("not all could be removed: %w", err)
	}
	return nil
}
