package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/vm"
)

const pairsOfClones = 5

// measureClones clones a VM that is off and has a filled disk, in turns with what one would do by hand: convert the disk, with its
// image's share, into a file that is on the disk for good.
func (b *bench) measureClones(ctx context.Context) error {
	machine, _, err := b.provision(ctx, "clone", "shared", "start")
	if err != nil {
		return err
	}
	if err := b.fill(ctx, machine); err != nil {
		return err
	}
	stopping, err := b.client.SwitchVM(ctx, string(machine.ID), vm.Stop, client.Power{}, client.Change{})
	if err == nil {
		_, err = b.finished(ctx, stopping)
	}
	if err != nil {
		return err
	}
	_, disk, err := b.diskOf(ctx, machine)
	if err != nil {
		return err
	}
	copied := disk + ".copied"
	b.later(func(ctx context.Context) error { return b.lab.On(ctx, "h1", "rm", "-f", copied).Run() })
	var ours, theirs []float64
	for i := range pairsOfClones {
		turns := []func() error{
			func() error { took, err := b.clone(ctx, machine, i); ours = append(ours, took.Seconds()); return err },
			func() error {
				began := time.Now()
				output, err := b.lab.On(ctx, "h1", "qemu-img", "convert", "-t", "writeback", "-O", "qcow2", disk, copied).CombinedOutput()
				theirs = append(theirs, time.Since(began).Seconds())
				if err != nil {
					return fmt.Errorf("qemu-img: %w: %s", err, output)
				}
				return nil
			},
		}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
		note("  clone %d: %.2f s; by qemu-img %.2f s", i, ours[i], theirs[i])
	}
	b.atLeast("full clone of a disk of 1 GiB, throughput / qemu-img convert", median(theirs)/median(ours), "ratio", 0.95)
	return nil
}

// clone returns how long the disks took, and deletes the clone.
func (b *bench) clone(ctx context.Context, machine vm.VM, serial int) (time.Duration, error) {
	wanted := client.Clone{Name: fmt.Sprintf("bench-%d-clone-%d", os.Getpid(), serial), Pool: "shared", Host: "h1"}
	started, err := b.client.CloneVM(ctx, string(machine.ID), wanted, client.Change{})
	if err != nil {
		return 0, err
	}
	if _, err := b.finished(ctx, started); err != nil {
		return 0, err
	}
	step, err := b.stepOf(ctx, started.Operation.ID, "copy_disks")
	if err != nil {
		return 0, err
	}
	deleting, err := b.client.DeleteVM(ctx, started.Operation.Subject.ID, client.Change{})
	if err == nil {
		_, err = b.finished(ctx, deleting)
	}
	return step.EndedAt.Sub(step.StartedAt), err
}
