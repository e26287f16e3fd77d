package hypervisortest

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
)

// travel migrates a VM from host 0 to host 1 and checks both ends.
func travel(t *testing.T, stage Stage, request hypervisor.Migration, arrives hypervisor.Power) hypervisor.MigrationStatus {
	t.Helper()
	source, target := stage.Open(t, 0), stage.Open(t, 1)
	request.TargetAddress = stage.Address(1)
	must(t, target.PrepareIncoming(t.Context(), request.VM))
	must(t, source.StartMigration(t.Context(), request))
	status := awaitPhase(t, source, request.VM, hypervisor.MigrationDone)
	arrived(t, stage, request.VM, arrives)
	return status
}

// awaitPhase waits for a phase; any other ending fails the test.
func awaitPhase(t *testing.T, driver Driver, machine id.VM, want hypervisor.MigrationPhase) hypervisor.MigrationStatus {
	t.Helper()
	var status hypervisor.MigrationStatus
	eventually(t, "the migration's phase is "+string(want), func() bool {
		var err error
		status, err = driver.MigrationStatus(t.Context(), machine)
		must(t, err)
		if status.Phase != want && status.Phase != hypervisor.MigrationActive && status.Phase != hypervisor.MigrationPostCopy {
			t.Fatalf("the migration ended as %s: %s", status.Phase, status.Error)
		}
		return status.Phase == want
	})
	return status
}

func arrived(t *testing.T, stage Stage, machine id.VM, power hypervisor.Power) {
	t.Helper()
	source, target := stage.Open(t, 0), stage.Open(t, 1)
	_, err := source.Inspect(t.Context(), machine)
	refused(t, err, fault.KindNotFound)
	wantPower(t, target, machine, power)
	if status, err := source.MigrationStatus(t.Context(), machine); err != nil || status.Phase != hypervisor.MigrationGone {
		t.Fatalf("a fresh driver on the source: %+v, %v", status, err)
	}
	if status, err := target.MigrationStatus(t.Context(), machine); err != nil || status.Phase != hypervisor.MigrationNone {
		t.Fatalf("the target: %+v, %v", status, err)
	}
}

func testMigrateShared(t *testing.T, stage Stage) {
	ctx := t.Context()
	definition := boot(t, stage, 0, true)
	source, target := stage.Open(t, 0), stage.Open(t, 1)
	_, err := source.BeginExport(ctx, hypervisor.Export{VM: definition.VM, Checkpoint: "before"})
	must(t, err)
	must(t, source.EndExport(ctx, definition.VM))
	checkpoints, err := source.Checkpoints(ctx, definition.VM)
	must(t, err)
	stage.Write(t, 0, definition.VM, "vda", 4<<20, 64<<10)

	status := travel(t, stage, hypervisor.Migration{VM: definition.VM}, hypervisor.On)
	checkFinished(t, status)
	awaitAgent(t, target, definition.VM)
	must(t, target.Define(ctx, definition))

	missing := hypervisor.Checkpoint{Name: "lost", Definition: replaceName(checkpoints[0], "lost")}
	for range 2 {
		valid, err := target.AdoptCheckpoints(ctx, definition.VM, append(checkpoints, missing))
		if err != nil || len(valid) != 1 || valid[0] != "before" {
			t.Fatalf("adopted %v, %v", valid, err)
		}
	}
	info, err := target.BeginExport(ctx, hypervisor.Export{VM: definition.VM, Checkpoint: "after", Since: "before"})
	must(t, err)
	if !changed(t, info, "vda").covers(4<<20, 64<<10) {
		t.Fatal("what was written before the migration is missing from the changes")
	}
	must(t, target.EndExport(ctx, definition.VM))
}

// checkFinished looks at what a migration that this driver saw from its start left to read.
func checkFinished(t *testing.T, status hypervisor.MigrationStatus) {
	t.Helper()
	if status.Outcome == nil || status.Outcome.Iterations < 1 || status.Outcome.TransferredBytes == 0 || status.Outcome.TotalMS == 0 {
		t.Fatalf("outcome: %+v", status.Outcome)
	}
	if len(status.Rounds) == 0 {
		t.Fatal("no rounds were seen")
	}
	for i, round := range status.Rounds {
		if round.At.IsZero() || i > 0 && round.Iteration <= status.Rounds[i-1].Iteration {
			t.Fatalf("round %d: %+v", i, status.Rounds)
		}
	}
	t.Logf("outcome: %+v", *status.Outcome)
}

func testMigrateSuspended(t *testing.T, stage Stage) {
	definition := define(t, stage, 0, stage.Disk(t, 0, "vda", "qcow2", true, Blank))
	source := stage.Open(t, 0)
	must(t, source.SetPower(t.Context(), definition.VM, hypervisor.On))
	must(t, source.SetPower(t.Context(), definition.VM, hypervisor.Suspended))
	travel(t, stage, hypervisor.Migration{VM: definition.VM}, hypervisor.Suspended)
	must(t, stage.Open(t, 1).SetPower(t.Context(), definition.VM, hypervisor.On))
}

