package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/vm"
	"github.com/novacron/novacron/internal/volume"
)

// Migrate moves a VM to another host: live, with its memory and, where storage is not shared, its disks; or cold, while
// it is off. Whatever happens on the way, the VM ends on exactly one host, and the record says which.
func Migrate(ctx workflow.Context, task Task[operation.MigrateRequest]) error {
	state := &migration{request: task.Request, actor: task.Actor}
	state.request.Limits = state.request.Limits.Default()
	if task.Request.Cold {
		return perform(ctx, task.header(), coldSteps, state, (*migration).result)
	}
	if err := state.acceptTuning(ctx); err != nil {
		return err
	}
	return perform(ctx, task.header(), liveSteps, state, (*migration).result)
}

type migration struct {
	seat   // on the target
	source seat

	request     operation.MigrateRequest
	actor       string
	plan        control.MigrationPlan
	checkpoints []hypervisor.Checkpoint

	sending bool // the hypervisors are at it, so it can be tuned
	rounds  []precopy.Round
	applied []precopy.Applied
	outcome *precopy.Outcome
	failure error    // why it should not go on, as far as that is known
	state   vm.State // of the VM on the target, once it is there
	torn    bool     // the target lost it in the middle of post-copy
	split   bool     // both hosts run it: touch nothing
	secret  string   // that the hosts know each other by while a disk is copied
	run     *run
}

func (m *migration) bind(r *run) { m.run = r }

// MigrationResult is where the VM ended and what the way there was like.
type MigrationResult struct {
	VM                id.VM            `json:"vm_id"`
	From              id.Host          `json:"from_host_id"`
	To                id.Host          `json:"to_host_id"`
	Cold              bool             `json:"cold"`
	DisksCopied       int              `json:"disks_copied"`
	Rounds            int64            `json:"rounds"`
	PredictedDowntime int64            `json:"predicted_downtime_ms,omitempty"`
	Outcome           *precopy.Outcome `json:"outcome,omitempty"`
}

func (m *migration) result() any {
	result := MigrationResult{
		VM: m.request.VM, From: m.source.at, To: m.at, Cold: m.request.Cold, DisksCopied: len(m.plan.Copy), Outcome: m.outcome,
	}
	if count := len(m.rounds); count > 0 {
		result.Rounds, result.PredictedDowntime = m.rounds[count-1].Iteration, m.rounds[count-1].ExpectedDowntimeMS
	}
	return result
}

var liveSteps = []step[migration]{
	{name: "place", title: "Check both hosts and how the disks get there", do: (*migration).place},
	{name: "fetch_image", title: "Bring the image of the disks to the target (where storage is not shared)", do: (*migration).fetchImages, needless: (*migration).copiesNoImage},
	{
		name: "prepare_disks", title: "Create the disks on the target (where storage is not shared)", do: (*migration).createCopies,
		undo: (*migration).deleteCopies, undoes: "Delete the disks on the target", leak: (*migration).volumeLeak, needless: (*migration).sharesAll,
	},
	{
		name: "connect_network", title: "Connect the network on the target", do: (*migration).connect,
		undo: (*migration).disconnectTarget, undoes: "Disconnect the network on the target", leak: (*migration).portLeak,
	},
	{
		name: "prepare_target", title: "Clear the target of earlier attempts", do: (*migration).clearTarget,
		undo: (*migration).clearTarget, undoes: "Clear the target of what the migration left", leak: (*migration).domainLeak,
	},
	// Clearing the target takes it away again.
	{name: "make_seed", title: "Write the VM's seed on the target (where it has one)", do: (*migration).makeSeed, needless: (*migration).hasNoSeed},
	{name: "read_checkpoints", title: "Note the checkpoints of incremental backups", do: (*migration).readCheckpoints},
	{name: "start_migration", title: "Begin to send the memory", do: (*migration).send, unsettles: true},
	{name: "rounds", title: "Send memory, round by round", do: (*migration).watch},
	{name: "verify", title: "Ask both hosts who runs the VM", do: (*migration).verify, settles: true},
	{name: "commit", title: "Record the new host", do: (*migration).commitMove, noReturn: true},
	{name: "adopt_checkpoints", title: "Take the backup checkpoints along", do: (*migration).adoptCheckpoints},
	{name: "clean_source", title: "Clean up the host it came from", do: (*migration).cleanSource},
	{name: "report_loss", title: "Say that the VM's memory was lost", do: (*migration).reportLoss, needless: (*migration).whole},
}

