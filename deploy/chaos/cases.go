package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/workflows"
)

// act is an operation of the campaign.
type act struct {
	name    string
	kind    operation.Kind
	request any
	pool    string
	target  bool   // a second host takes part
	skip    string // steps it never needs here
	anew    bool   // the guest starts anew
	cancel  string // the step at which it is cancelled; its cases are about what is then taken back
}

var acts = []act{
	{name: "migrate-shared", kind: operation.Migrate, request: operation.MigrateRequest{}, pool: "shared", target: true, skip: "fetch_image prepare_disks"},
	{name: "backup-full", kind: operation.TakeBackup, request: operation.BackupRequest{}, pool: "shared", skip: "drop_checkpoints expire"},
	{name: "backup-incremental", kind: operation.TakeBackup, request: operation.BackupRequest{}, pool: "shared", skip: "expire"},
	{name: "restore", kind: operation.Restore, request: operation.RestoreRequest{Start: true}, pool: "shared"},
	{name: "migrate-copy", kind: operation.Migrate, request: operation.MigrateRequest{}, pool: "local", target: true},
	{name: "provision", kind: operation.Provision, request: operation.ProvisionRequest{}, pool: "shared"},
	{name: "delete", kind: operation.Delete, request: operation.DeleteRequest{}, pool: "local"},
	{
		name: "restore-in-place", kind: operation.Restore, request: operation.RestoreRequest{Start: true, InPlace: true}, pool: "shared",
		anew: true, skip: "connect_network",
	},
	{
		name: "migrate-cold", kind: operation.Migrate, request: operation.MigrateRequest{Cold: true}, pool: "local", target: true,
		anew: true, skip: "fetch_image",
	},
	{name: "move-disk", kind: operation.MoveDisk, request: operation.MoveDiskRequest{}, pool: "local"},
	{name: "move-disk-cold", kind: operation.MoveDisk, request: operation.MoveDiskRequest{}, pool: "local", anew: true, skip: "switch verify"},
	{name: "grow-disk", kind: operation.GrowDisk, request: operation.GrowDiskRequest{}, pool: "local", skip: "drop_checkpoints"},
	{name: "attach-volume", kind: operation.AttachVolume, request: operation.AttachRequest{}, pool: "shared", skip: "drop_checkpoints"},
	{name: "detach-volume", kind: operation.DetachVolume, request: operation.DetachRequest{}, pool: "shared", skip: "drop_checkpoints"},
	{name: "clone", kind: operation.CloneVM, request: operation.CloneRequest{Start: true, Instant: "bkp_"}, pool: "shared", target: true},
	{name: "undo-clone", kind: operation.CloneVM, request: operation.CloneRequest{Instant: "bkp_"}, pool: "shared", target: true, cancel: "copy_disks"},
	{name: "undo-move-disk", kind: operation.MoveDisk, request: operation.MoveDiskRequest{}, pool: "local", cancel: "copy"},
	{name: "undo-migrate-copy", kind: operation.Migrate, request: operation.MigrateRequest{}, pool: "local", target: true, cancel: "rounds"},
	{name: "undo-backup", kind: operation.TakeBackup, request: operation.BackupRequest{}, pool: "shared", cancel: "copy_disks"},
	{name: "undo-restore", kind: operation.Restore, request: operation.RestoreRequest{Start: true}, pool: "shared", cancel: "restore_disks"},
	{name: "undo-provision", kind: operation.Provision, request: operation.ProvisionRequest{}, pool: "shared", cancel: "await_guest"},
	// Last, because other operations are refused while a VM has snapshots.
	{name: "take-snapshot", kind: operation.TakeSnapshot, request: operation.SnapshotRequest{}, pool: "shared"},
	{name: "revert-snapshot", kind: operation.RevertSnapshot, request: operation.RevertRequest{Start: true}, pool: "shared", anew: true, skip: "drop_checkpoints connect_network"},
	{name: "delete-snapshot", kind: operation.DeleteSnapshot, request: operation.SnapshotRequest{}, pool: "shared"},
}

// moment is when, seen from one step, the fault happens.
type moment string

const (
	scheduled moment = "before" // as its activity waits to be taken
	started   moment = "during" // a while after a worker began it
	completed moment = "after"  // as its result is known
)

