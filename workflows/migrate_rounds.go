package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/precopy"
)

// TuneUpdate is the name of the update that steers a live migration.
const TuneUpdate = "tune"

// Steering is an operator's tuning with the operator's name.
type Steering struct {
	By     string           `json:"by"`
	Tuning operation.Tuning `json:"tuning"`
}

// send begins the migration. Its failure is not the last word: the call may have failed and the migration begun.
func (m *migration) send(ctx workflow.Context) error {
	devices := make([]string, 0, len(m.plan.Copy))
	for _, each := range m.plan.Copy {
		devices = append(devices, each.Device)
	}
	_, err := atHost[struct{}](ctx, m.source.at, toHost.StartMigration, host.SendRequest{On: m.source.on(), Migration: hypervisor.Migration{
		VM: m.request.VM, TargetAddress: m.plan.TargetAddress, CopyDisks: devices,
		BandwidthBytes: m.request.Limits.BandwidthBytes, DowntimeMS: m.request.Limits.StartDowntimeMS,
		AllowPostCopy: m.request.Limits.AllowPostCopy, AllowThrottle: m.request.Limits.AllowThrottle,
	}})
	m.sending = err == nil
	return err
}

// watch follows the rounds, which QEMU makes, and carries out what precopy decides about them.
func (m *migration) watch(ctx workflow.Context) error {
	began := workflow.Now(ctx)
	defer func() { m.sending = false }()
	for {
		report, err := m.awaitRounds(ctx, apart(workflow.Now(ctx).Sub(began)))
		if err != nil {
			return err
		}
		m.note(report)
		if m.failure != nil || report.Phase != hypervisor.MigrationActive && report.Phase != hypervisor.MigrationPostCopy {
			return m.failure
		}
		if report.Phase == hypervisor.MigrationPostCopy {
			if ended, err := m.tornApart(ctx); err != nil || ended {
				return err
			}
		}
		decision := precopy.Decide(m.rounds, m.applied, m.request.Limits, workflow.Now(ctx))
		if decision.Action == precopy.Continue {
			continue
		}
		if err := m.apply(ctx, decision, "rules", operation.Tuning{MaxDowntimeMS: decision.DowntimeMS}); err != nil {
			return err
		}
	}
}

// apart lets reports come more rarely the longer a migration takes, so that its history stays small.
func apart(elapsed time.Duration) time.Duration { return max(time.Second, elapsed/100) }

func (m *migration) awaitRounds(ctx workflow.Context, gather time.Duration) (host.RoundsReport, error) {
	var after int64
	if count := len(m.rounds); count > 0 {
		after = m.rounds[count-1].Iteration
	}
	return atHost[host.RoundsReport](ctx, m.source.at, toHost.AwaitRounds, host.RoundsRequest{
		On: m.source.on(), VM: m.request.VM, After: after, Apart: gather,
	})
}

// note adds what a report brings; a round that had been reported in part is replaced.
func (m *migration) note(report host.RoundsReport) {
	for _, round := range report.Rounds {
		if count := len(m.rounds); count > 0 && m.rounds[count-1].Iteration == round.Iteration {
			m.rounds = m.rounds[:count-1]
		}
		m.rounds = append(m.rounds, round)
	}
	if report.Outcome != nil {
		m.outcome = report.Outcome
	}
	if report.Phase == hypervisor.MigrationFailed && m.failure == nil {
		m.failure = refuse(fault.Unavailable("the hypervisor ended the migration: %s", report.Error))
	}
}

// apply carries out a decision and keeps it, so that it shows in the timeline and is not made again.
func (m *migration) apply(ctx workflow.Context, decision precopy.Decision, by string, tuning operation.Tuning) error {
	applied := precopy.Applied{Decision: decision, At: workflow.Now(ctx), By: by}
	if count := len(m.rounds); count > 0 {
		applied.Iteration = m.rounds[count-1].Iteration
	}
	m.applied = append(m.applied, applied)
	tuner := *m.run
	tuner.enter("tune", decision.Reason)
	ctx = workflow.WithValue(ctx, runKey{}, &tuner)
	if decision.Action == precopy.Abort {
		m.failure = refuse(fault.Conflict("the migration was given up and the VM stayed where it was: %s", decision.Reason))
		return m.abort(ctx)
	}
	_, err := atHost[struct{}](ctx, m.source.at, toHost.TuneMigration, host.TuneRequest{
		On: m.source.on(), VM: m.request.VM, Decision: applied,
		Tuning: hypervisor.Tuning{
			BandwidthBytes: tuning.BandwidthBytes, DowntimeMS: tuning.MaxDowntimeMS, PostCopy: decision.Action == precopy.PostCopy,
			Throttle: decision.Action == precopy.Throttle,
		},
	})
	return err
}

// acceptTuning lets operators steer while the hypervisors are at work, and tells them why not at any other time.
func (m *migration) acceptTuning(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, TuneUpdate,
		m.steer,
		workflow.UpdateHandlerOptions{Validator: m.mayTune})
}

