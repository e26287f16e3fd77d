package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/vm"
)

const (
	pairsOfRuns  = 4
	measuredMiB  = 128 // of the disk, written before
	runSeconds   = 2
	bootPatience = 2 * time.Minute
)

// measureGuestIO has a VM of NovaCron's and its twin read and write their disks in turns.
func (b *bench) measureGuestIO(ctx context.Context) error {
	known, err := b.client.Pools(ctx)
	if err != nil {
		return err
	}
	for _, pool := range known {
		copied, wanted := map[string]func(_, source, disk string) []string{"local": duplicate, "ceph": b.copyImage}[pool.Name]
		if !wanted {
			continue
		}
		if err := b.guestIOIn(ctx, pool.Name, copied); err != nil {
			return fmt.Errorf("in pool %s: %w", pool.Name, err)
		}
		if err := b.cleanUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// copyImage is duplicate for a disk in the lab's Ceph.
func (b *bench) copyImage(_, source, disk string) []string {
	return []string{"rbd", "-c", filepath.Join(b.data, "lab", "ceph", "ceph.conf"), "--no-progress", "cp", source, disk}
}

func (b *bench) guestIOIn(ctx context.Context, pool string, copied func(_, source, disk string) []string) error {
	machine, _, err := b.provision(ctx, pool, pool, "start")
	if err != nil {
		return err
	}
	ours := twin{lab: b.lab, name: string(machine.ID)}
	if err := ours.ready(ctx); err != nil {
		return err
	}
	if _, err := ours.guestctl(ctx, "write", fmt.Sprint(measuredMiB)); err != nil {
		return err
	}
	theirs, _, err := b.makeTwin(ctx, machine, copied)
	if err != nil {
		return err
	}
	if err := theirs.ready(ctx); err != nil {
		return err
	}
	for _, kind := range []string{"read", "write", "random-read", "random-write"} {
		var rates [2][]float64
		for i := range pairsOfRuns {
			order := []int{0, 1}
			if i%2 == 1 {
				slices.Reverse(order)
			}
			for _, at := range order {
				rate, err := []twin{ours, theirs}[at].rate(ctx, kind)
				if err != nil {
					return err
				}
				rates[at] = append(rates[at], rate)
			}
		}
		note("  pool %s, %s: %.0f a second; by hand %.0f", pool, kind, median(rates[0]), median(rates[1]))
		b.atLeast(fmt.Sprintf("%s within a VM in pool %s / within its twin by virsh", kind, pool), median(rates[0])/median(rates[1]), "ratio", 0.95)
	}
	return nil
}

// ready waits until the guest's agent answers. A twin has no address, so that it is asked through its agent.
func (t twin) ready(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, bootPatience)
	defer stop()
	for {
		_, err := t.guestctl(ctx, "stats")
		if err == nil || ctx.Err() != nil {
			return err
		}
		if sleep(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("guest %s does not answer: %w", t.name, err)
		}
	}
}

// rate is how many transfers the guest's disk did a second.
func (t twin) rate(ctx context.Context, kind string) (float64, error) {
	answer, err := t.guestctl(ctx, "speed", kind, fmt.Sprint(measuredMiB), fmt.Sprint(runSeconds))
	if err != nil {
		return 0, err
	}
	var found struct{ Transfers, Seconds float64 }
	if err := json.Unmarshal(answer, &found); err != nil {
		return 0, err
	}
	return found.Transfers / found.Seconds, nil
}

// guestctl runs the guest's own tool through its agent, and returns what it says.
func (t twin) guestctl(ctx context.Context, words ...string) ([]byte, error) {
	var started struct {
		Return struct {
			PID int `json:"pid"`
		}
	}
	run := map[string]any{"path": "/usr/bin/guestctl", "arg": words, "capture-output": true}
	if err := t.agent(ctx, "guest-exec", run, &started); err != nil {
		return nil, err
	}
	for {
		var status struct {
			Return struct {
				Exited   bool   `json:"exited"`
				ExitCode int    `json:"exitcode"`
				Output   string `json:"out-data"`
			}
		}
		if err := t.agent(ctx, "guest-exec-status", map[string]any{"pid": started.Return.PID}, &status); err != nil {
			return nil, err
		}
		if status.Return.Exited {
			said, err := base64.StdEncoding.DecodeString(status.Return.Output)
			if err == nil && status.Return.ExitCode != 0 {
				err = fmt.Errorf("guestctl %s: %s", strings.Join(words, " "), said)
			}
			return said, err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (t twin) agent(ctx context.Context, command string, arguments map[string]any, into any) error {
	asked, err := json.Marshal(map[string]any{"execute": command, "arguments": arguments})
	if err != nil {
		return err
	}
	answer, err := t.virsh(ctx, "h1", "qemu-agent-command", t.name, string(asked))
	return errors.Join(err, json.Unmarshal([]byte(answer), into))
}

// diskOf is where libvirt finds a VM's disk: the path of a file, or an image of Ceph with its pool.
func (b *bench) diskOf(ctx context.Context, machine vm.VM) (definition, disk string, err error) {
	definition, err = twin{lab: b.lab, name: string(machine.ID)}.virsh(ctx, "h1", "dumpxml", "--inactive", string(machine.ID))
	if err != nil {
		return "", "", err
	}
	found := sourceOf.FindStringSubmatch(definition)
	if found == nil {
		return "", "", fmt.Errorf("the definition of %s names no disk", machine.ID)
	}
	return definition, found[1], nil
}

// removal takes a twin's disk away.
func (b *bench) removal(disk string) []string {
	if path.IsAbs(disk) {
		return []string{"rm", "-f", disk}
	}
	return []string{"rbd", "-c", filepath.Join(b.data, "lab", "ceph", "ceph.conf"), "--no-progress", "rm", disk}
}