// testMigrateCopies sends disks of every kind and compares what arrived with what was there.
func testMigrateCopies(t *testing.T, stage Stage) {
	disks := []hypervisor.Disk{
		stage.Disk(t, 0, "vda", "qcow2", false, System),
		stage.Disk(t, 0, "vdb", "qcow2", false, Overlay),
		stage.Disk(t, 0, "vdc", "qcow2", false, Blank),
		stage.Disk(t, 0, "vdd", "raw", false, Blank),
	}
	definition := define(t, stage, 0, disks...)
	source, target := stage.Open(t, 0), stage.Open(t, 1)
	must(t, source.SetPower(t.Context(), definition.VM, hypervisor.On))
	awaitAgent(t, source, definition.VM)
	for i, disk := range disks {
		if i > 0 {
			stage.Write(t, 0, definition.VM, disk.Device, int64(i)<<20, 1<<20)
		}
		stage.Receptacle(t, 1, disk)
	}
	before := readAll(t, source, definition.VM, "full")
	checkpoints, err := source.Checkpoints(t.Context(), definition.VM)
	must(t, err)
	stage.Write(t, 0, definition.VM, "vdc", 5<<20, 64<<10)

	travel(t, stage, hypervisor.Migration{VM: definition.VM, CopyDisks: []string{"vda", "vdb", "vdc", "vdd"}}, hypervisor.On)
	valid, err := target.AdoptCheckpoints(t.Context(), definition.VM, checkpoints)
	must(t, err)
	if len(valid) != 1 {
		t.Fatalf("bitmaps must come along with copied disks; adopted %v", valid)
	}
	info, err := target.BeginExport(t.Context(), hypervisor.Export{VM: definition.VM, Checkpoint: "after", Since: "full"})
	must(t, err)
	if !changed(t, info, "vdc").covers(5<<20, 64<<10) {
		t.Fatal("what was written before the migration is missing from the changes")
	}
	must(t, target.EndExport(t.Context(), definition.VM))
	after := readAll(t, target, definition.VM, "compare")
	for _, device := range []string{"vdb", "vdd"} {
		if before[device] != after[device] {
			t.Errorf("%s did not arrive as it was", device)
		}
	}
	if before["vdc"] == after["vdc"] {
		t.Error("vdc does not hold what was written to it last")
	}
}

// readAll hashes every disk of a VM through a full export.
func readAll(t *testing.T, driver Driver, machine id.VM, checkpoint string) map[string][sha256.Size]byte {
	t.Helper()
	info, err := driver.BeginExport(t.Context(), hypervisor.Export{VM: machine, Checkpoint: checkpoint})
	must(t, err)
	sums := map[string][sha256.Size]byte{}
	for _, disk := range info.Disks {
		sums[disk.Device] = sha256.Sum256(read(t, info, disk.Device))
	}
	must(t, driver.EndExport(t.Context(), machine))
	return sums
}

// testMigrateBusy holds a migration open with a busy guest, and does everything to it that can be done meanwhile.
func testMigrateBusy(t *testing.T, stage Stage) {
	ctx := t.Context()
	machine := boot(t, stage, 0, true).VM
	stage.Busy(t, 0, machine)
	source, target := stage.Open(t, 0), stage.Open(t, 1)
	request := hypervisor.Migration{VM: machine, TargetAddress: stage.Address(1), BandwidthBytes: slowBandwidth, DowntimeMS: 1}
	twice(t, func() error { return source.StartMigration(ctx, request) })

	if found := wantPower(t, source, machine, hypervisor.On); found.Job != hypervisor.MigrationOut {
		t.Fatalf("the source: %+v", found)
	}
	if found := wantPower(t, target, machine, hypervisor.Receiving); found.Job != hypervisor.MigrationIn {
		t.Fatalf("the target: %+v", found)
	}
	refused(t, target.PrepareIncoming(ctx, machine), fault.KindUnavailable)
	refused(t, target.SetPower(ctx, machine, hypervisor.On), fault.KindConflict)
	_, err := source.BeginExport(ctx, hypervisor.Export{VM: machine, Checkpoint: "c1"})
	refused(t, err, fault.KindConflict)

	heir := stage.Open(t, 0)
	awaitRounds(t, heir, machine)
	must(t, heir.StartMigration(ctx, request))
	twice(t, func() error { return heir.AbortMigration(ctx, machine) })
	wantPower(t, source, machine, hypervisor.On)
	for _, driver := range []Driver{source, heir} {
		eventually(t, "the abort is known", func() bool {
			status, err := driver.MigrationStatus(ctx, machine)
			must(t, err)
			return status.Phase == hypervisor.MigrationFailed && status.Error != ""
		})
	}
	if status, err := stage.Open(t, 0).MigrationStatus(ctx, machine); err != nil || status.Phase != hypervisor.MigrationNone {
		t.Fatalf("a driver that saw nothing of it: %+v, %v", status, err)
	}
	eventually(t, "the target forgets it", func() bool {
		_, err := target.Inspect(ctx, machine)
		return fault.Is(err, fault.KindNotFound)
	})
	refused(t, source.TuneMigration(ctx, machine, hypervisor.Tuning{DowntimeMS: 1000}), fault.KindNotFound)

	must(t, source.StartMigration(ctx, request))
	awaitRounds(t, source, machine)
	time.Sleep(time.Second)
	if status := awaitPhase(t, source, machine, hypervisor.MigrationActive); len(status.Rounds) == 0 {
		t.Fatalf("%+v", status)
	}
	tuning := hypervisor.Tuning{BandwidthBytes: 1 << 30, DowntimeMS: 2000}
	twice(t, func() error {
		err := source.TuneMigration(ctx, machine, tuning)
		if fault.Is(err, fault.KindNotFound) { // it may have ended in between
			return nil
		}
		return err
	})
	checkFinished(t, awaitPhase(t, source, machine, hypervisor.MigrationDone))
	arrived(t, stage, machine, hypervisor.On)
	awaitAgent(t, target, machine)
}

