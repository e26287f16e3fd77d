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
