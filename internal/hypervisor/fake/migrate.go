package fake

import (
	"context"
	"slices"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/precopy"
)

// Load is what a VM and the network do to its migration. The zero value converges in one round.
type Load struct {
	DirtyRateBytes int64  // a second, what the guest dirties; not less than the bandwidth: never converges
	BandwidthBytes int64  // a second, of the network; 0 means 1 GiB/s
	FailAt         int64  // the iteration in which the migration fails by itself; 0 means never
	FailMessage    string // what the hypervisor says then
	FailInPostCopy bool   // the target's process dies right after the switch to post-copy
}

const (
	defaultBandwidthBytes = 1 << 30
	defaultDowntimeMS     = 300 // QEMU's own default
)

// SetLoad sets how the VM's migrations go; it moves with the VM.
func (h *Host) SetLoad(vm id.VM, load Load) {
	h.cluster.mutex.Lock()
	defer h.cluster.mutex.Unlock()
	if m, found := h.node.machines[vm]; found {
		m.load = load
	}
}

// migration is a job on its source.
type migration struct {
	request   hypervisor.Migration
	target    *node
	suspended bool // the VM was not running when it set out
	iteration int64
	remaining int64
	sent      int64
	elapsedMS int64
	throttle  int
	postCopy  bool
	switching bool // the next reading finds it done
	torn      bool // in post-copy, and the target is dead: it stays so until the VM is switched off
}

func (j *migration) bandwidth(load Load) int64 {
	available := load.BandwidthBytes
	if available == 0 {
		available = defaultBandwidthBytes
	}
	if j.request.BandwidthBytes > 0 {
		return min(available, j.request.BandwidthBytes)
	}
	return available
}

func (j *migration) downtimeLimitMS() int64 {
	if j.request.DowntimeMS > 0 {
		return j.request.DowntimeMS
	}
	return defaultDowntimeMS
}

// StartMigration begins to send the VM.
func (h *Host) StartMigration(ctx context.Context, request hypervisor.Migration) error {
	return h.do(ctx, "StartMigration", func() error {
		m, err := h.find(request.VM)
		if err != nil {
			return err
		}
		if m.sending != nil {
			return nil
		}
		if _, err := h.findRunning(request.VM); err != nil {
			return err
		}
		if m.export != nil {
			return fault.Conflict("VM %s is being backed up; wait for it", m.definition.Name)
		}
		target := h.cluster.nodeAt(request.TargetAddress)
		if target == nil || target.away {
			return fault.Unavailable("no hypervisor answers at %s", request.TargetAddress)
		}
		if target == h.node {
			return fault.Invalid("VM %s is already on this host", m.definition.Name).At("to")
		}
		if arrived, known := target.machines[request.VM]; known && arrived.power != hypervisor.Off {
			return fault.Conflict("VM %s is on at the target already", m.definition.Name)
		}
		if err := checkCopies(m.definition, request.CopyDisks); err != nil {
			return err
		}
		request.CopyDisks = slices.Clone(request.CopyDisks)
		m.sending = &migration{
			request: request, target: target, suspended: m.power == hypervisor.Suspended, remaining: m.definition.Spec.MemoryBytes,
		}
		if request.AllowThrottle {
			m.sending.throttle = 20
		}
		target.machines[request.VM] = &machine{definition: m.definition, power: hypervisor.Receiving, load: m.load}
		delete(h.rounds, request.VM)
		delete(h.endings, request.VM)
		return nil
	})
}

func checkCopies(definition hypervisor.Definition, devices []string) error {
	for _, device := range devices {
		if !slices.ContainsFunc(definition.Disks, func(d hypervisor.Disk) bool { return d.Device == device }) {
			return fault.Invalid("VM %s has no disk %q to copy", definition.Name, device)
		}
	}
	return nil
}

// MigrationStatus reads the job and lets one more round happen.
func (h *Host) MigrationStatus(ctx context.Context, vm id.VM) (hypervisor.MigrationStatus, error) {
	var status hypervisor.MigrationStatus
	err := h.do(ctx, "MigrationStatus", func() error {
		m, known := h.node.machines[vm]
		ended, witnessed := h.endings[vm]
		switch {
		case known && m.power == hypervisor.Receiving:
			status.Phase = hypervisor.MigrationNone
		case known && m.sending != nil:
			status = h.advance(vm, m)
		case witnessed && (ended.Phase == hypervisor.MigrationDone) == !known:
			status = ended
		case known:
			status.Phase, status.Outcome = hypervisor.MigrationNone, m.arrival
		default:
			status.Phase = hypervisor.MigrationGone
		}
		return nil
	})
	return status, err
}

// advance lets a round happen and returns what can be seen after it.
func (h *Host) advance(vm id.VM, m *machine) hypervisor.MigrationStatus {
	job := m.sending
	switch {
	case job.torn:
		return hypervisor.MigrationStatus{Phase: hypervisor.MigrationPostCopy, Rounds: slices.Clone(h.rounds[vm])}
	case job.switching:
		return h.complete(vm, m)
	}
	job.iteration++
	if m.load.FailAt > 0 && job.iteration >= m.load.FailAt {
		h.cluster.endSending(h.node, vm, m, m.load.FailMessage)
		return h.endings[vm]
	}
	bandwidth := job.bandwidth(m.load)
	dirtyRate := m.load.DirtyRateBytes * int64(100-job.throttle) / 100
	if job.suspended || job.postCopy {
		dirtyRate = 0
	}
	tookMS := max(1, job.remaining*1000/bandwidth)
	job.sent += job.remaining
	job.elapsedMS += tookMS
	job.remaining = min(m.definition.Spec.MemoryBytes, dirtyRate*tookMS/1000)
	expectedMS := job.remaining * 1000 / bandwidth
	job.switching = expectedMS <= job.downtimeLimitMS()
	h.rounds[vm] = append(h.rounds[vm], precopy.Round{
		Iteration: job.iteration, At: time.Now().UTC(), ElapsedMS: job.elapsedMS, TotalBytes: m.definition.Spec.MemoryBytes,
		RemainingBytes: job.remaining, TransferredBytes: job.sent, DirtyRateBytes: dirtyRate, BandwidthBytes: bandwidth,
		ThrottlePercent: job.throttle, ExpectedDowntimeMS: expectedMS, PostCopy: job.postCopy,
	})
	status := hypervisor.MigrationStatus{Phase: hypervisor.MigrationActive, Rounds: slices.Clone(h.rounds[vm])}
	if job.postCopy {
		status.Phase = hypervisor.MigrationPostCopy
	}
	return status
}

