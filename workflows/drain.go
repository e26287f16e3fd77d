package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// Drain cordons a host and moves its VMs away one after the other, each as an operation of its own. VMs that cannot be
// moved are named; the others are moved all the same, and the host stays cordoned.
func Drain(ctx workflow.Context, task Task[operation.DrainRequest]) error {
	return perform(ctx, task.header(), drainSteps, &drain{request: task.Request, task: task.header()}, (*drain).result)
}

type drain struct {
	request operation.DrainRequest
	task    header
	vms     []control.Resident
	moved   []id.VM
	stuck   []string
}

// DrainResult is what a drain did.
type DrainResult struct {
	Host  id.Host `json:"host_id"`
	Moved []id.VM `json:"moved_vm_ids"`
}

func (d *drain) result() any { return DrainResult{Host: d.request.Host, Moved: d.moved} }

var drainSteps = []step[drain]{
	{name: "cordon", title: "Cordon the host and list its VMs", do: (*drain).cordon},
	{name: "move", title: "Move its VMs away", do: (*drain).move},
	{name: "commit", title: "Check that the host is empty", do: (*drain).check},
}

func (d *drain) cordon(ctx workflow.Context) (err error) {
	d.vms, err = atControl[[]control.Resident](ctx, toControl.CordonForDrain, d.request.Host)
	return err
}

func (d *drain) move(ctx workflow.Context) error {
	for _, each := range d.vms {
		child, err := atControl[id.Operation](ctx, toControl.AcceptMove, control.MoveRequest{
			Parent: d.task.operation, Actor: d.task.actor, VM: each.VM, Key: fmt.Sprintf("%s/%s", d.task.operation, each.VM),
		})
		if err == nil {
			err = awaitOperation(ctx, child)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			d.stuck = append(d.stuck, fmt.Sprintf("%s (%s)", each.Name, runOf(ctx).problemOf(err).Message))
		default:
			d.moved = append(d.moved, each.VM)
		}
	}
	return nil
}

func (d *drain) check(workflow.Context) error {
	if len(d.stuck) > 0 {
		return refuse(fault.Conflict("%d of %d VMs could not be moved: %s; the host stays cordoned", len(d.stuck), len(d.vms), strings.Join(d.stuck, "; ")))
	}
	return nil
}
