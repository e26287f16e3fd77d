package main

import (
	"context"
	"fmt"
	"time"

	"github.com/novacron/novacron/deploy/lab"
	"github.com/novacron/novacron/internal/vm"
)

// guest is what must not change in a guest: its disk's contents and, unless its power was cut, its boot.
type guest struct {
	address string
	boot    string
	name    string  // as the guest itself says
	uptime  float64 // in seconds
	digest  string
}

// exercise makes a guest change and check 16 MiB of its memory, 8 MiB a second.
const exercise = "dirty 16 8"

const guestBoots = 4 * time.Minute // under emulation, on a busy machine

// prepare gives a guest data to lose: blocks on its disk, and memory that changes and is checked all the time.
func (s *stand) prepare(ctx context.Context, machine vm.VM) (guest, error) {
	found, err := s.greet(ctx, machine)
	if err != nil {
		return found, err
	}
	if err := s.tell(ctx, found.address, "write 4 7", nil); err != nil {
		return found, err
	}
	if err := s.tell(ctx, found.address, exercise, nil); err != nil {
		return found, err
	}
	var disk lab.DiskCheck
	err = s.tell(ctx, found.address, "verify", &disk)
	found.digest = disk.Digest
	return found, err
}

// again is prepare for a guest that has started anew and has its data.
func (s *stand) again(ctx context.Context, machine vm.VM, was guest) (guest, error) {
	found, err := s.greet(ctx, machine)
	if err != nil {
		return found, err
	}
	found.digest = was.digest
	return found, s.tell(ctx, found.address, exercise, nil)
}

func (s *stand) greet(ctx context.Context, machine vm.VM) (guest, error) {
	if len(machine.Interfaces) == 0 {
		return guest{}, fmt.Errorf("%s has no address", machine.Name)
	}
	found := guest{address: machine.Interfaces[0].IP.String()}
	limited, stop := context.WithTimeout(ctx, guestBoots)
	defer stop()
	stats, err := s.lab.Await(limited, found.address)
	found.boot, found.name, found.uptime = stats.BootID, stats.Name, stats.UptimeSeconds
	if err == nil && stats.MemoryErrors > 0 {
		err = fmt.Errorf("the guest of %s found %d errors in its memory", machine.Name, stats.MemoryErrors)
	}
	return found, err
}

// sound compares a guest with what it was; booted says that it had to start anew.
func (s *stand) sound(ctx context.Context, machine vm.VM, was guest, booted bool) error {
	now, err := s.greet(ctx, machine)
	if err != nil {
		return err
	}
	var disk lab.DiskCheck
	if err := s.tell(ctx, now.address, "verify", &disk); err != nil {
		return err
	}
	switch {
	case disk.Errors > 0 || was.digest != "" && disk.Digest != was.digest:
		return fmt.Errorf("the disk of %s is not what it was: %d of %d blocks are wrong", machine.Name, disk.Errors, disk.Blocks)
	case !booted && now.boot != was.boot:
		return fmt.Errorf("the guest of %s was started anew: it is %q and up for %.0f s, boot %s; it was %q and up for %.0f s, boot %s",
			machine.Name, now.name, now.uptime, now.boot, was.name, was.uptime, was.boot)
	}
	return nil
}

func (s *stand) tell(ctx context.Context, address, line string, into any) error {
	limited, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	return s.lab.Ask(limited, address, line, into)
}
