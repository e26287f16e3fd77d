package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
)

// entry is what the rest of the package needs to know of a kind of operation.
type entry struct {
	run  any // the workflow function
	task func(operation.Operation) (any, error)
	plan func(json.RawMessage) ([]operation.PlannedStep, error)
}

func entryOf[R, S any](run func(workflow.Context, Task[R]) error, tableFor func(R) ([]step[S], *S)) entry {
	return entry{
		run: run,
		task: func(of operation.Operation) (any, error) {
			task := Task[R]{Operation: of.ID, Project: of.Project, Kind: of.Kind, Subject: of.Subject, Actor: of.Actor}
			return task, decode(of.Request, &task.Request)
		},
		plan: func(raw json.RawMessage) ([]operation.PlannedStep, error) {
			var request R
			if err := decode(raw, &request); err != nil {
				return nil, err
			}
			steps, state := tableFor(request)
			return planned(steps, state), nil
		},
	}
}

func decode(raw json.RawMessage, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fault.Internal("the recorded request cannot be read").Because(err)
	}
	return nil
}

func powerEntry(run func(workflow.Context, Task[operation.PowerRequest]) error, steps []step[power]) entry {
	return entryOf(run, func(request operation.PowerRequest) ([]step[power], *power) { return steps, &power{request: request} })
}

