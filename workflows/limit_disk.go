package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/volume"
)

// LimitDisk changes what a VM may ask of a disk, while it runs or while it is off.
func LimitDisk(ctx workflow.Context, task Task[operation.LimitDiskRequest]) error {
	return perform(ctx, task.header(), limitDiskSteps, &limiting{request: task.Request}, (*limiting).result)
}

type limiting struct {
	seat
	request operation.LimitDiskRequest
	plan    control.AttachPlan
}

// LimitResult is what a disk's limits were and are.
type LimitResult struct {
	operation.LimitDiskRequest
	Device string        `json:"device"`
	From   volume.Limits `json:"from"`
}

func (l *limiting) result() any {
	return LimitResult{LimitDiskRequest: l.request, Device: l.plan.Volume.Device, From: l.plan.Volume.Limits}
}

var limitDiskSteps = []step[limiting]{
	{name: "read", title: "Read the VM and its disk", do: (*limiting).read},
	{name: "limit", title: "Set the limits", do: (*limiting).limit, undo: (*limiting).unlimit, undoes: "Set the limits that it had"},
	{name: "commit", title: "Record them", do: (*limiting).commit, noReturn: true},
}

func (l *limiting) read(ctx workflow.Context) (err error) {
	l.plan, err = atControl[control.AttachPlan](ctx, toControl.PlanDiskLimit, l.request)
	l.machine, l.at = l.plan.Machine, l.plan.Machine.VM.Host
	return err
}

func (l *limiting) set(ctx workflow.Context, limits volume.Limits) error {
	_, err := atHost[struct{}](ctx, l.at, toHost.LimitDisk, host.LimitRequest{
		On: l.on(), VM: l.request.VM, Device: l.plan.Volume.Device, Limits: limits,
	})
	return err
}

func (l *limiting) limit(ctx workflow.Context) error   { return l.set(ctx, l.request.Limits) }
func (l *limiting) unlimit(ctx workflow.Context) error { return l.set(ctx, l.plan.Volume.Limits) }

func (l *limiting) commit(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.CommitDiskLimit, l.request)
	return err
}
