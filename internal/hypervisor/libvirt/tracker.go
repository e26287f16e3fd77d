//go:build cgo

package libvirt

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
)

// pollEvery is how often a migration's statistics are read, besides at each new iteration.
const pollEvery = 200 * time.Millisecond

// tracker watches one migration from its source and keeps what it saw.
type tracker struct {
	vm        id.VM
	throttles bool
	begun     chan struct{} // closed when bytes were first seen to move
	ended     chan struct{} // closed when the ending is known
	kick      chan struct{}

	mutex    sync.Mutex
	seen     bool
	attached bool // started by another process, or our call was lost
	postCopy bool
	rounds   []precopy.Round
	phase    hypervisor.MigrationPhase
	outcome  *precopy.Outcome
	failure  error
}

// track registers a new tracker for a VM; nil if one is at work.
func (d *Driver) track(vm id.VM) *tracker {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if found := d.migrations[vm]; found != nil && !found.over() {
		return nil
	}
	fresh := &tracker{
		vm: vm, begun: make(chan struct{}), ended: make(chan struct{}), kick: make(chan struct{}, 1), phase: hypervisor.MigrationActive,
	}
	d.migrations[vm] = fresh
	delete(d.farewells, vm)
	return fresh
}

// attach makes sure that a job which another process started is watched.
func (d *Driver) attach(vm id.VM, postCopy bool) *tracker {
	if fresh := d.track(vm); fresh != nil {
		fresh.attached, fresh.postCopy = true, postCopy
		go d.watch(fresh)
		return fresh
	}
	return d.trackerOf(vm)
}

// trackerOf returns the VM's last tracker, nil if there is none; a nil tracker can be woken.
func (d *Driver) trackerOf(vm id.VM) *tracker {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.migrations[vm]
}

// wake makes a tracker read at once.
func (t *tracker) wake() {
	if t == nil {
		return
	}
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

func (t *tracker) over() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

func (t *tracker) own() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return !t.attached
}

// pause waits for the next reading; false when the call that is followed has returned.
func (t *tracker) pause(returned <-chan error) (error, bool) {
	select {
	case err := <-returned:
		return err, false
	case <-t.kick:
	case <-time.After(pollEvery):
	}
	return nil, true
}

// follow reads statistics until the migration's own call returns, and passes on its error. It reads over the common
// connection: on the call's own, readings were seen to wait for the call.
func (d *Driver) follow(t *tracker, returned <-chan error) error {
	for {
		_, _ = d.readOnce(t) // the call that is followed tells what is wrong
		if err, on := t.pause(returned); !on {
			return err
		}
	}
}

func (d *Driver) readOnce(t *tracker) (presence, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return call(ctx, d.main, func(connection *virt.Connect) (presence, error) { return onDomain(connection, t.vm, t.read) })
}

// presence is what a reading finds at the source.
type presence int

const (
	sending presence = iota // the job runs
	resting                 // the domain is here, without a job
	left                    // the domain stopped because it was migrated
)

// read takes one reading of the job.
func (t *tracker) read(domain *virt.Domain) (presence, error) {
	state, reason, err := domain.GetState()
	if err != nil {
		return resting, err
	}
	if state == virt.DOMAIN_SHUTOFF && virt.DomainShutoffReason(reason) == virt.DOMAIN_SHUTOFF_MIGRATED {
		return left, nil
	}
	postCopy := inPostCopy(state, reason)
	job, err := domain.GetJobStats(0)
	if codeOf(err) == virt.ERR_OPERATION_INVALID {
		return resting, nil // it is off
	}
	if err != nil {
		return resting, err
	}
	running := job.Type == virt.DOMAIN_JOB_BOUNDED || job.Type == virt.DOMAIN_JOB_UNBOUNDED
	if !running || job.Operation != virt.DOMAIN_JOB_OPERATION_MIGRATION_OUT {
		if postCopy {
			return sending, nil // the daemon has lost its job, but the target goes on fetching
		}
		return resting, nil
	}
	t.note(job, postCopy)
	return sending, nil
}