// complete hands the VM over: it runs on the target, and the source forgets it.
func (h *Host) complete(vm id.VM, m *machine) hypervisor.MigrationStatus {
	job := m.sending
	for _, place := range m.definition.Disks {
		if slices.Contains(job.request.CopyDisks, place.Device) {
			moved := h.cluster.diskAt(h.node, place)
			job.target.disks[place.Path] = moved
			h.node.disks[place.Path] = newDisk(moved.bytes.Snapshot()) // the source's file stays behind
		}
	}
	power := hypervisor.On
	if job.suspended {
		power = hypervisor.Suspended
	}
	arrived := &machine{definition: m.definition, power: hypervisor.Receiving, guest: m.guest, frozen: m.frozen, load: m.load}
	job.target.machines[vm] = arrived
	job.target.setPower(vm, arrived, power)
	delete(h.node.machines, vm)
	h.node.changed(vm)
	outcome := precopy.Outcome{
		TotalMS: job.elapsedMS, DowntimeMS: job.remaining * 1000 / job.bandwidth(m.load), Iterations: job.iteration,
		TransferredBytes: job.sent + job.remaining, PostCopy: job.postCopy,
	}
	arrived.arrival = &outcome
	h.endings[vm] = hypervisor.MigrationStatus{
		Phase: hypervisor.MigrationDone, Rounds: slices.Clone(h.rounds[vm]), Outcome: &outcome,
	}
	return h.endings[vm]
}

// failSending ends the job of a sender, wherever it is.
func (c *Cluster) failSending(sender *machine, message string) {
	for _, n := range c.nodes {
		for vm, m := range n.machines {
			if m == sender {
				c.endSending(n, vm, m, message)
			}
		}
	}
}

// loseIncoming is the death of a machine that waits for a migration. In post-copy nobody can go on from there.
func (c *Cluster) loseIncoming(n *node, vm id.VM, message string) {
	if sender := c.senderTo(n, vm); sender != nil && sender.sending.postCopy {
		sender.sending.torn = true
	} else if sender != nil {
		c.failSending(sender, message)
	}
	delete(n.machines, vm)
}

// endSending ends a job without success: the VM stays where it is, and nothing is left on the target.
func (c *Cluster) endSending(n *node, vm id.VM, m *machine, message string) {
	target := m.sending.target
	if waiting, found := target.machines[vm]; found && waiting.power == hypervisor.Receiving {
		delete(target.machines, vm)
	}
	m.sending = nil
	for _, driver := range n.drivers {
		driver.endings[vm] = hypervisor.MigrationStatus{
			Phase: hypervisor.MigrationFailed, Rounds: driver.rounds[vm], Error: message,
		}
	}
}

// TuneMigration changes the running job.
func (h *Host) TuneMigration(ctx context.Context, vm id.VM, tuning hypervisor.Tuning) error {
	return h.do(ctx, "TuneMigration", func() error {
		m, err := h.find(vm)
		if err != nil {
			return err
		}
		if m.sending == nil {
			return fault.NotFound("VM %s is not being migrated", m.definition.Name)
		}
		job := m.sending
		if tuning.PostCopy && !job.request.AllowPostCopy {
			return fault.Conflict("the migration of VM %s was started without post-copy", m.definition.Name)
		}
		if tuning.BandwidthBytes > 0 {
			job.request.BandwidthBytes = tuning.BandwidthBytes
		}
		if tuning.DowntimeMS > 0 {
			job.request.DowntimeMS = tuning.DowntimeMS
		}
		if tuning.Throttle {
			job.throttle = min(99, job.throttle+20)
		}
		if tuning.PostCopy {
			job.postCopy = true
			job.switching = false
			if m.load.FailInPostCopy {
				h.cluster.loseIncoming(job.target, vm, "the target's process died")
			}
		}
		return nil
	})
}

// AbortMigration ends the job.
func (h *Host) AbortMigration(ctx context.Context, vm id.VM) error {
	return h.do(ctx, "AbortMigration", func() error {
		m, known := h.node.machines[vm]
		if !known || m.sending == nil {
			return nil
		}
		if m.sending.postCopy {
			return fault.Conflict("VM %s runs on the target already, so its migration cannot be aborted", m.definition.Name)
		}
		h.cluster.endSending(h.node, vm, m, "the migration was aborted")
		return nil
	})
}

// PrepareIncoming removes a machine that is not running.
func (h *Host) PrepareIncoming(ctx context.Context, vm id.VM) error {
	return h.do(ctx, "PrepareIncoming", func() error {
		m, known := h.node.machines[vm]
		if !known {
			return nil
		}
		if m.running() {
			return fault.Conflict("VM %s is on here, so it cannot arrive here", m.definition.Name)
		}
		if h.cluster.senderTo(h.node, vm) != nil {
			return fault.Unavailable("VM %s is arriving here this moment; try again when that has ended", m.definition.Name)
		}
		delete(h.node.machines, vm)
		return nil
	})
}