func (m *migration) place(ctx workflow.Context) (err error) {
	m.plan, err = atControl[control.MigrationPlan](ctx, toControl.PlanMigration, control.MigrationQuestion{
		VM: m.request.VM, To: m.request.To, Cold: m.request.Cold,
	})
	if err != nil {
		return err
	}
	m.source = seat{at: m.plan.Source, machine: m.plan.Machine}
	m.at, m.machine = m.plan.Target, m.plan.Machine
	m.machine.Volumes = m.plan.Copy // what the seat creates and deletes on the target
	return nil
}

// sharesAll is true once it is known that every disk is seen by both hosts.
func (m *migration) sharesAll() bool { return m.plan.Target != "" && len(m.plan.Copy) == 0 }

// whole is true unless the VM's memory was lost on the way.
func (m *migration) whole() bool { return !m.torn }

func (m *migration) copiesNoImage() bool { return m.sharesAll() || m.hasNoImage() }

func (m *migration) createCopies(ctx workflow.Context) error { return m.createVolumes(ctx) }

func (m *migration) deleteCopies(ctx workflow.Context) error {
	return m.unlessSplit(func() error { return m.deleteVolumes(ctx) })
}

func (m *migration) disconnectTarget(ctx workflow.Context) error {
	return m.unlessSplit(func() error { return m.disconnect(ctx) })
}

func (m *migration) clearTarget(ctx workflow.Context) error {
	return m.unlessSplit(func() error {
		_, err := atHost[struct{}](ctx, m.at, toHost.PrepareIncoming, host.MachineRequest{On: m.on(), VM: m.request.VM})
		return err
	})
}

func (m *migration) makeSeed(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, m.at, toHost.MakeSeed, host.MachineRequest{On: m.on(), VM: m.request.VM})
	return err
}

// hasNoSeed is true once it is known that the VM's guest is told nothing.
func (m *migration) hasNoSeed() bool { return m.plan.Target != "" && m.machine.VM.CloudInit == "" }

func (m *migration) unlessSplit(undo func() error) error {
	if m.split {
		return refuse(fault.Conflict("both hosts run the VM, so neither was touched; decide which one to keep and switch the other off by hand"))
	}
	return undo()
}

func (m *migration) readCheckpoints(ctx workflow.Context) (err error) {
	request := host.MachineRequest{On: m.source.on(), VM: m.request.VM}
	m.checkpoints, err = atHost[[]hypervisor.Checkpoint](ctx, m.source.at, toHost.ReadCheckpoints, request)
	return err
}

func (m *migration) commitMove(ctx workflow.Context) error {
	moved := make([]id.Volume, 0, len(m.plan.Copy))
	for _, each := range m.plan.Copy {
		moved = append(moved, each.ID)
	}
	_, err := atControl[struct{}](ctx, toControl.CommitMigration, control.Moved{
		Operation: runOf(ctx).operation, VM: m.request.VM, Host: m.at, State: m.state, Volumes: moved,
	})
	return err
}

// adoptCheckpoints takes along what can be taken; what cannot only means that the next backup reads everything.
func (m *migration) adoptCheckpoints(ctx workflow.Context) error {
	valid, err := atHost[[]string](ctx, m.at, toHost.AdoptCheckpoints, host.AdoptRequest{
		On: m.on(), VM: m.request.VM, Checkpoints: m.checkpoints,
	})
	if err != nil {
		return err
	}
	_, err = atControl[struct{}](ctx, toControl.KeepCheckpoints, control.Checkpoints{VM: m.request.VM, Valid: valid})
	return err
}

// cleanSource removes what a VM leaves on the host it came from. Where that host is lost, somebody gives up on it and the
// rest becomes a leak: the VM itself has long been safe.
func (m *migration) cleanSource(ctx workflow.Context) error {
	r := runOf(ctx)
	left := func(kind, what string, err error) {
		if err != nil {
			r.leaks = append(r.leaks, operation.Leak{Kind: kind, ID: what, Host: m.source.at, Detail: r.problemOf(err).Message})
		}
	}
	_, err := atHost[struct{}](ctx, m.source.at, toHost.PrepareIncoming, host.MachineRequest{On: m.source.on(), VM: m.request.VM})
	left("domain", string(m.request.VM), err)
	left("port", string(m.request.VM), m.source.disconnect(ctx))
	for _, each := range m.plan.Copy {
		left("volume", string(each.ID), m.deleteAtSource(ctx, each))
	}
	return nil
}

func (m *migration) deleteAtSource(ctx workflow.Context, disk volume.Volume) error {
	_, err := atHost[struct{}](ctx, m.source.at, toHost.DeleteVolume, host.VolumeRequest{
		On: m.source.on(), Pool: disk.Pool, Spec: storage.VolumeSpec{Volume: disk.ID},
	})
	return err
}