// awaitRounds waits until a driver has seen the migration send memory.
func awaitRounds(t *testing.T, driver Driver, machine id.VM) {
	t.Helper()
	eventually(t, "a round is seen", func() bool {
		status, err := driver.MigrationStatus(t.Context(), machine)
		must(t, err)
		if status.Phase != hypervisor.MigrationActive {
			t.Fatalf("the migration ended as %s: %s", status.Phase, status.Error)
		}
		return len(status.Rounds) > 0 && status.Rounds[0].TotalBytes > 0
	})
}

func testMigratePostCopy(t *testing.T, stage Stage) {
	ctx := t.Context()
	machine := boot(t, stage, 0, true).VM
	stage.Busy(t, 0, machine)
	source, target := stage.Open(t, 0), stage.Open(t, 1)
	must(t, source.StartMigration(ctx, hypervisor.Migration{
		VM: machine, TargetAddress: stage.Address(1), BandwidthBytes: slowBandwidth, DowntimeMS: 1, AllowPostCopy: true,
	}))
	awaitRounds(t, source, machine)
	twice(t, func() error {
		err := source.TuneMigration(ctx, machine, hypervisor.Tuning{PostCopy: true})
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		return err
	})
	status, err := source.MigrationStatus(ctx, machine)
	must(t, err)
	if status.Phase == hypervisor.MigrationPostCopy {
		err := source.AbortMigration(ctx, machine)
		if later, asked := source.MigrationStatus(ctx, machine); asked == nil && later.Phase == hypervisor.MigrationPostCopy {
			refused(t, err, fault.KindConflict)
		}
	}
	finished := awaitPhase(t, source, machine, hypervisor.MigrationDone)
	if finished.Outcome == nil || !finished.Outcome.PostCopy {
		t.Fatalf("outcome: %+v", finished.Outcome)
	}
	t.Logf("outcome: %+v", *finished.Outcome)
	arrived(t, stage, machine, hypervisor.On)
	awaitAgent(t, target, machine)
}

func testMigrateRefusals(t *testing.T, stage Stage) {
	ctx := t.Context()
	definition := define(t, stage, 0, stage.Disk(t, 0, "vda", "qcow2", true, Blank))
	source := stage.Open(t, 0)
	request := hypervisor.Migration{VM: definition.VM, TargetAddress: stage.Address(1)}
	refused(t, source.StartMigration(ctx, request), fault.KindConflict)
	must(t, source.SetPower(ctx, definition.VM, hypervisor.On))
	nowhere := request
	nowhere.TargetAddress = "10.77.0.99"
	refused(t, source.StartMigration(ctx, nowhere), fault.KindUnavailable)
	if found := wantPower(t, source, definition.VM, hypervisor.On); found.Job != hypervisor.NoJob {
		t.Fatalf("%+v", found)
	}
	unknown := request
	unknown.CopyDisks = []string{"vdz"}
	refused(t, source.StartMigration(ctx, unknown), fault.KindInvalid)
	if status, err := stage.Open(t, 0).MigrationStatus(ctx, definition.VM); err != nil || status.Phase != hypervisor.MigrationNone {
		t.Fatalf("%+v, %v", status, err)
	}
	refused(t, source.TuneMigration(ctx, definition.VM, hypervisor.Tuning{DowntimeMS: 1}), fault.KindNotFound)
	must(t, source.AbortMigration(ctx, definition.VM))
}

func testPrepareIncoming(t *testing.T, stage Stage) {
	ctx := t.Context()
	disk := stage.Disk(t, 0, "vda", "qcow2", true, Blank)
	definition := define(t, stage, 0, disk)
	source, target := stage.Open(t, 0), stage.Open(t, 1)
	must(t, source.SetPower(ctx, definition.VM, hypervisor.On))
	must(t, target.Define(ctx, definition))
	refused(t, target.SetPower(ctx, definition.VM, hypervisor.On), fault.KindConflict) // the disk is locked by the source
	twice(t, func() error { return target.PrepareIncoming(ctx, definition.VM) })
	_, err := target.Inspect(ctx, definition.VM)
	refused(t, err, fault.KindNotFound)
}
