package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

const (
	pairsOfVMs   = 3
	pairsOfMoves = 8 // alternating directions
)

// measureMoves provisions pairs of equal VMs on h1, one by NovaCron and its twin by hand, and then moves the last pair to
// and fro in turns.
func (b *bench) measureMoves(ctx context.Context) error {
	var machine vm.VM
	var by twin
	var extra []float64
	for i := range pairsOfVMs {
		made, ours, err := b.provision(ctx, fmt.Sprint(i), "shared", "start")
		if err != nil {
			return err
		}
		copied, theirs, err := b.makeTwin(ctx, made, overlay)
		if err != nil {
			return err
		}
		note("  provision %d: %.2f s, by hand %.2f s", i, ours.Seconds(), theirs.Seconds())
		extra = append(extra, (ours - theirs).Seconds())
		machine, by = made, copied
	}
	b.atMost("provision, POST until the domain runs, minus qemu-img and virsh by hand", median(extra), "s", 1)
	var ours, theirs, walls []float64
	for i := range pairsOfMoves {
		from, to := "h1", "h2"
		if i%2 == 1 {
			from, to = to, from
		}
		var wall, handWall time.Duration
		var total, hand float64
		through := func() (err error) {
			if wall, err = b.move(ctx, machine, to); err == nil {
				total, err = (twin{lab: b.lab, name: string(machine.ID)}).total(ctx, to)
			}
			return err
		}
		byHand := func() (err error) {
			hand, handWall, err = by.move(ctx, from, to)
			return err
		}
		// Who goes first takes turns: the second finds everything warm.
		turns := []func() error{through, byHand}
		if i/2%2 == 1 {
			slices.Reverse(turns)
		}
		for _, move := range turns {
			if err := move(); err != nil {
				return err
			}
		}
		note("  migration %d: QEMU %.0f ms, wall %.2f s; by virsh %.0f ms, %.2f s", i, total, wall.Seconds(), hand, handWall.Seconds())
		ours, theirs, walls = append(ours, total), append(theirs, hand), append(walls, (wall-handWall).Seconds())
	}
	b.atMost("live migration, QEMU's total through NovaCron / by virsh", median(ours)/median(theirs), "ratio", 1.05)
	b.atMost("live migration, wall time through the API minus by virsh", median(walls), "s", 1)
	return nil
}

// provision returns the VM and how long it took until a step had ended, such as start, when its domain runs; the wait for its
// guest does not count.
func (b *bench) provision(ctx context.Context, label, pool, until string) (vm.VM, time.Duration, error) {
	name := fmt.Sprintf("bench-%d-%s", os.Getpid(), label)
	began := time.Now()
	started, err := b.client.CreateVM(ctx, client.NewVM{
		Name: name, Image: "guest", MemoryBytes: 192 * vm.MiB, DiskBytes: 1 << 30, Pool: pool, Host: "h1",
	}, client.Change{})
	if err != nil {
		return vm.VM{}, 0, err
	}
	b.later(func(ctx context.Context) error {
		if _, err := b.finished(ctx, started); err != nil {
			return nil // what failed has undone itself
		}
		deleting, err := b.client.DeleteVM(ctx, started.Operation.Subject.ID, client.Change{})
		if err == nil {
			_, err = b.finished(ctx, deleting)
		}
		return err
	})
	if _, err := b.finished(ctx, started); err != nil {
		return vm.VM{}, 0, err
	}
	step, err := b.stepOf(ctx, started.Operation.ID, until)
	if err != nil {
		return vm.VM{}, 0, err
	}
	made, err := b.client.VM(ctx, name)
	return made, step.EndedAt.Sub(began), err
}

func (b *bench) stepOf(ctx context.Context, of id.Operation, name string) (operation.Step, error) {
	timeline, err := b.client.Timeline(ctx, string(of))
	if err != nil {
		return operation.Step{}, err
	}
	for _, step := range timeline.Steps {
		if step.Name == name && !step.Undo {
			return step, nil
		}
	}
	return operation.Step{}, fmt.Errorf("the timeline of %s has no step %s", of, name)
}

// move returns the wall time until the operation had ended.
func (b *bench) move(ctx context.Context, machine vm.VM, to string) (time.Duration, error) {
	began := time.Now()
	started, err := b.client.MigrateVM(ctx, string(machine.ID), client.Migration{To: to}, client.Change{})
	if err != nil {
		return 0, err
	}
	ended, err := b.finished(ctx, started)
	return ended.EndedAt.Sub(began), err
}
