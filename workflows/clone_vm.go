package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/vm"
)

// CloneVM makes a VM with the disks of another one, and an identity of its own, or leaves nothing. The source is read only; if it
// runs, it goes on, and its disks are copied as they are at one instant.
func CloneVM(ctx workflow.Context, task Task[operation.CloneRequest]) error {
	return perform(ctx, task.header(), cloneSteps, &cloning{request: task.Request}, (*cloning).result)
}

type cloning struct {
	seat
	request operation.CloneRequest
	plan    control.ClonePlan
	export  host.ExportReport // of a source that runs
	ticket  string            // by which the hosts know each other while disks are copied
}

// CloneResult is what a cloning leaves.
type CloneResult struct {
	MachineResult
	Source id.VM `json:"source_vm_id"`
	Frozen bool  `json:"frozen,omitempty"` // the source ran, and its guest's file systems were at rest in the instant
}

func (c *cloning) result() any {
	state := vm.Stopped
	if c.request.Start {
		state = vm.Running
	}
	return CloneResult{MachineResult: c.resultIn(state), Source: c.request.Source, Frozen: c.export.Frozen}
}

var cloneSteps = []step[cloning]{
	{
		name: "place", title: "Choose a host and a pool", do: (*cloning).place,
		undo: (*cloning).forget, undoes: "Remove the clone from the inventory, which frees its name and address",
	},
	{
		name: "create_disks", title: "Create empty disks", do: (*cloning).createVolumes,
		undo: (*cloning).deleteVolumes, undoes: "Delete the disks", leak: (*cloning).volumeLeak,
	},
	{
		name: "begin_export", title: "Freeze the source's guest for an instant and begin to export its disks", do: (*cloning).beginExport,
		undo: (*cloning).endExport, undoes: "End the export", leak: (*cloning).exportLeak, needless: (*cloning).standsStill,
	},
	{
		name: "copy_disks", title: "Copy the source's disks", do: (*cloning).copyDisks,
		undo: (*cloning).withdraw, undoes: "Withdraw the offer of the source's disks", leak: (*cloning).offerLeak,
	},
	{name: "end_export", title: "End the export of the source's disks", do: (*cloning).endExport, needless: (*cloning).standsStill},
	{
		name: "connect_network", title: "Connect the network", do: (*cloning).connect,
		undo: (*cloning).disconnect, undoes: "Disconnect the network", leak: (*cloning).portLeak,
	},
	{
		name: "define", title: "Define the clone on the host", do: (*cloning).define,
		undo: (*cloning).undefine, undoes: "Switch the clone off and undefine it", leak: (*cloning).domainLeak,
	},
	{name: "start", title: "Start the clone", do: (*cloning).powerOn, needless: (*cloning).staysOff},
	{name: "await_guest", title: "Wait for the guest to answer", do: (*cloning).awaitGuest, needless: (*cloning).staysOff},
	{name: "commit", title: "Check the clone and record it", do: (*cloning).commitClone},
}

func (c *cloning) staysOff() bool { return !c.request.Start }

func (c *cloning) standsStill() bool { return c.request.Instant == "" }

func (c *cloning) place(ctx workflow.Context) (err error) {
	c.plan, err = atControl[control.ClonePlan](ctx, toControl.PlanClone, c.request)
	c.at, c.machine = c.plan.Host, c.plan.Machine
	return err
}

func (c *cloning) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetVM, c.request.VM)
	return err
}

func (c *cloning) onSource() host.On { return host.On{Host: c.plan.Source} }

// beginExport finds a source that has gone off meanwhile to stand still.
func (c *cloning) beginExport(ctx workflow.Context) (err error) {
	c.export, err = atHost[host.ExportReport](ctx, c.plan.Source, toHost.BeginExport, host.ExportRequest{
		On: c.onSource(), VM: c.request.Source, Backup: c.request.Instant, Volumes: c.plan.Disks,
	})
	return err
}

// endExport also drops the checkpoint that an export makes, with which no backup will be compared.
func (c *cloning) endExport(ctx workflow.Context) error {
	if _, err := atHost[struct{}](ctx, c.plan.Source, toHost.EndExport, host.MachineRequest{On: c.onSource(), VM: c.request.Source}); err != nil {
		return err
	}
	_, err := atHost[struct{}](ctx, c.plan.Source, toHost.DropCheckpoint, host.CheckpointRequest{
		On: c.onSource(), VM: c.request.Source, Backup: c.request.Instant,
	})
	return err
}

func (c *cloning) exportLeak() operation.Leak {
	return operation.Leak{Kind: "export", ID: string(c.request.Source), Host: c.plan.Source}
}

// copyDisks lets the clone's host read the source's disks from the host that has them, which may be itself.
func (c *cloning) copyDisks(ctx workflow.Context) (err error) {
	if c.ticket, err = drawTicket(ctx); err != nil {
		return err
	}
	for i, from := range c.plan.Disks {
		offer := host.OfferRequest{On: c.onSource(), Offer: host.Offer{
			Ticket: c.ticket, Pool: from.Pool, Volume: from.ID, From: c.export.Of(from.Device),
		}}
		if _, err := atHost[struct{}](ctx, c.plan.Source, toHost.OfferDisk, offer); err != nil {
			return err
		}
		to := c.machine.Volumes[i]
		_, err := atHost[struct{}](ctx, c.at, toHost.CopyVolume, host.CopyRequest{
			On: c.on(), Pool: to.Pool, Volume: to.ID, From: fmt.Sprintf("%s:%d", c.plan.SourceAddress, host.OfferPort), Ticket: c.ticket,
		})
		if err != nil {
			return err
		}
	}
	return c.withdraw(ctx)
}

func (c *cloning) withdraw(ctx workflow.Context) error {
	if c.ticket == "" {
		return nil
	}
	_, err := atHost[struct{}](ctx, c.plan.Source, toHost.WithdrawDisk, host.OfferRequest{
		On: c.onSource(), Offer: host.Offer{Ticket: c.ticket},
	})
	return err
}

func (c *cloning) offerLeak() operation.Leak {
	return operation.Leak{Kind: "offer", ID: string(c.request.Source), Host: c.plan.Source}
}

func (c *cloning) commitClone(ctx workflow.Context) error {
	if c.request.Start {
		return c.commitRunning(ctx)
	}
	return c.recordState(ctx, vm.Stopped)
}