var entries = map[operation.Kind]entry{
	operation.Provision: entryOf(Provision, func(request operation.ProvisionRequest) ([]step[provision], *provision) {
		return provisionSteps, &provision{request: request}
	}),
	operation.Start:   powerEntry(Start, startSteps),
	operation.Stop:    powerEntry(Stop, stopSteps),
	operation.Restart: powerEntry(Restart, restartSteps),
	operation.Pause:   powerEntry(Pause, pauseSteps),
	operation.Resume:  powerEntry(Resume, resumeSteps),
	operation.Delete: entryOf(Delete, func(request operation.DeleteRequest) ([]step[deletion], *deletion) {
		return deleteSteps, &deletion{request: request}
	}),
	operation.Migrate: entryOf(Migrate, func(request operation.MigrateRequest) ([]step[migration], *migration) {
		if request.Cold {
			return coldSteps, &migration{request: request}
		}
		return liveSteps, &migration{request: request}
	}),
	operation.Drain: entryOf(Drain, func(request operation.DrainRequest) ([]step[drain], *drain) {
		return drainSteps, &drain{request: request}
	}),
	operation.TakeBackup: entryOf(Backup, func(request operation.BackupRequest) ([]step[taking], *taking) {
		return backupSteps, &taking{request: request}
	}),
	operation.VerifyBackup: entryOf(VerifyBackup, func(request operation.BackupRef) ([]step[kept], *kept) {
		return verifySteps, &kept{request: request}
	}),
	operation.DeleteBackup: entryOf(DeleteBackup, func(request operation.BackupRef) ([]step[kept], *kept) {
		return deleteBackupSteps, &kept{request: request}
	}),
	operation.Restore: entryOf(Restore, func(request operation.RestoreRequest) ([]step[restoration], *restoration) {
		if request.InPlace {
			return restoreInPlaceSteps, &restoration{request: request}
		}
		return restoreSteps, &restoration{request: request}
	}),
	operation.Capacity: entryOf(Capacity, func(request operation.CapacityRequest) ([]step[forecast], *forecast) {
		return capacitySteps, &forecast{request: request}
	}),
	operation.MoveDisk: entryOf(MoveDisk, func(request operation.MoveDiskRequest) ([]step[diskMove], *diskMove) {
		return moveDiskSteps, &diskMove{request: request}
	}),
	operation.GrowDisk: entryOf(GrowDisk, func(request operation.GrowDiskRequest) ([]step[diskGrowth], *diskGrowth) {
		return growDiskSteps, &diskGrowth{request: request}
	}),
	operation.ImportImage: entryOf(ImportImage, func(request operation.ImportImageRequest) ([]step[imageImport], *imageImport) {
		return importImageSteps, &imageImport{request: request}
	}),
	operation.PublishTemplate: entryOf(PublishTemplate, func(request operation.PublishTemplateRequest) ([]step[publication], *publication) {
		return publishTemplateSteps, &publication{request: request}
	}),
	operation.CreateVolume: entryOf(CreateVolume, func(request operation.VolumeRef) ([]step[single], *single) {
		return createVolumeSteps, &single{request: request}
	}),
	operation.DeleteVolume: entryOf(DeleteVolume, func(request operation.VolumeRef) ([]step[single], *single) {
		return deleteVolumeSteps, &single{request: request}
	}),
	operation.GrowVolume: entryOf(GrowVolume, func(request operation.GrowVolumeRequest) ([]step[volumeGrowth], *volumeGrowth) {
		return growVolumeSteps, &volumeGrowth{request: request}
	}),
	operation.MoveVolume: entryOf(MoveVolume, func(request operation.MoveVolumeRequest) ([]step[volumeMove], *volumeMove) {
		return moveVolumeSteps, &volumeMove{request: request}
	}),
	operation.AttachVolume: entryOf(AttachVolume, func(request operation.AttachRequest) ([]step[attachment], *attachment) {
		return attachVolumeSteps, &attachment{request: request}
	}),
	operation.DetachVolume: entryOf(DetachVolume, func(request operation.DetachRequest) ([]step[detachment], *detachment) {
		return detachVolumeSteps, &detachment{request: request}
	}),
	operation.TakeSnapshot: entryOf(TakeSnapshot, func(request operation.SnapshotRequest) ([]step[keeping], *keeping) {
		return takeSnapshotSteps, &keeping{request: request}
	}),
	operation.RevertSnapshot: entryOf(RevertSnapshot, func(request operation.RevertRequest) ([]step[reverting], *reverting) {
		return revertSnapshotSteps, &reverting{request: request}
	}),
	operation.DeleteSnapshot: entryOf(DeleteSnapshot, func(request operation.SnapshotRequest) ([]step[keeping], *keeping) {
		return deleteSnapshotSteps, &keeping{request: request}
	}),
	operation.LimitDisk: entryOf(LimitDisk, func(request operation.LimitDiskRequest) ([]step[limiting], *limiting) {
		return limitDiskSteps, &limiting{request: request}
	}),
	operation.ScanPool: entryOf(ScanPool, func(request operation.ScanPoolRequest) ([]step[scan], *scan) {
		return scanPoolSteps, &scan{request: request}
	}),
	operation.AdoptVolume: entryOf(AdoptVolume, func(request operation.StrayRequest) ([]step[stray], *stray) {
		return adoptVolumeSteps, &stray{request: request}
	}),
	operation.DiscardVolume: entryOf(DiscardVolume, func(request operation.StrayRequest) ([]step[stray], *stray) {
		return discardVolumeSteps, &stray{request: request}
	}),
	operation.CloneVM: entryOf(CloneVM, func(request operation.CloneRequest) ([]step[cloning], *cloning) {
		return cloneSteps, &cloning{request: request}
	}),
	operation.RemovePool: entryOf(RemovePool, func(request operation.RemovePoolRequest) ([]step[poolRemoval], *poolRemoval) {
		return removePoolSteps, &poolRemoval{request: request}
	}),
}

// Register makes a worker run every workflow, under the name of its operation's kind.
func Register(registry worker.WorkflowRegistry) {
	for kind, each := range entries {
		registry.RegisterWorkflowWithOptions(each.run, workflow.RegisterOptions{Name: string(kind)})
	}
	registry.RegisterWorkflowWithOptions(ScheduledBackup, workflow.RegisterOptions{Name: ScheduledBackupName})
}

// ScheduledBackupName is the type of the workflow that Temporal Schedules start.
const ScheduledBackupName = "scheduled_backup"

// Plan answers a dry run: the steps that an operation of this kind would take.
func Plan(kind operation.Kind, request json.RawMessage) (operation.Plan, error) {
	known, ok := entries[kind]
	if !ok {
		return operation.Plan{}, fault.Invalid("there is no operation %q", kind)
	}
	steps, err := known.plan(request)
	return operation.Plan{Kind: kind, Steps: steps}, err
}