func (m *migration) mayTune(steering Steering) error {
	switch {
	case !m.sending:
		return refuse(fault.Conflict("the migration is not sending now, so there is nothing to tune"))
	case steering.Tuning == (operation.Tuning{}):
		return refuse(fault.Invalid("say what to change: the bandwidth, the longest downtime, post-copy or abort"))
	case steering.Tuning.PostCopy && !m.request.Limits.AllowPostCopy:
		return refuse(fault.Conflict("post-copy was not allowed when the migration was asked for, and QEMU cannot allow it later; abort it and ask again with allow_post_copy"))
	}
	return nil
}

func (m *migration) steer(ctx workflow.Context, steering Steering) error {
	tuning := steering.Tuning
	decision := precopy.Decision{Action: precopy.Continue, Reason: "An operator changed the limits."}
	switch {
	case tuning.Abort:
		decision = precopy.Decision{Action: precopy.Abort, Reason: "An operator aborted it."}
	case tuning.PostCopy:
		decision = precopy.Decision{Action: precopy.PostCopy, Reason: "An operator switched to post-copy."}
	case tuning.MaxDowntimeMS > 0:
		decision = precopy.Decision{Action: precopy.RaiseDowntime, DowntimeMS: tuning.MaxDowntimeMS, Reason: "An operator set the longest downtime."}
		m.request.Limits.MaxDowntimeMS = tuning.MaxDowntimeMS
	}
	return m.apply(ctx, decision, steering.By, tuning)
}

// verify waits until neither hypervisor is at work on the VM any more, asks both who runs it, and lets the operation go
// on if it is the target. Nobody's word but theirs counts: not that of a call that failed, nor of one that succeeded.
func (m *migration) verify(ctx workflow.Context) error {
	if m.failure == nil {
		m.failure = m.run.failure
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	if err := m.awaitEnd(ctx); err != nil && !isGivenUp(err) {
		return err
	}
	for {
		here, err := m.source.testify(ctx)
		if err != nil {
			return err
		}
		there, err := m.testify(ctx)
		if err != nil {
			return err
		}
		if there.Machine.Power != hypervisor.Receiving || here.Runs() || here.lost {
			return m.judge(here, there)
		}
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// testimony is what a host says of the VM, or that the host was given up as lost.
type testimony struct {
	host.Observation
	lost bool
}

func (s *seat) testify(ctx workflow.Context) (testimony, error) {
	seen, err := s.inspect(ctx)
	if isGivenUp(err) {
		return testimony{lost: true}, nil
	}
	return testimony{Observation: seen}, err
}

func (m *migration) judge(here, there testimony) error {
	switch {
	case here.Machine.Power == hypervisor.On && there.Machine.Power == hypervisor.On:
		m.split = true
		return refuse(fault.Internal("both hosts say that they run the VM, so neither was touched; decide which one to keep and switch the other off by hand"))
	case m.torn && !here.Runs():
		m.state = there.State()
		return nil
	case there.lost && !here.Runs():
		m.split = true
		return refuse(fault.Unavailable("the target was given up as lost while it may have been running the VM, so nothing was touched"))
	case there.Runs(), there.Defined && !here.Defined && !here.lost && there.Machine.Power != hypervisor.Receiving:
		m.state = there.State()
		return nil
	case m.failure != nil:
		return m.failure
	default:
		return refuse(fault.Unavailable("the migration ended without moving the VM; it is still on the host it was on"))
	}
}

// awaitEnd brings the hypervisors' own job to its end: by waiting for it, or by aborting it if the operation no longer
// wants it. What has gone over to post-copy can only be waited for.
func (m *migration) awaitEnd(ctx workflow.Context) error {
	for {
		report, err := m.awaitRounds(ctx, time.Second)
		if err != nil {
			return err
		}
		m.note(report)
		switch {
		case report.Phase == hypervisor.MigrationPostCopy:
			if ended, err := m.tornApart(ctx); err != nil || ended {
				return err
			}
		case report.Phase != hypervisor.MigrationActive:
			return nil
		case m.failure != nil:
			if err := m.abort(ctx); err != nil {
				return err
			}
		}
	}
}

// tornApart ends a VM that the target stopped running in the middle of post-copy. Part of its memory was there and part is
// here, so it can go on nowhere: it is off from now on, on the target, which has written to its disks. Nothing is decided
// for a target that was given up as lost.
func (m *migration) tornApart(ctx workflow.Context) (ended bool, err error) {
	there, err := m.testify(ctx)
	if err != nil || there.lost {
		return there.lost, err
	}
	if there.Runs() || there.Machine.Power == hypervisor.Receiving {
		return false, nil
	}
	if err := m.source.powerOff(ctx); err != nil {
		return false, err
	}
	m.torn, m.checkpoints = true, nil
	return true, m.defineThere(ctx)
}

// reportLoss is the end of a migration that lost the VM's memory: all is clean and recorded, and nobody may call it done.
func (m *migration) reportLoss(workflow.Context) error {
	return refuse(fault.Unavailable("the target stopped running the VM in the middle of post-copy, so its memory is lost, as in a power cut; it is off on the target now, and can be started there"))
}

// abort tells the source to stop sending; in post-copy it cannot, which is not a failure.
func (m *migration) abort(ctx workflow.Context) error {
	_, err := atHost[struct{}](ctx, m.source.at, toHost.AbortMigration, host.MachineRequest{On: m.source.on(), VM: m.request.VM})
	return err
}
