package host

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
)

// PrepareIncoming clears what an earlier, failed migration may have left on this target: a domain that is off, and a seed.
func (a *Activities) PrepareIncoming(ctx context.Context, in MachineRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	if err := a.Hypervisor.PrepareIncoming(ctx, in.VM); err != nil {
		return err
	}
	return a.Seeds.Remove(in.VM)
}

// SendRequest starts a migration away from this host.
type SendRequest struct {
	On
	hypervisor.Migration
}

// StartMigration begins to send a VM, or finds that it is being sent.
func (a *Activities) StartMigration(ctx context.Context, in SendRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	return a.Hypervisor.StartMigration(ctx, in.Migration)
}

// RoundsRequest asks for the rounds after one that is known.
type RoundsRequest struct {
	On
	VM    id.VM         `json:"vm_id"`
	After int64         `json:"after"`
	Apart time.Duration `json:"apart_ns"` // how long to gather rounds before answering
}

// RoundsReport is what happened since.
type RoundsReport struct {
	Phase   hypervisor.MigrationPhase `json:"phase"`
	Rounds  []precopy.Round           `json:"rounds,omitempty"`
	Outcome *precopy.Outcome          `json:"outcome,omitempty"`
	Error   string                    `json:"error,omitempty"`
}

// AwaitRounds watches a migration that the hypervisors carry out between themselves. It answers at once when the
// migration has ended or gone over to post-copy, and else after Apart with the rounds that are new. The last round is
// reported again as it grows, so that the caller replaces a round of the same iteration.
func (a *Activities) AwaitRounds(ctx context.Context, in RoundsRequest) (RoundsReport, error) {
	if in.Host != a.Host {
		return RoundsReport{}, fault.Invalid("this worker acts for host %s, not for %s", a.Host, in.Host)
	}
	began := time.Now()
	for {
		status, err := a.Hypervisor.MigrationStatus(ctx, in.VM)
		if fault.Is(err, fault.KindNotFound) {
			return RoundsReport{Phase: hypervisor.MigrationGone}, nil
		}
		if err != nil {
			return RoundsReport{}, err
		}
		report := RoundsReport{Phase: status.Phase, Outcome: status.Outcome, Error: status.Error}
		for _, round := range status.Rounds {
			if round.Iteration >= in.After {
				report.Rounds = append(report.Rounds, round)
			}
		}
		waiting := status.Phase == hypervisor.MigrationActive || status.Phase == hypervisor.MigrationPostCopy
		if !waiting || time.Since(began) >= in.Apart {
			return report, nil
		}
		activity.RecordHeartbeat(ctx)
		if err := pause(ctx, roundsPollEvery); err != nil {
			return RoundsReport{}, err
		}
	}
}

const roundsPollEvery = 20 * time.Millisecond

// TuneRequest steers a running migration. Decision is what led to it, for the timeline.
type TuneRequest struct {
	On
	VM       id.VM             `json:"vm_id"`
	Tuning   hypervisor.Tuning `json:"tuning"`
	Decision precopy.Applied   `json:"decision"`
}

// TuneMigration changes a running migration. One that has just ended needs no tuning: that is no error.
func (a *Activities) TuneMigration(ctx context.Context, in TuneRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	if err := a.Hypervisor.TuneMigration(ctx, in.VM, in.Tuning); err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	return nil
}

// AbortMigration ends a migration on the sending side; the VM stays, unless it has moved already. One in post-copy cannot
// be ended: it goes on, and that is no error.
func (a *Activities) AbortMigration(ctx context.Context, in MachineRequest) error {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return err
	}
	defer release()
	_, stop := beating(ctx)
	defer stop()
	err = a.Hypervisor.AbortMigration(ctx, in.VM)
	if fault.Is(err, fault.KindNotFound) || fault.Is(err, fault.KindConflict) {
		return nil
	}
	return err
}

// ReadCheckpoints reads a VM's backup checkpoints before it leaves.
func (a *Activities) ReadCheckpoints(ctx context.Context, in MachineRequest) ([]hypervisor.Checkpoint, error) {
	if in.Host != a.Host {
		return nil, fault.Invalid("this worker acts for host %s, not for %s", a.Host, in.Host)
	}
	return a.Hypervisor.Checkpoints(ctx, in.VM)
}

// AdoptRequest brings checkpoints along to the host a VM has moved to.
type AdoptRequest struct {
	On
	VM          id.VM                   `json:"vm_id"`
	Checkpoints []hypervisor.Checkpoint `json:"checkpoints"`
}

// AdoptCheckpoints defines a VM's checkpoints here and returns the names of those that still hold.
func (a *Activities) AdoptCheckpoints(ctx context.Context, in AdoptRequest) ([]string, error) {
	release, err := a.turn(ctx, in.On, string(in.VM))
	if err != nil {
		return nil, err
	}
	defer release()
	return a.Hypervisor.AdoptCheckpoints(ctx, in.VM, in.Checkpoints)
}