// momentsOf leaves out the instant after a step where another step follows: that is the instant before the next.
func momentsOf(last bool) []moment {
	if last {
		return []moment{scheduled, started, completed}
	}
	return []moment{scheduled, started}
}

// trial is one case: this fault at this moment of this operation.
type trial struct {
	act    act
	step   string
	moment moment
	victim victim
}

func (t trial) name() string {
	return fmt.Sprintf("%s/%s/%s/%s", t.act.name, t.step, t.moment, t.victim.name)
}

// quick is a representative dozen: each operation, each victim, the moments that hurt most.
var quick = map[string]bool{
	"migrate-shared/rounds/during/worker-source":          true,
	"migrate-shared/start_migration/during/worker-target": true,
	"migrate-shared/rounds/during/libvirtd-source":        true,
	"migrate-shared/rounds/during/temporal":               true,
	"migrate-shared/commit/before/postgres":               true,
	"migrate-shared/verify/before/control":                true,
	"backup-full/copy_disks/during/worker-source":         true,
	"backup-incremental/begin_export/during/server":       true,
	"backup-incremental/copy_disks/before/control":        true,
	"restore/restore_disks/during/worker-source":          true,
	"provision/define/during/libvirtd-source":             true,
	"undo-restore/undo.create_disks/before/control":       true,
	"move-disk/copy/during/worker-source":                 true,
	"move-disk/switch/during/libvirtd-source":             true,
	"delete/undefine/during/worker-source":                true,
	"grow-disk/grow/during/worker-source":                 true,
	"attach-volume/attach/during/libvirtd-source":         true,
	"detach-volume/detach/during/worker-source":           true,
	"take-snapshot/take/during/worker-source":             true,
	"revert-snapshot/revert/during/worker-source":         true,
}

// choose lists the cases in the order of acts, since cases of one pool share a VM.
func choose(chosen settings) ([]trial, error) {
	var cases []trial
	for _, each := range acts {
		all, err := trialsOf(each)
		if err != nil {
			return nil, err
		}
		for at, one := range all {
			if chosen.quick && !quick[one.name()] || !chosen.share.has(at, len(victimsOf(each))) ||
				chosen.only != nil && !chosen.only.MatchString(one.name()) || chosen.passed[one.name()] {
				continue
			}
			cases = append(cases, one)
		}
	}
	if len(cases) == 0 {
		return nil, errors.New("no case is chosen; see them all with -list, without -passed")
	}
	return cases, nil
}

// trialsOf lists every moment of an operation with every victim, the victims changing fastest.
func trialsOf(of act) ([]trial, error) {
	steps, err := stepsOf(of)
	if err != nil {
		return nil, err
	}
	var all []trial
	for at, step := range steps {
		for _, when := range momentsOf(at == len(steps)-1) {
			for _, each := range victimsOf(of) {
				all = append(all, trial{act: of, step: step, moment: when, victim: each})
			}
		}
	}
	return all, nil
}

func victimsOf(of act) []victim {
	return slices.DeleteFunc(slices.Clone(victims), func(each victim) bool { return each.target && !of.target })
}

// share is one of several parts of the campaign; the zero share is all of it.
type share struct{ part, of int }

func parseShare(text string) (share, error) {
	var s share
	if _, err := fmt.Sscanf(text, "%d/%d", &s.part, &s.of); err != nil || s.part < 1 || s.part > s.of {
		return share{}, fmt.Errorf("%q is not a part such as 1/10", text)
	}
	return s, nil
}

// has deals the cases of an operation out along diagonals, so that the victim is another one at each moment.
func (s share) has(at, victims int) bool {
	moment, victim := at/victims, at%victims
	return s.of == 0 || (moment+victim)%s.of == s.part-1
}

// stepsOf asks the operation's own plan, which is what a dry run answers.
func stepsOf(of act) ([]string, error) {
	request, err := json.Marshal(of.request)
	if err != nil {
		return nil, err
	}
	plan, err := workflows.Plan(of.kind, request)
	if err != nil {
		return nil, fmt.Errorf("the plan of %s: %w", of.name, err)
	}
	var steps []string
	for _, each := range plan.Steps {
		switch {
		case has(of.skip, each.Name):
		case of.cancel == "":
			steps = append(steps, each.Name)
		case each.Undo != "":
			steps = append([]string{undone + each.Name}, steps...)
		}
		if each.Name == of.cancel {
			break
		}
	}
	return steps, nil
}