// note keeps a reading as the state of its iteration. The first reading of an iteration also completes the one before,
// since QEMU counts what a pass left to do when the next begins.
func (t *tracker) note(job *virt.DomainJobInfo, postCopy bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.postCopy = t.postCopy || postCopy
	if job.MemTotal == 0 && job.DiskTotal == 0 {
		return // the daemons are still talking to each other
	}
	if !t.seen {
		t.seen = true
		close(t.begun)
	}
	reading := roundOf(job, t.postCopy)
	last := len(t.rounds) - 1
	switch {
	case last < 0:
		t.rounds = append(t.rounds, reading)
	case reading.Iteration < t.rounds[last].Iteration: // after the switch to post-copy the count may be that of another pass
		reading.Iteration = t.rounds[last].Iteration
		t.rounds[last] = reading
	case reading.Iteration == t.rounds[last].Iteration:
		t.rounds[last] = reading
	default:
		complete := reading
		complete.Iteration = t.rounds[last].Iteration
		complete.PostCopy = t.rounds[last].PostCopy
		t.rounds[last] = complete
		t.rounds = append(t.rounds, reading)
	}
}

// roundOf translates a reading. In flight, libvirt's downtime is QEMU's estimate.
func roundOf(job *virt.DomainJobInfo, postCopy bool) precopy.Round {
	return precopy.Round{
		Iteration: int64(job.MemIteration), At: time.Now().UTC(), ElapsedMS: int64(job.TimeElapsed), TotalBytes: int64(job.MemTotal),
		RemainingBytes: int64(job.MemRemaining), TransferredBytes: int64(job.MemProcessed),
		DirtyRateBytes: int64(job.MemDirtyRate * job.MemPageSize), BandwidthBytes: int64(job.MemBps),
		ThrottlePercent: job.AutoConvergeThrottle, ExpectedDowntimeMS: int64(job.Downtime),
		DiskTotalBytes: int64(job.DiskTotal), DiskRemainingBytes: int64(job.DiskRemaining), PostCopy: postCopy,
	}
}

func outcomeOf(job *virt.DomainJobInfo) *precopy.Outcome {
	return &precopy.Outcome{
		TotalMS: int64(job.TimeElapsed), DowntimeMS: int64(job.Downtime), SetupMS: int64(job.SetupTime),
		Iterations: int64(job.MemIteration), TransferredBytes: int64(job.MemProcessed + job.DiskProcessed),
		PostCopy: job.MemPostcopyReqs > 0,
	}
}

// watch follows a migration that no call of ours carries, until the domain has left or has no job any more.
func (d *Driver) watch(t *tracker) {
	t.mutex.Lock()
	t.attached = true
	t.mutex.Unlock()
	for {
		found, err := d.readOnce(t)
		switch {
		case fault.Is(err, fault.KindNotFound), err == nil && found == left:
			if outcome := d.awaitOutcome(t.vm); outcome != nil || d.farewellOf(t.vm).migrated || found == left {
				t.end(hypervisor.MigrationDone, outcome, nil)
			} else {
				t.end(hypervisor.MigrationGone, nil, nil)
			}
			return
		case err == nil && found == resting:
			t.end(hypervisor.MigrationFailed, nil, t.reason())
			return
		case d.closed():
			return
		}
		_, _ = t.pause(nil)
	}
}

// doubt keeps the error of a call that may not be the migration's end.
func (t *tracker) doubt(err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.failure = err
}

func (t *tracker) reason() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.failure != nil && !isConnectionLost(t.failure) {
		return t.failure
	}
	return errUnwitnessed
}

var errUnwitnessed = errors.New("the hypervisor ended the migration while nobody could hear why; the VM stayed where it was")

