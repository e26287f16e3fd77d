package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

const restartPatience = 2 * time.Minute

// measureMemory adds up the proportional share of memory of the server, the control worker and Temporal.
func (b *bench) measureMemory(context.Context) error {
	var sum float64
	for _, name := range []string{"server", "control", "temporal"} {
		held, err := b.memoryOf(filepath.Join("services", name))
		if err != nil {
			return err
		}
		note("  %s: %.0f MiB", name, held)
		sum += held
	}
	b.below("idle memory (PSS) of server, control worker and Temporal", sum, "MiB", 600)
	return nil
}

// memoryOf is the proportional share of memory, in MiB, of a service that runit keeps in a directory of the stack's data.
func (b *bench) memoryOf(service string) (float64, error) {
	pid, err := os.ReadFile(filepath.Join(b.data, service, "supervise", "pid"))
	if err != nil {
		return 0, err
	}
	rollup, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "smaps_rollup"))
	if err != nil {
		return 0, fmt.Errorf("%s does not run: %w", service, err)
	}
	kibibytes, err := after(string(rollup), "Pss:")
	return kibibytes / 1024, err
}

// after is the number that follows a word.
func after(text, word string) (float64, error) {
	_, rest, found := strings.Cut(text, word)
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, fmt.Errorf("%q is not in %q", word, text)
	}
	return strconv.ParseFloat(fields[0], 64)
}

// measureRestart kills nothing: it restarts every service at once, and ends when an operation has gone all the way.
func (b *bench) measureRestart(ctx context.Context) error {
	services := []string{"-w", "40", "restart"}
	for _, name := range []string{"control", "server", "temporal", "postgres"} {
		services = append(services, filepath.Join(b.data, "services", name))
	}
	began := time.Now()
	if output, err := exec.CommandContext(ctx, "sv", services...).CombinedOutput(); err != nil {
		return fmt.Errorf("sv: %w: %s", err, output)
	}
	limited, stop := context.WithTimeout(ctx, restartPatience)
	defer stop()
	for {
		started, err := b.client.PlanCapacity(limited, 30, client.Change{})
		if err == nil {
			_, err = b.finished(limited, started)
		}
		if err == nil {
			b.below("restart of the whole control plane until an operation has succeeded", time.Since(began).Seconds(), "s", 15)
			return nil
		}
		if sleep(limited, 50*time.Millisecond) != nil {
			return fmt.Errorf("the control plane did not come back: %w", err)
		}
	}
}

// finished waits for an operation, asking often: what is measured is not how often is asked.
func (b *bench) finished(ctx context.Context, started client.Started) (operation.Operation, error) {
	for {
		found, err := b.client.Operation(ctx, string(started.Operation.ID))
		if err != nil {
			return found, err
		}
		if found.State.Final() {
			if found.State != operation.Succeeded {
				err = fmt.Errorf("operation %s %s: %+v", found.ID, found.State, found.Error)
			}
			return found, err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return found, err
		}
	}
}
