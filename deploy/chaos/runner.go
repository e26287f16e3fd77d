package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

const (
	endTimeout  = 10 * time.Minute // for an operation to end, whatever was killed
	midActivity = 400 * time.Millisecond
	memory      = 192 << 20
	disk        = 128 << 20
)

// runner runs cases one by one, and keeps the VM between them.
type runner struct {
	stand   *stand
	random  *rand.Rand
	serial  int
	subject *subject
}

// subject is the VM that cases work on.
type subject struct {
	name  string
	pool  string
	guest guest
}

// run carries out one case. Errors of the set-up are findings too: the stack must do its work between faults.
func (r *runner) run(ctx context.Context, of trial) finding {
	found, err := r.try(ctx, of)
	if err != nil {
		found.wrong = append(found.wrong, err.Error())
		if found.outcome == "" {
			found.outcome = "not judged"
		}
	}
	if len(found.wrong) > 0 || found.outcome == string(operation.Failed) { // libvirt may have lost a job: see hypervisor.LostJob
		r.discard(ctx)
	}
	return found
}

func (r *runner) try(ctx context.Context, of trial) (finding, error) {
	if err := r.stand.settle(ctx); err != nil {
		return finding{}, fmt.Errorf("before the case: %w", err)
	}
	source, target, err := r.places(ctx, of)
	if err != nil {
		return finding{}, err
	}
	launch, err := r.stage(ctx, of, source, target)
	if err != nil {
		return finding{}, fmt.Errorf("setting the stage: %w", err)
	}
	if r.subject != nil && of.act.kind != operation.Provision {
		if source, target, err = r.seats(ctx, of, target); err != nil {
			return finding{}, err
		}
	}
	op, err := launch.start(ctx, target)
	if err != nil {
		return finding{}, fmt.Errorf("starting the operation: %w", err)
	}
	began := time.Now()
	missed, err := r.strike(ctx, of, op.ID, source, target)
	if err != nil {
		return finding{}, err
	}
	ended, err := r.stand.ending(ctx, op.ID)
	found := finding{outcome: string(ended.State), took: time.Since(began), missed: missed}
	if missed {
		found.outcome = "no moment"
	}
	if err != nil {
		return found, err
	}
	found.wrong = r.judge(ctx, of, ended, launch)
	return found, nil
}

// strike waits for the moment, does the deed, and switches on again what was switched off.
func (r *runner) strike(ctx context.Context, of trial, op id.Operation, source, target string) (missed bool, err error) {
	limited, stop := context.WithTimeout(ctx, endTimeout)
	defer stop()
	if of.act.cancel != "" {
		if err := r.cancel(limited, of, op); err != nil {
			return false, fmt.Errorf("cancelling: %w", err)
		}
	}
	came, err := r.stand.await(limited, op, of.step, of.moment)
	if err != nil {
		return false, fmt.Errorf("waiting for the moment: %w", err)
	}
	if !came {
		return true, nil
	}
	if of.moment == started {
		time.Sleep(time.Duration(r.random.Int64N(int64(midActivity))))
	}
	if err := of.victim.strike(ctx, r.stand, source, target); err != nil {
		return false, fmt.Errorf("killing %s: %w", of.victim.name, err)
	}
	if !of.victim.power {
		return false, nil
	}
	time.Sleep(darkness)
	dark := source
	if of.victim.target {
		dark = target
	}
	return false, r.stand.lab.Script(ctx, "start", dark)
}

// cancel cancels the operation of a case that is about what is taken back.
func (r *runner) cancel(ctx context.Context, of trial, op id.Operation) error {
	if came, err := r.stand.await(ctx, op, of.act.cancel, scheduled); err != nil || !came {
		return err
	}
	_, err := r.stand.api.Cancel(ctx, string(op), client.Change{})
	return err
}

// ending waits until an operation has ended. One that waits with a question goes on when its host is back.
func (s *stand) ending(ctx context.Context, op id.Operation) (operation.Operation, error) {
	var last operation.Operation
	err := until(ctx, endTimeout, func(ctx context.Context) error {
		read, err := s.api.Operation(ctx, string(op))
		if err != nil {
			return err
		}
		if last = read; !last.State.Final() {
			return fmt.Errorf("operation %s is %s and does not end; %s", op, last.State, last.Question)
		}
		return nil
	})
	return last, err
}