// awaitOutcome waits a moment for the completed statistics, which come as an event after the call returns.
func (d *Driver) awaitOutcome(vm id.VM) *precopy.Outcome {
	for range 50 {
		if outcome := d.farewellOf(vm).outcome; outcome != nil {
			return outcome
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

func (t *tracker) end(phase hypervisor.MigrationPhase, outcome *precopy.Outcome, failure error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if outcome != nil {
		finished := *outcome
		finished.PostCopy = finished.PostCopy || t.postCopy
		outcome = &finished
	}
	t.phase, t.outcome, t.failure = phase, outcome, failure
	close(t.ended)
}

// status is what a port's caller may know.
func (t *tracker) status() hypervisor.MigrationStatus {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	status := hypervisor.MigrationStatus{Phase: t.phase, Rounds: slices.Clone(t.rounds), Outcome: t.outcome}
	if t.phase == hypervisor.MigrationActive && t.postCopy {
		status.Phase = hypervisor.MigrationPostCopy
	}
	if t.failure != nil && t.phase == hypervisor.MigrationFailed {
		status.Error = explain(t.failure)
	}
	return status
}

// refusal is the error of a migration that ended before it was under way; nil if it was only quick.
func (t *tracker) refusal() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.phase != hypervisor.MigrationFailed {
		return nil
	}
	return migrationFault(t.vm, t.failure)
}

// MigrationStatus reads the job, whoever started it.
func (d *Driver) MigrationStatus(ctx context.Context, vm id.VM) (hypervisor.MigrationStatus, error) {
	known := d.trackerOf(vm)
	if known != nil && !known.over() {
		return known.status(), nil
	}
	here, err := call(ctx, d.main, func(connection *virt.Connect) (arrival, error) {
		return onDomain(connection, vm, readArrival)
	})
	switch {
	case err == nil && here.left: // a tracker that saw it leave says so too, but the domain is still to be forgotten
		status := hypervisor.MigrationStatus{Phase: hypervisor.MigrationDone, Outcome: d.farewellOf(vm).outcome}
		if known != nil && known.status().Phase == hypervisor.MigrationDone {
			status = known.status()
		}
		return status, d.undefine(ctx, vm)
	case fault.Is(err, fault.KindNotFound) && known != nil && known.status().Phase != hypervisor.MigrationFailed:
		return known.status(), nil
	case fault.Is(err, fault.KindNotFound) && d.farewellOf(vm).migrated:
		return hypervisor.MigrationStatus{Phase: hypervisor.MigrationDone, Outcome: d.awaitOutcome(vm)}, nil
	case fault.Is(err, fault.KindNotFound):
		return hypervisor.MigrationStatus{Phase: hypervisor.MigrationGone}, nil
	case err != nil:
		return hypervisor.MigrationStatus{}, err
	case here.sending:
		return d.attach(vm, here.postCopy).status(), nil
	case known != nil && known.status().Phase == hypervisor.MigrationFailed:
		return known.status(), nil
	default:
		return hypervisor.MigrationStatus{Phase: hypervisor.MigrationNone, Outcome: here.outcome}, nil
	}
}

// arrival is what can be said of a VM that is here and that this process does not send.
type arrival struct {
	sending  bool
	postCopy bool
	left     bool             // it went, but the daemon died before it could forget the domain
	outcome  *precopy.Outcome // of the migration that brought it
}

func readArrival(domain *virt.Domain) (arrival, error) {
	state, reason, err := domain.GetState()
	if err != nil {
		return arrival{}, err
	}
	if state == virt.DOMAIN_SHUTOFF && virt.DomainShutoffReason(reason) == virt.DOMAIN_SHUTOFF_MIGRATED {
		return arrival{left: true}, nil
	}
	job, err := jobOf(domain)
	if err != nil {
		return arrival{}, err
	}
	if gone := inPostCopy(state, reason); gone || job == hypervisor.MigrationOut {
		return arrival{sending: true, postCopy: gone}, nil
	}
	completed, err := domain.GetJobStats(virt.DOMAIN_JOB_STATS_COMPLETED | virt.DOMAIN_JOB_STATS_KEEP_COMPLETED)
	if err != nil || completed.Operation != virt.DOMAIN_JOB_OPERATION_MIGRATION_IN || completed.TimeElapsed == 0 {
		return arrival{}, nil // nothing brought it, or the daemon has forgotten
	}
	return arrival{outcome: outcomeOf(completed)}, nil
}
