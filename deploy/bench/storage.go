package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/vm"
)

const (
	newDisks      = 5
	pairsOfCopies = 6   // to and fro
	filledMiB     = 700 // of the disk of 1 GiB
	fillPatience  = 5 * time.Minute
)

// newDiskBars are how long the step that makes a disk from an image may take, by pool, in milliseconds.
var newDiskBars = map[string]float64{"local": 200, "ceph": 500}

// measureNewDisks reads from timelines what storage costs of provisioning; the image is in the pool already.
func (b *bench) measureNewDisks(ctx context.Context) error {
	known, err := b.client.Pools(ctx)
	if err != nil {
		return err
	}
	for _, pool := range known {
		bar, wanted := newDiskBars[pool.Name]
		if !wanted {
			continue
		}
		var took []float64
		for i := range newDisks + 1 {
			made, _, err := b.provision(ctx, fmt.Sprintf("%s-%d", pool.Name, i), pool.Name, "create_disk")
			if err != nil {
				return err
			}
			ended, _, err := b.client.Operations(ctx, client.OperationQuery{Subject: string(made.ID), Page: client.Page{Limit: 1}})
			if err != nil || len(ended) == 0 {
				return fmt.Errorf("the operation that made %s: %w", made.Name, err)
			}
			step, err := b.stepOf(ctx, ended[0].ID, "create_disk")
			if err != nil {
				return err
			}
			if i > 0 { // the first one may find nothing warm
				took = append(took, float64(step.EndedAt.Sub(step.StartedAt).Microseconds())/1000)
			}
		}
		b.below("provision from the lab's image, the step that makes the disk, in pool "+pool.Name, median(took), "ms", bar)
	}
	return nil
}

// measureDiskMoves moves a filled disk of a running VM between two pools, and its twin's by virsh, in turns.
func (b *bench) measureDiskMoves(ctx context.Context) error {
	machine, _, err := b.provision(ctx, "disk", "shared", "start")
	if err != nil {
		return err
	}
	if err := b.fill(ctx, machine); err != nil {
		return err
	}
	by, _, err := b.makeTwin(ctx, machine, duplicate)
	if err != nil {
		return err
	}
	hand := handMove{bench: b, twin: by, places: []string{"/var/lib/novacron/pools/local", "/srv/novacron/shared"}}
	pools := []string{"local", "shared"}
	var ours, theirs []float64
	for i := range pairsOfCopies {
		var wall, handWall time.Duration
		turns := []func() error{
			func() (err error) { wall, err = b.moveDisk(ctx, machine, pools[i%2]); return err },
			func() (err error) { handWall, err = hand.move(ctx, i%2); return err },
		}
		if i/2%2 == 1 {
			slices.Reverse(turns)
		}
		for _, move := range turns {
			if err := move(); err != nil {
				return err
			}
		}
		note("  move %d: %.2f s; by qemu-img, virsh and rm %.2f s", i, wall.Seconds(), handWall.Seconds())
		ours, theirs = append(ours, wall.Seconds()), append(theirs, handWall.Seconds())
	}
	b.atMost("live move of a disk of 1 GiB, wall time through the API / by qemu-img, virsh blockcopy and rm", median(ours)/median(theirs), "ratio", 1.1)
	return nil
}

// fill has the guest write most of its disk.
func (b *bench) fill(ctx context.Context, machine vm.VM) error {
	ctx, stop := context.WithTimeout(ctx, fillPatience)
	defer stop()
	address := machine.Interfaces[0].IP.String()
	if _, err := b.lab.Await(ctx, address); err != nil {
		return err
	}
	return b.lab.Ask(ctx, address, fmt.Sprintf("write %d 7", filledMiB), nil)
}

func (b *bench) moveDisk(ctx context.Context, machine vm.VM, to string) (time.Duration, error) {
	began := time.Now()
	started, err := b.client.MoveDisk(ctx, string(machine.ID), "vda", client.DiskMove{Pool: to}, client.Change{})
	if err != nil {
		return 0, err
	}
	ended, err := b.finished(ctx, started)
	return ended.EndedAt.Sub(began), err
}

// handMove moves a twin's disk between two directories of h1.
type handMove struct {
	bench  *bench
	twin   twin
	places []string
	disk   string // where it is; empty before the first move
}

func (h *handMove) move(ctx context.Context, to int) (time.Duration, error) {
	target := path.Join(h.places[to], "volumes", h.twin.name+".moved.qcow2")
	old := h.disk
	if old == "" {
		old = path.Join(h.places[1], "volumes", h.twin.name+".qcow2")
	}
	h.bench.later(func(ctx context.Context) error { return h.bench.lab.On(ctx, "h1", "rm", "-f", target).Run() })
	began := time.Now()
	if output, err := h.bench.lab.On(ctx, "h1", "qemu-img", "create", "-q", "-f", "qcow2", target, "1G").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("qemu-img: %w: %s", err, output)
	}
	_, err := h.twin.virsh(ctx, "h1", "blockcopy", h.twin.name, "vda", "--dest", target, "--format", "qcow2", "--reuse-external", "--transient-job", "--wait", "--pivot")
	if err != nil {
		return 0, err
	}
	h.disk = target
	return time.Since(began), h.bench.lab.On(ctx, "h1", "rm", "-f", old).Run()
}