// judge looks at what is there once the operation has ended.
func (r *runner) judge(ctx context.Context, of trial, ended operation.Operation, launch launch) []string {
	var wrong []string
	for _, each := range ended.Leaks {
		wrong = append(wrong, fmt.Sprintf("%s %s reported as left behind: %s", each.Kind, each.ID, each.Detail))
	}
	if err := r.stand.settle(ctx); err != nil {
		return append(wrong, "not everything came back: "+err.Error())
	}
	wrong = append(wrong, r.stand.check(ctx)...)
	if launch.made != "" {
		if err := r.judgeMade(ctx, ended, launch); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	if r.subject == nil {
		return wrong
	}
	if of.act.kind == operation.Delete && ended.State == operation.Succeeded {
		r.subject = nil
		return wrong
	}
	anew := of.victim.power || of.act.anew
	machine, err := r.revive(ctx, anew)
	if err == nil {
		err = r.stand.sound(ctx, machine, r.subject.guest, anew)
	}
	if err == nil && anew {
		r.subject.guest, err = r.stand.again(ctx, machine, r.subject.guest)
	}
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	return wrong
}

// judgeMade looks at the VM that the operation was to make: all of it or nothing.
func (r *runner) judgeMade(ctx context.Context, ended operation.Operation, launch launch) error {
	machine, err := r.stand.api.VM(ctx, launch.made)
	switch {
	case ended.State != operation.Succeeded && fault.Is(err, fault.KindNotFound):
		return nil
	case ended.State != operation.Succeeded && err == nil:
		err = fmt.Errorf("%s is there although the operation %s", launch.made, ended.State)
	case err == nil && machine.State != vm.Running:
		err = r.stand.power(ctx, launch.made, vm.Start)
	}
	if err == nil {
		err = r.stand.sound(ctx, machine, guest{digest: launch.digest}, true)
	}
	return errors.Join(err, r.stand.remove(ctx, launch.made))
}

// revive starts the subject if it was off or its host lost power.
func (r *runner) revive(ctx context.Context, anew bool) (vm.VM, error) {
	machine, err := r.stand.api.VM(ctx, r.subject.name)
	if err != nil || machine.State == vm.Running {
		return machine, err
	}
	if !anew {
		return machine, fmt.Errorf("%s is %s although nothing switched it off", machine.Name, machine.State)
	}
	return machine, r.stand.power(ctx, machine.Name, vm.Start)
}

// worked waits for an operation without faults, which must succeed.
func (s *stand) worked(ctx context.Context, begun client.Started) error {
	ended, err := s.ending(ctx, begun.Operation.ID)
	if err == nil && ended.State != operation.Succeeded {
		err = fmt.Errorf("%s %s without a fault: %+v", ended.Kind, ended.State, ended.Error)
	}
	return err
}

// remove deletes a VM with its backups; a missing one is fine.
func (s *stand) remove(ctx context.Context, name string) error {
	machine, err := s.api.VM(ctx, name)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	taken, err := s.backups(ctx)
	if err != nil {
		return err
	}
	taken = slices.DeleteFunc(taken, func(each backup.Backup) bool { return each.VM != machine.ID })
	for _, each := range slices.Backward(taken) {
		if begun, err := s.api.DeleteBackup(ctx, string(each.ID), client.Change{}); err != nil {
			return err
		} else if err := s.worked(ctx, begun); err != nil {
			return err
		}
	}
	begun, err := s.api.DeleteVM(ctx, name, client.Change{})
	if err != nil {
		return err
	}
	return s.worked(ctx, begun)
}

// discard deletes the subject; the next case makes its own.
func (r *runner) discard(ctx context.Context) {
	if r.subject == nil {
		return
	}
	// Something may be at work on it yet, above all when the campaign was interrupted.
	remove := func(ctx context.Context) error {
		if err := r.stand.remove(ctx, r.subject.name); err != nil {
			return err
		}
		return r.stand.removeVolume(ctx, r.subject.name)
	}
	if err := until(ctx, endTimeout, remove); err != nil {
		fmt.Printf("       %s could not be removed: %v\n", r.subject.name, err)
	}
	r.subject = nil
}
