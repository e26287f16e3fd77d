package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store/db"
	"github.com/novacron/novacron/internal/vm"
)

// SetState is what became true of a VM.
type SetState struct {
	State     vm.State     // empty leaves it
	Host      *id.Host     // nil leaves it, empty takes the VM off its host
	Operation id.Operation // who says so, for the event; empty for an observation
	Reserve   bool         // with Host: Exhausted if the host cannot promise what the VM needs, checked without races
	IfFree    bool         // Conflict if an operation holds the VM: what was observed then is the operation's own doing
}

// SetVMState records what became true, with the event vm.<state>, or vm.placed or vm.moved if only the host changed.
// Nothing is written if it was recorded already.
func (s *Store) SetVMState(ctx context.Context, machine id.VM, became SetState) error {
	return s.change(ctx, func(c *change) error {
		if became.IfFree {
			if err := c.checkFree(ctx, machine); err != nil {
				return err
			}
		}
		locked, err := c.LockVM(ctx, string(machine))
		if err != nil {
			return missing(err, "there is no VM %s; it may have been deleted", machine)
		}
		state, on, was := vm.State(locked.State), fromNull[id.Host](locked.HostID), fromNull[id.Host](locked.HostID)
		if became.State != "" {
			state = became.State
		}
		if became.Host != nil {
			on = *became.Host
		}
		if state == vm.State(locked.State) && on == was {
			return nil
		}
		if became.Reserve && on != was {
			if err := c.reserve(ctx, locked, on); err != nil {
				return err
			}
		}
		c.emitVMState(locked, became.Operation, state, on)
		return c.SetVMState(ctx, string(state), orNull(on), locked.ID)
	})
}

func (c *change) emitVMState(locked db.LockVMRow, by id.Operation, state vm.State, on id.Host) {
	facts := vmFacts{Name: locked.Name, State: state, Host: on}
	happened := "vm." + string(state)
	if was := fromNull[id.Host](locked.HostID); was != on {
		facts.FromHost = was
	}
	switch {
	case string(state) != locked.State:
		facts.Was = vm.State(locked.State)
	case locked.HostID == nil:
		happened = "vm.placed"
	default:
		happened = "vm.moved"
	}
	c.emit(event.Event{
		Type: happened, Project: locked.ProjectID, SubjectKind: "vm", SubjectID: locked.ID, Operation: string(by),
	}, facts)
}

// checkFree refuses while an operation holds the VM and keeps others from claiming it until the transaction ends.
func (c *change) checkFree(ctx context.Context, machine id.VM) error {
	resource := []string{string(machine)}
	if err := c.LockResources(ctx, resource); err != nil {
		return err
	}
	holder, err := c.ClaimInTheWay(ctx, resource, nil)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return busy(operation.Subject{}, holder.ResourceID, holder.OperationID, holder.Kind)
}

// reserve refuses if the host cannot promise what the VM needs. Its row stays locked until the transaction ends, so that
// two VMs are not promised the same memory.
func (c *change) reserve(ctx context.Context, machine db.LockVMRow, on id.Host) error {
	row, err := c.LockHost(ctx, string(on))
	if err != nil {
		return missing(err, "there is no host %s; list them with novacron host list", on)
	}
	promised, err := c.PromisedOnHost(ctx, string(on), machine.ID)
	if err != nil {
		return err
	}
	candidate := host.Host{Promised: host.Resources{CPUs: int(promised.CPUs), MemoryBytes: promised.MemoryBytes}}
	if err := unmarshal(row.Facts, &candidate.Facts); err != nil {
		return err
	}
	free := candidate.Free()
	if int(machine.CPUs) > free.CPUs || machine.MemoryBytes > free.MemoryBytes {
		return fault.Exhausted("host %s has room for %d CPUs and %d MiB of memory, and VM %s needs %d and %d MiB; make room or take another host",
			row.Name, free.CPUs, free.MemoryBytes/vm.MiB, machine.Name, machine.CPUs, machine.MemoryBytes/vm.MiB)
	}
	return nil
}
